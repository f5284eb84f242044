#include "runner.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <search.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/wait.h>
#include <unistd.h>

#include "address.h"
#include "batch.h"
#include "health.h"
#include "log.h"
#include "routes.h"
#include "transport.h"
#include "verdict.h"

#define FAILURES_MAX 3
#define POLL_SECONDS 60

/* A message that is to be tried. Several groups may have recipients of it;
 * they share the claim while they are at work, and the last one settles. */
struct item {
	struct qname name;
	struct entry entry; /* while users > 0 */
	unsigned groups;    /* that are not done with it */
	unsigned users;     /* that have a job of it */
	bool gone;          /* taken or settled by another runner */
};

struct job {
	struct item *item;
	size_t *rcpts; /* indices, answered ones at the end */
	size_t left;
	uint64_t end; /* octets queued for the transport with its line */
};

struct group {
	struct group *next;
	const struct route *route; /* NULL: nothing to send, only to settle */
	char domain[256];          /* for mx; else "" */
	struct item **items;
	size_t n, cap, at; /* at: the next one to feed */
	bool running, progress;
	unsigned failures;
	time_t last; /* start or last result */
	struct transport t;
	struct job window[BATCH_WINDOW];
	size_t jobs;
};

struct runner {
	struct queue *q;
	const struct runner_options *o;
	struct routes routes;
	struct group *groups;
	void *items;      /* tree of those in work, by ID */
	unsigned running; /* transports */
	long long next_due;
	bool dirty;        /* names were removed, not yet synced */
	bool failed;       /* the queue itself did */
	char trouble[200]; /* local, for health */
};

static volatile sig_atomic_t stopping;

static void
on_signal(int sig)
{
	if (sig != SIGCHLD)
		stopping = stopping ? 2 : 1;
}

static void
queue_failed(struct runner *r, const char *action, const char *id)
{
	log_error("%s %s: %s", action, id, strerror(errno));
	snprintf(r->trouble, sizeof r->trouble, "%s %s: %s", action, id,
	    strerror(errno));
	r->failed = true;
}

static void
set_aside(struct runner *r, const char *file)
{
	if (queue_set_aside(r->q, file)) {
		if (errno != ENOENT)
			queue_failed(r, "set aside", file);
		return;
	}
	log_event("corrupt", "file", file, NULL);
}

/* --- items --- */

static int
compare_items(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	return strcmp(x->name.id, y->name.id);
}

static void
item_free(struct runner *r, struct item *i)
{
	tdelete(i, &r->items, compare_items);
	free(i);
}

/* Claims it for one more group. */
static int
item_open(struct runner *r, struct item *i)
{
	char file[QNAME];

	if (i->gone)
		return -1;
	if (i->users > 0 || !entry_claim(r->q, &i->name, &i->entry)) {
		i->users++;
		return 0;
	}
	i->gone = true;
	qname_write(&i->name, file);
	if (errno == EBADMSG)
		set_aside(r, file);
	else if (errno != EAGAIN && errno != ENOENT)
		queue_failed(r, "claim", i->name.id);
	return -1;
}

/* A group is done with what it opened. */
static void
item_close(struct runner *r, struct item *i)
{
	i->users--;
	i->groups--;
	if (i->users > 0)
		return;
	if (i->groups == 0) {
		r->dirty = true;
		if (settle(r->q, &i->entry, &r->o->settle))
			queue_failed(r, "settle", i->name.id);
	}
	entry_release(r->q, &i->entry);
	if (i->groups == 0)
		item_free(r, i);
}

static void
item_skip(struct runner *r, struct item *i)
{
	if (--i->groups == 0 && i->users == 0)
		item_free(r, i);
}

/* --- where a recipient goes --- */

static bool
is_ours(const struct runner *r, const char *domain)
{
	const char *const *name;

	for (name = r->o->locals; *name; name++)
		if (address_same_domain(*name, domain))
			return true;
	return false;
}

/* The path for the next hop, its route, and for mx the domain. */
static const struct route *
find_route(const struct runner *r, const char *sender, const char *rcpt,
    struct address *a, char domain[256])
{
	const struct route *route;

	*domain = '\0';
	if (address_parse(a, rcpt, strlen(rcpt), ADDRESS_BARE | ADDRESS_UTF8))
		return NULL;
	for (;;) {
		address_hop(a, domain);
		if (!address_has_route(a) || !is_ours(r, domain))
			break;
		address_pop(a);
	}
	if (!*domain)
		snprintf(domain, 256, "%s", r->o->settle.hostname);
	route = routes_find(&r->routes, sender, domain);
	if (!route || route->kind != ROUTE_MX)
		*domain = '\0';
	return route;
}

static void
group_add(struct runner *r, const struct route *route, const char *domain,
    struct item *i)
{
	struct group *g, **end = &r->groups;

	for (; (g = *end); end = &g->next)
		if (g->route == route && !strcmp(g->domain, domain))
			break;
	if (!g) {
		g = *end = xrealloc(NULL, sizeof *g);
		*g = (struct group){.route = route};
		snprintf(g->domain, sizeof g->domain, "%s", domain);
	}
	if (g->n > 0 && g->items[g->n - 1] == i)
		return;
	if (g->n == g->cap) {
		g->cap = g->cap ? 2 * g->cap : 16;
		g->items = xrealloc(g->items, g->cap * sizeof(struct item *));
	}
	g->items[g->n++] = i;
	i->groups++;
}

/* Into the groups of its recipients; without any to try it only settles. */
static void
plan(struct runner *r, const struct qname *name)
{
	struct item *i = xrealloc(NULL, sizeof *i);
	struct address a;
	struct entry e;
	char domain[256], file[QNAME];
	size_t k;

	*i = (struct item){.name = *name};
	if (*(struct item **)tsearch(i, &r->items, compare_items) != i) {
		free(i);
		return;
	}
	if (entry_open(r->q->queue, name, &e)) {
		qname_write(name, file);
		if (errno == EBADMSG)
			set_aside(r, file);
		else if (errno != ENOENT)
			queue_failed(r, "read", name->id);
		item_free(r, i);
		return;
	}
	for (k = 0; k < e.n; k++)
		if (settle_wants(&r->o->settle, &e.rcpts[k])) {
			const struct route *route = find_route(
			    r, e.sender, e.rcpts[k].address, &a, domain);

			group_add(r, route, domain, i);
		}
	if (i->groups == 0)
		group_add(r, NULL, "", i);
	entry_close(&e);
}

/* --- what is due --- */

struct due {
	struct runner *r;
	long long now;
	struct qname *names;
	size_t n, cap;
};

static int
note_due(const char *file, const struct qname *n, void *arg)
{
	struct due *d = arg;

	if (!n) {
		if (strncmp(file, ".nfs", 4))
			set_aside(d->r, file);
		return 0;
	}
	if (n->state != 'q')
		return 0;
	if (n->due > d->now) {
		if (n->due < d->r->next_due)
			d->r->next_due = n->due;
		return 0;
	}
	if (d->n == d->cap) {
		d->cap = d->cap ? 2 * d->cap : 64;
		d->names = xrealloc(d->names, d->cap * sizeof *d->names);
	}
	d->names[d->n++] = *n;
	return 0;
}

static int
by_due(const void *a, const void *b)
{
	const struct qname *x = a, *y = b;

	if (x->due != y->due)
		return x->due < y->due ? -1 : 1;
	return strcmp(x->id, y->id);
}

static void
scan(struct runner *r)
{
	struct due d = {.r = r, .now = time(NULL)};
	size_t i;

	r->next_due = d.now + POLL_SECONDS;
	if (qname_each(r->q->queue, note_due, &d) < 0)
		queue_failed(r, "read", "queue");
	qsort(d.names, d.n, sizeof *d.names, by_due);
	for (i = 0; i < d.n; i++)
		plan(r, &d.names[i]);
	free(d.names);
}

/* --- outcomes --- */

static void
log_outcome(const struct entry *e, const struct entry_rcpt *c)
{
	static const char marks[] = ".w+-?";
	static const char *const events[] = {
	    "deferred", "deferred", "sent", "failed", "unsure"};
	const char *p = strchr(marks, c->mark);
	char code[8];

	snprintf(code, sizeof code, "%03d", c->code);
	log_event(p ? events[p - marks] : "outcome", "id", e->name.id,
	    "mail_id", e->mail_id, "rcpt", c->address, "code", code, "text",
	    c->text, NULL);
}

/* Whether nothing but acceptance is left: the removal that follows at once
 * records that too. */
static bool
is_last(const struct item *i, size_t rcpt)
{
	size_t k;

	for (k = 0; k < i->entry.n; k++)
		if (k != rcpt && !strchr("+!", i->entry.rcpts[k].mark))
			return false;
	return i->groups == 1 && i->users == 1;
}

static void
record(struct runner *r, struct item *i, size_t rcpt, char mark, int code,
    const char *text)
{
	struct entry_rcpt *c = &i->entry.rcpts[rcpt];

	if (mark == ENTRY_PENDING && c->mark == ENTRY_WARNED)
		mark = ENTRY_WARNED;
	if (mark == ENTRY_ACCEPTED && is_last(i, rcpt))
		entry_note(&i->entry, rcpt, mark, code, text);
	else if (entry_mark(&i->entry, rcpt, mark, code, text))
		queue_failed(r, "mark", i->name.id);
	log_outcome(&i->entry, c);
}

static void
job_close(struct runner *r, struct group *g, struct job *j)
{
	struct item *i = j->item;

	free(j->rcpts);
	*j = g->window[--g->jobs];
	item_close(r, i);
}

/* The indices of this group's recipients in what it opened. */
static size_t
pick(const struct runner *r, const struct group *g, const struct entry *e,
    size_t *rcpts)
{
	struct address a;
	char domain[256];
	size_t k, n = 0;

	for (k = 0; k < e->n; k++)
		if (settle_wants(&r->o->settle, &e->rcpts[k]) &&
		    find_route(r, e->sender, e->rcpts[k].address, &a, domain) ==
			g->route &&
		    !strcmp(domain, g->domain))
			rcpts[n++] = k;
	return n;
}

/* Nothing of the rest of this group is tried: why. */
static void
defer_rest(struct runner *r, struct group *g, const char *why)
{
	for (; g->at < g->n; g->at++) {
		struct item *i = g->items[g->at];
		size_t *rcpts, n, k;

		if (item_open(r, i)) {
			item_skip(r, i);
			continue;
		}
		rcpts = xrealloc(NULL, i->entry.n * sizeof *rcpts);
		n = pick(r, g, &i->entry, rcpts);
		for (k = 0; k < n; k++)
			record(r, i, rcpts[k], ENTRY_PENDING, 0, why);
		free(rcpts);
		item_close(r, i);
	}
}

static void
trouble(struct runner *r, const char *text)
{
	log_error("%s", text);
	snprintf(r->trouble, sizeof r->trouble, "%s", text);
}

/* --- jobs --- */

static int
write_job(struct runner *r, const struct item *i, const size_t *rcpts, size_t n,
    struct buf *line)
{
	const struct entry *e = &i->entry;
	struct batch_path *paths = xrealloc(NULL, n * sizeof *paths);
	struct batch_job job = {.offset = e->offset,
	    .size = e->size,
	    .id = (char *)i->name.id,
	    .sender = {(char *)e->sender, (char *)e->params},
	    .rcpts = paths,
	    .n = n};
	struct buf path = BUF_INIT;
	char file[QNAME], domain[256];
	struct address a;
	size_t k;
	int result;

	qname_write(&e->name, file);
	buf_addf(&path, "%s/queue/%s", r->o->path, file);
	job.path = buf_str(&path);
	for (k = 0; k < n; k++) {
		const struct entry_rcpt *c = &e->rcpts[rcpts[k]];

		find_route(r, e->sender, c->address, &a, domain);
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

static void
feed_one(struct runner *r, struct group *g, struct item *i)
{
	struct job j = {.item = i};
	struct buf line = BUF_INIT;

	if (item_open(r, i)) {
		item_skip(r, i);
		return;
	}
	j.rcpts = xrealloc(NULL, i->entry.n * sizeof *j.rcpts);
	j.left = pick(r, g, &i->entry, j.rcpts);
	if (j.left > 0 && !write_job(r, i, j.rcpts, j.left, &line)) {
		transport_put(&g->t, &line);
		j.end = g->t.queued;
		g->window[g->jobs++] = j;
	} else {
		if (j.left > 0)
			queue_failed(r, "describe", i->name.id);
		free(j.rcpts);
		item_close(r, i);
	}
	buf_free(&line);
}

static void
feed(struct runner *r, struct group *g)
{
	while (
	    !stopping && g->t.in >= 0 && g->jobs < BATCH_WINDOW && g->at < g->n)
		feed_one(r, g, g->items[g->at++]);
	transport_flush(&g->t);
	if (g->jobs == 0 && (stopping || g->at == g->n))
		transport_end(&g->t);
	else if (stopping && g->t.to.len == 0)
		transport_end(&g->t);
}

static bool
same_path(const struct runner *r, const struct entry *e, size_t rcpt,
    const char *path)
{
	struct address a;
	char domain[256];

	find_route(r, e->sender, e->rcpts[rcpt].address, &a, domain);
	return !strcmp(a.text, path);
}

static void
answer(struct runner *r, struct group *g, struct job *j, size_t k,
    const struct batch_result *b)
{
	static const char marks[] = {[BATCH_OK] = ENTRY_ACCEPTED,
	    [BATCH_TEMP] = ENTRY_PENDING,
	    [BATCH_PERM] = ENTRY_FAILED,
	    [BATCH_UNSURE] = ENTRY_UNSURE};
	struct buf text = BUF_INIT;
	size_t rcpt = j->rcpts[k];

	j->rcpts[k] = j->rcpts[--j->left];
	if (*b->enhanced)
		buf_addf(&text, "%s ", b->enhanced);
	buf_adds(&text, b->text);
	record(r, j->item, rcpt, marks[b->fate], b->code, buf_str(&text));
	buf_free(&text);
	g->progress = true;
	g->failures = 0;
	g->last = time(NULL);
	if (j->left == 0)
		job_close(r, g, j);
}

static void
take_result(struct runner *r, struct group *g, char *line, size_t n)
{
	struct batch_result b;
	size_t i, k;

	if (batch_result_parse(&b, line, n)) {
		log_error("transport: not a result: %s", line);
		return;
	}
	for (i = 0; i < g->jobs; i++) {
		struct job *j = &g->window[i];

		if (strcmp(j->item->name.id, b.id))
			continue;
		for (k = 0; k < j->left; k++)
			if (same_path(
				r, &j->item->entry, j->rcpts[k], b.rcpt)) {
				answer(r, g, j, k, &b);
				return;
			}
	}
	log_error("transport: a result nobody asked for: %s %s", b.id, b.rcpt);
}

static void
take_results(struct runner *r, struct group *g)
{
	char *line;
	size_t n;

	if (g->t.out < 0)
		return;
	transport_fill(&g->t);
	while ((line = transport_line(&g->t, &n)))
		take_result(r, g, line, n);
}

/* --- groups --- */

static bool
start(struct runner *r, struct group *g)
{
	if (transport_start(&g->t, r->q, g->route, r->o->transport)) {
		char why[160];

		snprintf(
		    why, sizeof why, "start transport: %s", strerror(errno));
		trouble(r, why);
		defer_rest(r, g, why);
		return false;
	}
	g->running = true;
	g->progress = false;
	g->last = time(NULL);
	r->running++;
	return true;
}

/* What it did not answer was never sent if it never got it, or had no use for
 * its command line; else nobody knows. */
static void
give_up(struct runner *r, struct group *g, bool refused, const char *why)
{
	while (g->jobs > 0) {
		struct job *j = &g->window[0];
		bool sent = !refused && j->end <= g->t.written;
		size_t k;

		for (k = 0; k < j->left; k++)
			record(r, j->item, j->rcpts[k],
			    sent ? ENTRY_UNSURE : ENTRY_PENDING, 0, why);
		job_close(r, g, j);
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
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;

	return code == EX_USAGE || code == EX_CONFIG || code == 126 ||
	    code == 127;
}

/* Its transport has ended. */
static void
finish(struct runner *r, struct group *g, int status)
{
	bool refused = is_refusal(status) && !g->progress;
	char why[120];

	describe_end(status, why, sizeof why);
	if (refused || (g->jobs > 0 && !g->progress))
		trouble(r, why);
	if (g->jobs > 0 || !g->progress)
		g->failures++;
	give_up(r, g, refused, why);
	transport_close(&g->t);
	g->running = false;
	r->running--;
	if (!stopping && (refused || g->failures >= FAILURES_MAX))
		defer_rest(r, g, why);
}

static void
group_drop(struct runner *r, struct group **g)
{
	struct group *old = *g;

	for (; old->at < old->n; old->at++)
		item_skip(r, old->items[old->at]);
	*g = old->next;
	free(old->items);
	free(old);
}

/* Starts what may be started and drops what is done. */
static void
advance(struct runner *r)
{
	struct group **at = &r->groups, *g;

	while ((g = *at)) {
		if (!g->running && !g->route)
			defer_rest(r, g, "no route");
		if (!g->running && g->at < g->n && !stopping &&
		    r->running < r->o->jobs)
			start(r, g);
		if (g->running)
			feed(r, g);
		if (!g->running && (g->at == g->n || stopping))
			group_drop(r, at);
		else
			at = &g->next;
	}
	if (r->dirty && fsync(r->q->queue))
		queue_failed(r, "sync", "queue");
	r->dirty = false;
}

/* --- the loop --- */

static void
reap(struct runner *r)
{
	struct group *g;
	time_t now = time(NULL);
	int status;

	for (g = r->groups; g; g = g->next) {
		if (!g->running)
			continue;
		if (stopping > 1 || now - g->last >= (time_t)r->o->seconds) {
			transport_kill(&g->t);
			g->last = now;
		}
		if (g->t.out < 0 && transport_ended(&g->t, &status))
			finish(r, g, status);
	}
}

static int
wait_time(const struct runner *r, bool idle)
{
	long long now = time(NULL), until = now + POLL_SECONDS;
	const struct group *g;

	if (r->o->watch && r->next_due < until)
		until = r->next_due;
	for (g = r->groups; g && !idle; g = g->next)
		if (g->running && g->last + r->o->seconds < until)
			until = g->last + r->o->seconds;
	return until > now ? (int)(until - now) * 1000 : 0;
}

/* Waits for results, room for jobs, an ended transport or a new message. */
static bool
wait_for_events(struct runner *r, int notify)
{
	size_t n = 0, max = 2 * r->running + 1;
	struct pollfd *p = xrealloc(NULL, max * sizeof *p);
	struct group *g;
	struct timespec t = {.tv_sec = wait_time(r, !r->groups) / 1000};
	sigset_t none;
	bool news;

	p[n++] = (struct pollfd){notify, POLLIN, 0};
	for (g = r->groups; g; g = g->next) {
		if (!g->running)
			continue;
		p[n++] = (struct pollfd){g->t.out, POLLIN, 0};
		if (g->t.in >= 0 && g->t.to.len > 0)
			p[n++] = (struct pollfd){g->t.in, POLLOUT, 0};
	}
	sigemptyset(&none);
	if (ppoll(p, n, &t, &none) < 0)
		p[0].revents = 0;
	news = p[0].revents != 0;
	free(p);
	for (g = r->groups; g; g = g->next)
		if (g->running)
			take_results(r, g);
	return news;
}

static int
watch_queue(const struct runner *r)
{
	char path[64];
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	snprintf(path, sizeof path, "/proc/self/fd/%d", r->q->queue);
	if (fd >= 0 && inotify_add_watch(fd, path, IN_CREATE | IN_MOVED_TO) < 0)
		log_error("watch queue: %s", strerror(errno));
	return fd; /* -1: the poll each minute remains */
}

static void
drain(int notify)
{
	char events[4096];

	while (read(notify, events, sizeof events) > 0)
		;
}

/* Routes may change between runs, not while groups refer to them. */
static int
read_routes(struct runner *r)
{
	struct routes new;
	char why[200];

	if (routes_read(&new, r->q->dir, "routes", why, sizeof why)) {
		trouble(r, why);
		return -1;
	}
	routes_free(&r->routes);
	r->routes = new;
	return 0;
}

static void
catch_signals(void)
{
	static const int caught[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD};
	struct sigaction sa = {.sa_handler = on_signal};
	sigset_t block;
	size_t i;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&block);
	for (i = 0; i < sizeof caught / sizeof *caught; i++) {
		sigaddset(&block, caught[i]);
		sigaction(caught[i], &sa, NULL);
	}
	sigprocmask(SIG_BLOCK, &block, NULL);
}

static void
work(struct runner *r, int notify)
{
	bool news = true;
	time_t scanned = 0;

	for (;;) {
		if (news && !stopping && time(NULL) > scanned) {
			if (!r->groups && scanned)
				(void)read_routes(r);
			drain(notify);
			scan(r);
			scanned = time(NULL);
			news = false;
		}
		advance(r);
		if (!r->groups) {
			health_note(r->q, r->trouble);
			if (!r->o->watch || stopping)
				return;
		}
		if (wait_for_events(r, notify) || time(NULL) >= r->next_due)
			news = r->o->watch;
		reap(r);
	}
}

int
runner_run(struct queue *q, const struct runner_options *o)
{
	struct runner r = {.q = q, .o = o};
	int notify = -1;

	if (read_routes(&r)) {
		health_note(q, r.trouble);
		return EX_CONFIG;
	}
	catch_signals();
	atomic_sweep(q->tmp, time(NULL));
	if (o->watch)
		notify = watch_queue(&r);
	work(&r, notify);
	if (notify >= 0)
		close(notify);
	routes_free(&r.routes);
	if (o->watch)
		return EX_OK;
	return r.failed || stopping ? EX_TEMPFAIL : EX_OK;
}
