#include "settle.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "bounce.h"
#include "dsn.h"
#include "log.h"
#include "reply.h"

#define FIRST_WAIT 300
#define LONGEST_WAIT 14400
#define WHOLE_MAX 51200 /* an original over this is cut to its header */

bool
settle_wants(const struct settle_options *o, const struct entry_rcpt *r)
{
	return entry_is_open(r) && !(r->mark == ENTRY_UNSURE && o->hold_unsure);
}

static unsigned
some(unsigned below)
{
	unsigned n = 0;

	if (getrandom(&n, sizeof n, 0) != sizeof n)
		n = (unsigned)time(NULL);
	return n % below;
}

/* Twice as long each time, a quarter of it by chance. */
static long long
next_wait(unsigned tries)
{
	unsigned most = LONGEST_WAIT / 5 * 4, wait = most;

	if (tries < 6 && (FIRST_WAIT << tries) < (int)most)
		wait = FIRST_WAIT << tries;
	return wait + some(wait / 4 + 1);
}

static int
expire(struct entry *e, const struct settle_options *o)
{
	size_t i;

	for (i = 0; i < e->n; i++) {
		struct entry_rcpt *r = &e->rcpts[i];

		if (settle_wants(o, r) &&
		    entry_mark(e, i, ENTRY_FAILED, r->code,
			*r->text ? r->text : "delivery time expired"))
			return -1;
	}
	return 0;
}

/* --- reports --- */

/* What is reported of a mark, to whom, and the mark that it leaves. Without
 * NOTIFY failures are told, and delays if anyone tells; the marks of success
 * are given to those who want it. */
static const struct {
	char from, to;
	const char *wish, *event;
} kinds[] = {
    [BOUNCE_FAILED] = {ENTRY_FAILED, ENTRY_REPORTED, "FAILURE", "bounced"},
    [BOUNCE_DELAYED] = {ENTRY_PENDING, ENTRY_WARNED, "DELAY", "warned"},
    [BOUNCE_RELAYED] = {ENTRY_RELAYED, ENTRY_ACCEPTED, "SUCCESS", "reported"},
    [BOUNCE_DELIVERED] = {
	ENTRY_DELIVERED, ENTRY_ACCEPTED, "SUCCESS", "reported"}};

struct told {
	struct bounce_rcpt rcpt;
	char enhanced[12], orcpt[512];
};

static void
tell(struct told *t, const struct entry_rcpt *r)
{
	size_t n =
	    reply_enhanced(r->text, strlen(r->text), r->code, t->enhanced);

	t->rcpt = (struct bounce_rcpt){.address = r->address,
	    .code = r->code,
	    .enhanced = t->enhanced,
	    .text = r->code ? r->text : r->text + n};
	if (dsn_param(r->params, "ORCPT", t->orcpt, sizeof t->orcpt) &&
	    strchr(t->orcpt, ';')) {
		dsn_decode(t->orcpt, strncasecmp(t->orcpt, "utf-8;", 6) == 0);
		t->rcpt.orcpt = t->orcpt;
	}
}

static int
add_octets(void *add, const void *data, size_t n)
{
	return queue_write(add, data, n);
}

static int
queue_report(struct queue *q, const struct entry *e, struct bounce *b)
{
	struct envelope to = ENVELOPE_INIT;
	struct queue_options plain = {0};
	struct queue_add add;
	char value[128];
	int r = -1;

	b->headers_only = b->action != BOUNCE_FAILED || e->size > WHOLE_MAX ||
	    (dsn_param(e->params, "RET", value, sizeof value) &&
		!strcasecmp(value, "HDRS"));
	if (dsn_param(e->params, "ENVID", value, sizeof value)) {
		dsn_decode(value, false);
		b->envid = value;
	}
	envelope_sender(&to, "", "");
	envelope_rcpt(&to, e->sender, "");
	if (!queue_begin(q, &add, &to, &plain)) {
		r = bounce_write(
		    b, e->fd, e->offset, e->size, add_octets, &add);
		if (r)
			queue_abort(&add);
		else
			r = queue_commit(&add);
	}
	envelope_free(&to);
	b->envid = NULL;
	if (!r)
		log_event(kinds[b->action].event, "id", e->name.id, "mail_id",
		    e->mail_id, "report", add.id, "to", e->sender, NULL);
	return r;
}

/* Reports all with this mark who want to hear of it, then marks them. */
static int
report(struct queue *q, struct entry *e, const struct settle_options *o,
    enum bounce_action action)
{
	struct told *told = xrealloc(NULL, e->n * sizeof *told);
	struct bounce_rcpt *list = xrealloc(NULL, e->n * sizeof *list);
	size_t *at = xrealloc(NULL, e->n * sizeof *at);
	struct bounce b = {.hostname = o->hostname,
	    .id = e->name.id,
	    .sender = e->sender,
	    .arrived = e->created,
	    .last = time(NULL),
	    .retry_until = e->expires,
	    .action = action,
	    .rcpts = list};
	size_t i;
	int r;

	for (i = 0; i < e->n; i++)
		if (e->rcpts[i].mark == kinds[action].from &&
		    dsn_notifies(
			e->rcpts[i].params, kinds[action].wish, true)) {
			tell(&told[b.n], &e->rcpts[i]);
			list[b.n] = told[b.n].rcpt;
			at[b.n++] = i;
		}
	r = b.n ? queue_report(q, e, &b) : 0;
	for (i = 0; i < b.n && !r; i++)
		r = entry_mark(e, at[i], kinds[action].to, e->rcpts[at[i]].code,
		    e->rcpts[at[i]].text);
	free(told);
	free(list);
	free(at);
	return r;
}

/* Failures that nobody wants to hear of. */
static int
pass_over_failures(struct entry *e)
{
	size_t i;

	for (i = 0; i < e->n; i++) {
		const struct entry_rcpt *c = &e->rcpts[i];

		if (c->mark == ENTRY_FAILED &&
		    !dsn_notifies(c->params, "FAILURE", true) &&
		    entry_mark(e, i, ENTRY_REPORTED, c->code, c->text))
			return -1;
	}
	return 0;
}

static int
report_all(struct queue *q, struct entry *e, const struct settle_options *o,
    time_t now)
{
	bool late = o->delay_warning > 0 &&
	    (uint64_t)(now - e->created) >= o->delay_warning;

	return pass_over_failures(e) || report(q, e, o, BOUNCE_FAILED) ||
	    report(q, e, o, BOUNCE_RELAYED) ||
	    report(q, e, o, BOUNCE_DELIVERED) ||
	    (late && report(q, e, o, BOUNCE_DELAYED));
}

/* --- what remains --- */

static int
reschedule(struct queue *q, struct entry *e, time_t now)
{
	long long due = now + next_wait(e->tries);

	if (due > e->expires)
		due = e->expires > now ? e->expires : now + 1;
	return entry_tries(e, e->tries + 1) ||
		entry_rename(q, e, due, e->name.state)
	    ? -1
	    : 0;
}

/* The last acceptance is on disk only as the missing file: where that stays,
 * the marks have to say it, or all would be sent again. */
static int
remove_sent(struct queue *q, struct entry *e)
{
	size_t i;
	int saved;

	if (!entry_remove(q, e))
		return 0;
	saved = errno;
	for (i = 0; i < e->n; i++)
		if (e->rcpts[i].mark == ENTRY_ACCEPTED)
			(void)entry_mark(e, i, ENTRY_ACCEPTED, e->rcpts[i].code,
			    e->rcpts[i].text);
	errno = saved;
	return -1;
}

static int
finish(struct queue *q, struct entry *e, const struct settle_options *o,
    time_t now)
{
	bool wanted = false, unsure = false, failed = false;
	size_t i;

	for (i = 0; i < e->n; i++) {
		wanted = wanted || settle_wants(o, &e->rcpts[i]);
		unsure = unsure || e->rcpts[i].mark == ENTRY_UNSURE;
		failed = failed || e->rcpts[i].mark == ENTRY_FAILED;
	}
	if (wanted)
		return reschedule(q, e, now);
	if (unsure)
		return entry_rename(q, e, e->name.due, 'h');
	if (!failed)
		return remove_sent(q, e);
	log_event("dead", "id", e->name.id, "mail_id", e->mail_id, NULL);
	return entry_bury(q, e);
}

int
settle(struct queue *q, struct entry *e, const struct settle_options *o)
{
	time_t now = time(NULL);

	if (now >= e->expires && expire(e, o))
		return -1;
	if (*e->sender && report_all(q, e, o, now))
		return -1;
	return finish(q, e, o, now);
}
