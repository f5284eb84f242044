#include "control.h"

#include <errno.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "entry.h"
#include "log.h"

/* What is done to one claimed message; 0, or -1 with errno. */
typedef int change(struct queue *q, struct entry *e);

static int
change_rm(struct queue *q, struct entry *e)
{
	return entry_remove(q, e);
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

static change *
find_change(const char *action)
{
	static const struct {
		const char *name;
		change *what;
	} all[] = {{"hold", change_hold}, {"release", change_release},
	    {"retry", change_retry}, {"rm", change_rm}};
	size_t i = 0;

	while (strcmp(all[i].name, action))
		i++;
	return all[i].what;
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
	r = what(q, &e) || fsync(q->queue);
	if (r)
		log_error("%s %s: %s", action, n->id, strerror(errno));
	entry_release(q, &e);
	return r ? EX_TEMPFAIL : EX_OK;
}

static int
change_id(struct queue *q, const char *id, change *what, const char *action)
{
	struct qname n;

	if (!qname_find(q->queue, id, &n))
		return change_name(q, &n, what, action);
	if (errno == ENOENT)
		log_error("%s %s: no such message", action, id);
	else
		log_error("%s %s: %s", action, id, strerror(errno));
	return errno == ENOENT ? EX_NOINPUT : EX_TEMPFAIL;
}

static int
open_lock(struct queue *q)
{
	if (!queue_locks(q))
		return EX_OK;
	log_error("open lock: %s", strerror(errno));
	return EX_TEMPFAIL;
}

int
control_each(struct queue *q, const char *action, char *const ids[])
{
	change *what = find_change(action);
	int first = open_lock(q), code;

	if (first)
		return first;
	for (; *ids; ids++) {
		code = change_id(q, *ids, what, action);
		if (!first)
			first = code;
	}
	return first;
}

static int
retry_one(const char *file, const struct qname *n, void *arg)
{
	struct queue *q = arg;
	struct entry e;
	int r;

	(void)file;
	if (!n || n->state != 'q' || n->due <= time(NULL))
		return 0;
	if (entry_claim(q, n, &e)) /* being sent, or gone */
		return errno == EAGAIN || errno == ENOENT || errno == EBADMSG
		    ? 0
		    : -1;
	r = change_retry(q, &e);
	entry_release(q, &e);
	return r;
}

int
control_retry(struct queue *q)
{
	int code = open_lock(q);

	if (!code && (qname_each(q->queue, retry_one, q) || fsync(q->queue))) {
		log_error("retry: %s", strerror(errno));
		code = EX_TEMPFAIL;
	}
	return code;
}
