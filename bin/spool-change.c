/* spool rm, hold, release and retry: each on a message that it has claimed, so
 * never on one that is being sent. */
#include <errno.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "entry.h"
#include "log.h"
#include "spool.h"

/* What is done to one claimed message; 0, or -1 with errno. */
typedef int change(struct queue *q, struct entry *e);

static int
change_rm(struct queue *q, struct entry *e)
{
	return entry_remove(q, e) || fsync(q->queue) ? -1 : 0;
}

static int
change_hold(struct queue *q, struct entry *e)
{
	return entry_rename(q, e, e->name.due, 'h');
}

/* Who releases it has decided: unsure recipients are pending again. */
static int
change_release(struct queue *q, struct entry *e)
{
	size_t i;

	for (i = 0; i < e->n; i++)
		if (e->rcpts[i].mark == ENTRY_UNSURE &&
		    entry_mark(e, i, ENTRY_PENDING, e->rcpts[i].code,
			e->rcpts[i].text))
			return -1;
	return entry_rename(q, e, e->name.due, 'q');
}

static int
change_retry(struct queue *q, struct entry *e)
{
	return entry_rename(q, e, time(NULL), e->name.state);
}

static int
change_name(
    struct queue *q, const struct qname *n, change *what, const char *action)
{
	struct entry e;
	int r;

	if (entry_claim(q, n, &e)) {
		log_error("%s %s: %s", action, n->id,
		    errno == EAGAIN        ? "it is being sent now"
			: errno == ENOENT  ? "it has just changed, try again"
			: errno == EBADMSG ? "it is corrupt; run sets it aside"
					   : strerror(errno));
		return errno == EBADMSG ? EX_DATAERR : EX_TEMPFAIL;
	}
	r = what(q, &e);
	if (r)
		log_error("%s %s: %s", action, n->id, strerror(errno));
	entry_release(q, &e);
	return r ? EX_TEMPFAIL : EX_OK;
}

static int
change_id(struct queue *q, const char *id, change *what, const char *action)
{
	struct qname n;

	if (!qname_find(q->queue, check_id(id), &n))
		return change_name(q, &n, what, action);
	if (errno == ENOENT)
		log_error("%s %s: no such message", action, id);
	else
		log_error("%s %s: %s", action, id, strerror(errno));
	return errno == ENOENT ? EX_NOINPUT : EX_TEMPFAIL;
}

static void
open_claims(struct queue *q)
{
	open_queue(q);
	if (queue_locks(q))
		log_die(EX_TEMPFAIL, "open lock: %s", strerror(errno));
}

/* Goes on after a failure; the first one is the exit status. */
static int
change_each(char *args[], change *what, const char *action)
{
	struct queue q;
	int first = EX_OK, code;

	if (!*args)
		log_die(EX_USAGE, "%s: no queue id (try --help)", action);
	open_claims(&q);
	for (; *args; args++) {
		code = change_id(&q, *args, what, action);
		if (!first)
			first = code;
	}
	return first;
}

int
do_rm(char *args[])
{
	return change_each(args, change_rm, "rm");
}

int
do_hold(char *args[])
{
	return change_each(args, change_hold, "hold");
}

int
do_release(char *args[])
{
	return change_each(args, change_release, "release");
}

static int
retry_one(const char *file, const struct qname *n, void *arg)
{
	struct queue *q = arg;
	struct entry e;

	(void)file;
	if (!n || n->state != 'q' || n->due <= time(NULL))
		return 0;
	if (entry_claim(q, n, &e)) /* being sent, or gone */
		return errno == EAGAIN || errno == ENOENT || errno == EBADMSG
		    ? 0
		    : -1;
	if (change_retry(q, &e))
		return -1;
	entry_release(q, &e);
	return 0;
}

int
do_retry(char *args[])
{
	struct queue q;

	if (*args)
		return change_each(args, change_retry, "retry");
	open_claims(&q);
	if (qname_each(q.queue, retry_one, &q))
		log_die(EX_TEMPFAIL, "retry: %s", strerror(errno));
	return EX_OK;
}
