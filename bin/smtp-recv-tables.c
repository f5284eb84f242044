#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "smtp-recv.h"

static bool
is_another(const char *path, struct stat *seen)
{
	struct stat was = *seen;

	if (stat(path, seen) != 0)
		memset(seen, 0, sizeof *seen);
	return seen->st_ino != was.st_ino || seen->st_dev != was.st_dev;
}

static bool
file_changed(const char *path, struct stat *seen)
{
	struct stat was = *seen;

	return is_another(path, seen) || seen->st_size != was.st_size ||
	    seen->st_mtim.tv_sec != was.st_mtim.tv_sec ||
	    seen->st_mtim.tv_nsec != was.st_mtim.tv_nsec;
}

bool
tables_changed(struct tables *t)
{
	struct buf path = BUF_INIT;
	bool changed = false;

	if (t->mailboxes_file)
		changed |= file_changed(t->mailboxes_file, &t->seen[0]);
	if (t->senders_file)
		changed |= file_changed(t->senders_file, &t->seen[1]);
	if (t->spool) {
		changed |= is_another(t->spool, &t->seen[3]);
		buf_addf(&path, "%s/routes", t->spool);
		changed |= file_changed(buf_str(&path), &t->seen[2]);
		buf_free(&path);
	}
	return changed;
}

static int
read_routes(struct tables *t, char *why, size_t size)
{
	int dir = open(t->spool, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

	if (dir < 0 && errno == ENOENT)
		return 0; /* the first session makes it */
	if (dir < 0) {
		snprintf(why, size, "open %s: %s", t->spool, strerror(errno));
		return -1;
	}
	r = routes_read(&t->routes, dir, "routes", why, size);
	close(dir);
	return r;
}

int
tables_read(struct tables *t, char *why, size_t size)
{
	mailboxes_free(t->mailboxes);
	t->mailboxes = NULL;
	reach_free(&t->reach);
	senders_free(t->senders);
	t->senders = NULL;
	routes_free(&t->routes);
	t->routes = (struct routes){0};
	if (t->senders_file &&
	    !(t->senders = senders_read(t->senders_file, why, size)))
		return -1;
	if (t->mailboxes_file &&
	    !(t->mailboxes =
		    mailboxes_read(t->mailboxes_file, t->locals, why, size)))
		return -1;
	if (t->mailboxes && t->deliver)
		mailboxes_reach(t->mailboxes, &t->reach);
	return t->spool ? read_routes(t, why, size) : 0;
}
