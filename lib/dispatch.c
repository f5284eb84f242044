#include "dispatch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "dsn.h"
#include "log.h"
#include "verdict.h"

#define RCPTS_MAX 1000 /* of a job */
#define FAILURES_MAX 3 /* transports in a row that die of their jobs */

/* --- outcomes --- */

static void
log_outcome(const struct entry *e, const struct entry_rcpt *c, const char *text)
{
	static const char marks[] = ".w+rd-?";
	static const char *const events[] = {
	    "deferred", "deferred", "sent", "sent", "sent", "failed", "unsure"};
	const char *p = strchr(marks, c->mark);
	char code[8];

	snprintf(code, sizeof code, "%03d", c->code);
	log_event(p ? events[p - marks] : "outcome", "id", e->name.id,
	    "mail_id", e->mail_id, "rcpt", c->address, "code", code, "text",
	    text, NULL);
}

/* Whether nothing but acceptance is left: the removal that follows at once
 * records that too. */
static bool
is_last(const struct item *i, size_t rcpt)
{
	size_t k;

	for (k = 0; k < i->entry->n; k++)
		if (k != rcpt && !strchr("+!", i->entry->rcpts[k].mark))
			return false;
	return i->groups == 1 && i->users == 1;
}

static void
record(struct plan *p, struct item *i, size_t rcpt, char mark, int code,
    const char *text)
{
	struct entry_rcpt *c = &i->entry->rcpts[rcpt];

	if (mark == ENTRY_PENDING && c->mark == ENTRY_WARNED)
		mark = ENTRY_WARNED;
	if (mark == ENTRY_ACCEPTED && is_last(i, rcpt))
		entry_note(i->entry, rcpt, mark, code, text);
	else if (entry_mark(i->entry, rcpt, mark, code, text))
		plan_failed(p, "mark", i->name.id);
	log_outcome(i->entry, c, text);
}

void
dispatch_defer(struct plan *p, struct group *g, const char *why)
{
	for (; g->at < g->n; g->at++, g->from = 0) {
		struct item *i = g->items[g->at];
		size_t *rcpts, n, k;

		if (plan_open(p, i)) {
			plan_skip(p, i);
			continue;
		}
		rcpts = xrealloc(NULL, i->entry->n * sizeof *rcpts);
		n = plan_pick(p, g, i->entry, rcpts);
		for (k = 0; k < n; k++)
			record(p, i, rcpts[k], ENTRY_PENDING, 0, why);
		if (n > 0)
			snprintf(p->trouble, sizeof p->trouble, "%s", why);
		free(rcpts);
		plan_close(p, i);
	}
}

/* --- jobs --- */

static void
job_close(struct plan *p, struct dispatch *d, struct dispatch_job *j)
{
	struct item *i = j->item;

	free(j->rcpts);
	*j = d->window[--d->jobs];
	plan_close(p, i);
}

static int
write_job(struct plan *p, const struct item *i, const size_t *rcpts, size_t n,
    struct buf *line)
{
	const struct entry *e = i->entry;
	struct batch_path *paths = xrealloc(NULL, n * sizeof *paths);
	struct batch_job job = {.offset = e->offset,
	    .size = e->size,
	    .id = (char *)i->name.id,
	    .sender = {(char *)e->sender, (char *)e->params},
	    .rcpts = paths,
	    .n = n};
	struct buf path = BUF_INIT;
	char file[QNAME];
	struct address a;
	size_t k;
	int result;

	qname_write(&e->name, file);
	buf_addf(&path, "%s/queue/%s", p->path, file);
	job.path = buf_str(&path);
	for (k = 0; k < n; k++) {
		const struct entry_rcpt *c = &e->rcpts[rcpts[k]];

		plan_path(p, e, rcpts[k], &a);
		paths[k].address = xstrdup(a.text);
		paths[k].params = (char *)c->params;
	}
	result = batch_job_write(&job, line);
	for (k = 0; k < n; k++)
		free(paths[k].address);
	free(paths);
	buf_free(&path);
	return result;
}

/* How many of n recipients go into one line. */
static size_t
fit(const struct entry *e, const size_t *rcpts, size_t n)
{
	size_t k, octets = 0;

	for (k = 0; k < n && k < RCPTS_MAX; k++) {
		const struct entry_rcpt *c = &e->rcpts[rcpts[k]];

		octets += strlen(c->address) + strlen(c->params) + 4;
		if (k > 0 && octets > BATCH_LINE / 2)
			break;
	}
	return k;
}

/* A job for the next item, or for as many of its recipients as one may have;
 * then the item stays for the others. */
static void
feed_one(struct plan *p, struct group *g, struct dispatch *d)
{
	struct item *i = g->items[g->at];
	struct dispatch_job j = {.item = i};
	struct buf line = BUF_INIT;
	size_t all;

	if (plan_open(p, i)) {
		g->at++;
		g->from = 0;
		plan_skip(p, i);
		return;
	}
	j.rcpts = xrealloc(NULL, i->entry->n * sizeof *j.rcpts);
	all = plan_pick(p, g, i->entry, j.rcpts);
	j.left = fit(i->entry, j.rcpts, all);
	if (j.left < all) {
		g->from = j.rcpts[j.left];
		i->groups++;
	} else {
		g->at++;
		g->from = 0;
	}
	if (j.left > 0 && !write_job(p, i, j.rcpts, j.left, &line)) {
		transport_put(&d->t, &line);
		j.end = d->t.queued;
		d->window[d->jobs++] = j;
	} else {
		if (j.left > 0)
			plan_failed(p, "describe", i->name.id);
		free(j.rcpts);
		plan_close(p, i);
	}
	buf_free(&line);
}

void
dispatch_feed(struct plan *p, struct group *g, struct dispatch *d, bool stop)
{
	while (!stop && d->t.in >= 0 && d->jobs < BATCH_WINDOW &&
	    d->t.to.len < BATCH_LINE && g->at < g->n)
		feed_one(p, g, d);
	transport_flush(&d->t);
	if ((stop || g->at == g->n) && d->t.to.len == 0)
		transport_end(&d->t);
}

bool
dispatch_wants_more(const struct group *g)
{
	const struct dispatch *d;

	for (d = g->dispatches; d; d = d->next)
		if (d->t.in >= 0 && d->jobs < BATCH_WINDOW)
			return false;
	return g->at < g->n;
}

/* --- results --- */

static bool
same_path(
    const struct plan *p, const struct entry *e, size_t rcpt, const char *path)
{
	struct address a;

	plan_path(p, e, rcpt, &a);
	return !strcmp(a.text, path);
}

/* Who wants to hear of success hears it from us where mail is at its end, or
 * goes where nobody would say it. */
static char
acceptance(const struct group *g, const struct entry *e,
    const struct entry_rcpt *c, bool no_dsn)
{
	enum route_kind kind = g->route->kind;

	if (!*e->sender || !dsn_notifies(c->params, "SUCCESS", false))
		return ENTRY_ACCEPTED;
	if (kind == ROUTE_DELIVER || (kind == ROUTE_LMTP && no_dsn))
		return ENTRY_DELIVERED;
	return no_dsn ? ENTRY_RELAYED : ENTRY_ACCEPTED;
}

/* What is wrong here, not there: the set-up; a login, which alone is refused by
 * a 5xx and tried again; the resolver, where it knows of no domain at all. */
static void
judge(struct plan *p, const struct group *g, const struct batch_result *b,
    const char *text)
{
	bool dns = b->fate == BATCH_TEMP && !strcmp(b->enhanced, "4.4.3");

	if ((!b->code && !strcmp(b->enhanced, BATCH_OURS)) ||
	    (b->fate == BATCH_TEMP && b->code >= 500))
		plan_trouble(p, text);
	else if (g->route->kind == ROUTE_MX && dns)
		snprintf(p->unresolved, sizeof p->unresolved, "%s", text);
	else if (g->route->kind == ROUTE_MX)
		p->resolved = true;
}

static void
answer(struct plan *p, struct group *g, struct dispatch *d,
    struct dispatch_job *j, size_t k, const struct batch_result *b)
{
	static const char marks[] = {[BATCH_TEMP] = ENTRY_PENDING,
	    [BATCH_PERM] = ENTRY_FAILED,
	    [BATCH_UNSURE] = ENTRY_UNSURE};
	const struct entry *e = j->item->entry;
	struct buf text = BUF_INIT;
	size_t rcpt = j->rcpts[k], owes = strlen(BATCH_NO_DSN);
	bool ok = b->fate == BATCH_OK;
	bool no_dsn = ok && !strncmp(b->text, BATCH_NO_DSN, owes);
	char mark =
	    ok ? acceptance(g, e, &e->rcpts[rcpt], no_dsn) : marks[b->fate];

	j->rcpts[k] = j->rcpts[--j->left];
	if (*b->enhanced)
		buf_addf(&text, "%s ", b->enhanced);
	buf_adds(&text, b->text + (no_dsn ? owes : 0));
	record(p, j->item, rcpt, mark, b->code, buf_str(&text));
	judge(p, g, b, buf_str(&text));
	buf_free(&text);
	d->progress = true;
	g->failures = 0;
	d->last = time(NULL);
	if (j->left == 0)
		job_close(p, d, j);
}

static void
take_result(
    struct plan *p, struct group *g, struct dispatch *d, char *line, size_t n)
{
	struct batch_result b;
	size_t i, k;

	if (batch_result_parse(&b, line, n)) {
		log_error("transport: not a result: %s", line);
		return;
	}
	for (i = 0; i < d->jobs; i++) {
		struct dispatch_job *j = &d->window[i];

		if (strcmp(j->item->name.id, b.id))
			continue;
		for (k = 0; k < j->left; k++)
			if (same_path(p, j->item->entry, j->rcpts[k], b.rcpt)) {
				answer(p, g, d, j, k, &b);
				return;
			}
	}
	log_error("transport: a result nobody asked for: %s %s", b.id, b.rcpt);
}

void
dispatch_results(struct plan *p, struct group *g, struct dispatch *d)
{
	char *line;
	size_t n;

	if (d->t.out < 0)
		return;
	transport_fill(&d->t);
	while ((line = transport_line(&d->t, &n)))
		take_result(p, g, d, line, n);
}

/* --- the transport --- */

int
dispatch_start(struct plan *p, struct group *g, const char *command)
{
	struct dispatch *d = xrealloc(NULL, sizeof *d);
	char why[160];

	*d = (struct dispatch){.next = g->dispatches, .last = time(NULL)};
	if (!transport_start(&d->t, p->q, g->route, p->own, command)) {
		g->dispatches = d;
		g->running++;
		return 0;
	}
	snprintf(why, sizeof why, "start transport: %s", strerror(errno));
	plan_trouble(p, why);
	free(d);
	if (!g->dispatches)
		dispatch_defer(p, g, why);
	return -1;
}

/* What it did not answer was never sent if it never got it, or had no use for
 * its command line; else nobody knows. */
static void
give_up(struct plan *p, struct dispatch *d, bool refused, const char *why)
{
	while (d->jobs > 0) {
		struct dispatch_job *j = &d->window[0];
		bool sent = !refused && j->end <= d->t.written;
		size_t k;

		for (k = 0; k < j->left; k++)
			record(p, j->item, j->rcpts[k],
			    sent ? ENTRY_UNSURE : ENTRY_PENDING, 0, why);
		job_close(p, d, j);
	}
}

static void
describe_end(int status, char *why, size_t size)
{
	if (WIFSIGNALED(status))
		snprintf(why, size, "transport ended by signal %d",
		    WTERMSIG(status));
	else
		snprintf(why, size, "transport ended with status %d",
		    WEXITSTATUS(status));
}

static bool
is_refusal(int status)
{
	return WIFEXITED(status) && verdict_is_misuse(WEXITSTATUS(status));
}

void
dispatch_finish(struct plan *p, struct group *g, struct dispatch *d, int status)
{
	struct dispatch **at = &g->dispatches;
	bool refused = is_refusal(status) && !d->progress;
	bool broken = d->jobs > 0 || !d->progress;
	char why[120];

	describe_end(status, why, sizeof why);
	if (refused || (d->jobs > 0 && !d->progress))
		plan_trouble(p, why);
	give_up(p, d, refused, why);
	transport_close(&d->t);
	while (*at != d)
		at = &(*at)->next;
	*at = d->next;
	free(d);
	g->running--;
	g->failures = broken ? g->failures + 1 : 0;
	if (refused || g->failures >= FAILURES_MAX)
		dispatch_defer(p, g, why);
}
