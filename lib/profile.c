#include "profile.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"
#include "confine.h"

/* Without CONFINE_LIST nobody learns the names of what others put there. */
#define SCRATCH (CONFINE_READ | CONFINE_WRITE | CONFINE_REMOVE)
#define STORE (SCRATCH | CONFINE_LIST | CONFINE_LINK)

static void
allow_scratch(struct confine *c)
{
	const char *dir = getenv("TMPDIR");

	confine_folder(c, dir && *dir ? dir : "/tmp", SCRATCH);
}

/* For the Received fields. It is read with the first one, which most
 * connections do not come to. */
static void
allow_time_zone(struct confine *c)
{
	if (getenv("TZ"))
		tzset();
	else
		confine_file(c, "/etc/localtime", CONFINE_READ);
}

/* The spool of forwards, which are begun with its path. It is made here, since
 * a folder that is not there cannot be allowed. */
static void
allow_forwards(struct confine *c)
{
	struct buf path = BUF_INIT;
	struct queue q;

	queue_default_path(&path);
	if (access(buf_str(&path), F_OK) != 0 &&
	    queue_open(&q, NULL, true) == 0)
		queue_close(&q);
	confine_folder(c, path.data, STORE | CONFINE_FOLDERS);
	buf_free(&path);
}

int
profile_smtp(const struct profile_smtp *p)
{
	unsigned calls = FILTER_PAIR | FILTER_FILES;
	struct confine c;

	confine_begin(&c);
	if (p->queue) {
		confine_open_folder(&c, p->queue->tmp, SCRATCH | CONFINE_LINK);
		confine_open_folder(&c, p->queue->queue,
		    CONFINE_WRITE | CONFINE_REMOVE | CONFINE_LINK);
	}
	if (p->command || p->mailboxes)
		allow_scratch(&c);
	for (size_t i = 0; p->mailboxes && i < p->mailboxes->n; i++)
		confine_folder(&c, p->mailboxes->path[i], STORE);
	if (p->mailboxes && p->mailboxes->forwards) {
		allow_forwards(&c);
		/* root becomes the owner of another's spool to write there. */
		if (geteuid() == 0)
			calls |= FILTER_DROP;
	}
	allow_time_zone(&c);
	return confine_enter(&c, calls);
}

int
profile_pop3_login(void)
{
	struct confine c;

	confine_begin(&c);
	return confine_enter(&c, FILTER_PAIR);
}

int
profile_pop3(const struct maildir *box)
{
	const unsigned rights = CONFINE_LIST | CONFINE_READ | CONFINE_REMOVE;
	struct confine c;

	confine_begin(&c);
	confine_open_folder(&c, box->new, rights);
	confine_open_folder(&c, box->cur, rights);
	return confine_enter(&c, FILTER_PAIR | FILTER_FILES);
}
