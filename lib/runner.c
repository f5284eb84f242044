#include "runner.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "dispatch.h"
#include "log.h"
#include "plan.h"
#include "verdict.h"

struct runner {
	struct plan plan;
	struct settle_options settle;
	const struct runner_options *o;
	unsigned running; /* transports */
	int notify;       /* inotify on queue/, or -1 */
	bool news;        /* a scan may find more */
	time_t scanned;
};

static volatile sig_atomic_t stopping;

static void
on_signal(int sig)
{
	if (sig != SIGCHLD)
		stopping = stopping ? 2 : 1;
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

static bool
may_start(const struct runner *r, const struct group *g)
{
	return !stopping && r->running < r->o->jobs &&
	    g->running < r->o->per_host && dispatch_wants_more(g);
}

static bool
start(struct runner *r, struct group *g)
{
	if (!may_start(r, g) || dispatch_start(&r->plan, g, r->o->transport))
		return false;
	r->running++;
	dispatch_feed(&r->plan, g, g->dispatches, false);
	return true;
}

/* Starts what may be started, feeds what runs and drops what is done. Each
 * destination gets a transport before any gets another. */
static void
advance(struct runner *r)
{
	struct group **at = &r->plan.groups, *g;
	struct dispatch *d;

	while ((g = *at)) {
		if (!g->route)
			dispatch_defer(&r->plan, g, "no route");
		for (d = g->dispatches; d; d = d->next)
			dispatch_feed(&r->plan, g, d, stopping);
		if (!g->dispatches)
			start(r, g);
		if (!g->dispatches && (g->at == g->n || stopping))
			plan_drop(&r->plan, at);
		else
			at = &g->next;
	}
	for (g = r->plan.groups; g; g = g->next)
		while (start(r, g))
			;
	plan_sync(&r->plan);
}

static void
reap_one(struct runner *r, struct group *g, struct dispatch *d, time_t now)
{
	int status;

	if (stopping > 1 || now - d->last > (time_t)r->o->seconds) {
		transport_kill(&d->t);
		d->last = now;
	}
	if (d->t.out < 0 && transport_ended(&d->t, &status)) {
		r->running--;
		dispatch_finish(&r->plan, g, d, status);
	}
}

/* Ends what has had no result for too long and takes leave of what ended. */
static void
reap(struct runner *r)
{
	struct dispatch *d, *next;
	struct group *g;
	time_t now = time(NULL);

	for (g = r->plan.groups; g; g = g->next)
		for (d = g->dispatches; d; d = next) {
			next = d->next;
			reap_one(r, g, d, now);
		}
}

/* --- waiting --- */

static int
watch_queue(const struct runner *r)
{
	char path[64];
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	snprintf(path, sizeof path, "/proc/self/fd/%d", r->plan.q->queue);
	if (fd >= 0 && inotify_add_watch(fd, path, IN_CREATE | IN_MOVED_TO) < 0)
		log_error("watch queue: %s", strerror(errno));
	return fd; /* without it the poll each minute remains */
}

/* What cannot be read would be news for ever. */
static void
drain(struct runner *r)
{
	char events[4096];
	ssize_t n;

	do
		n = read(r->notify, events, sizeof events);
	while (n > 0);
	if (n == 0 || errno == EAGAIN || errno == EINTR)
		return;
	log_error("watch queue: %s", strerror(errno));
	close(r->notify);
	r->notify = -1;
}

/* Seconds until something is to be done though nothing happens. */
static time_t
wait_time(const struct runner *r)
{
	time_t now = time(NULL), until = now + 3600;
	const struct group *g;
	const struct dispatch *d;

	if (r->o->watch && r->news)
		until = now + 1;
	else if (r->o->watch && r->plan.next_due < until)
		until = (time_t)r->plan.next_due;
	for (g = r->plan.groups; g; g = g->next)
		for (d = g->dispatches; d; d = d->next)
			if (d->last + (time_t)r->o->seconds < until)
				until = d->last + (time_t)r->o->seconds + 1;
	return until > now ? until - now : 0;
}

/* A wait that finds something ready lets no signal in: they would wait for as
 * long as transports are quick. */
static void
let_signals_in(const sigset_t *none)
{
	sigset_t blocked;

	sigprocmask(SIG_SETMASK, none, &blocked);
	sigprocmask(SIG_SETMASK, &blocked, NULL);
}

/* For results, room for jobs, an ended transport, a new message, the time. */
static void
wait_for_events(struct runner *r)
{
	struct pollfd *p = xrealloc(NULL, (2 * r->running + 1) * sizeof *p);
	struct timespec t = {.tv_sec = wait_time(r)};
	struct dispatch *d;
	struct group *g;
	sigset_t none;
	size_t n = 0;
	int ready;

	p[n++] = (struct pollfd){r->notify, POLLIN, 0};
	for (g = r->plan.groups; g; g = g->next)
		for (d = g->dispatches; d; d = d->next) {
			p[n++] = (struct pollfd){d->t.out, POLLIN, 0};
			if (d->t.in >= 0 && d->t.to.len > 0)
				p[n++] = (struct pollfd){d->t.in, POLLOUT, 0};
		}
	sigemptyset(&none);
	ready = ppoll(p, n, &t, &none);
	if (ready > 0)
		let_signals_in(&none);
	if (ready > 0 && p[0].revents) {
		drain(r);
		r->news = true;
	}
	free(p);
	for (g = r->plan.groups; g; g = g->next)
		for (d = g->dispatches; d; d = d->next)
			dispatch_results(&r->plan, g, d);
}

/* --- */

/* What a scan left behind as there is room; else, at most once a second, what
 * is new. Routes may change only while no group uses them. */
static void
look(struct runner *r)
{
	time_t now = time(NULL);

	if (now >= r->plan.next_due)
		r->news = true;
	if (stopping)
		return;
	if (r->plan.more) {
		if (plan_has_room(&r->plan))
			plan_scan(&r->plan);
		return;
	}
	if (!r->news || now == r->scanned)
		return;
	if (!r->plan.groups && r->scanned)
		(void)plan_routes(&r->plan);
	r->news = false;
	r->scanned = now;
	plan_scan(&r->plan);
}

static void
work(struct runner *r)
{
	for (;;) {
		if (r->o->watch || !r->scanned || r->plan.more)
			look(r);
		advance(r);
		if (!r->plan.groups && r->plan.more && !stopping)
			continue;
		if (!r->plan.groups) {
			plan_tell(&r->plan);
			if (!r->o->watch || stopping)
				return;
		}
		wait_for_events(r);
		reap(r);
	}
}

/* Jobs name files by their absolute path. */
static int
find_path(const struct queue *q, char path[PATH_MAX])
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof link, "/proc/self/fd/%d", q->dir);
	n = readlink(link, path, PATH_MAX - 1);
	if (n <= 0) {
		log_error("readlink %s: %s", link, strerror(errno));
		return EX_TEMPFAIL;
	}
	path[n] = '\0';
	if (!strpbrk(path, "\t\r\n"))
		return EX_OK;
	log_error("run: a TAB or line end in the spool's path");
	return EX_CONFIG;
}

static const char **
own_names(const char *hostname, const char *const *locals)
{
	size_t n = 0;
	const char **own;

	while (locals && locals[n])
		n++;
	own = xrealloc(NULL, (n + 2) * sizeof *own);
	own[0] = hostname;
	for (size_t i = 0; i < n; i++)
		own[i + 1] = locals[i];
	own[n + 1] = NULL;
	return own;
}

static int
prepare(struct runner *r, char path[PATH_MAX], char hostname[256])
{
	struct queue *q = r->plan.q;
	int code;

	if (queue_locks(q)) {
		log_error("open lock: %s", strerror(errno));
		return EX_TEMPFAIL;
	}
	code = find_path(q, path);
	if (code)
		return code;
	if (!r->settle.hostname) {
		if (gethostname(hostname, 256))
			snprintf(hostname, 256, "localhost");
		hostname[255] = '\0';
		r->settle.hostname = hostname;
	}
	r->plan.own = own_names(r->settle.hostname, r->o->locals);
	if (!plan_routes(&r->plan))
		return EX_OK;
	code = verdict_exit_of_errno(errno, EX_CONFIG);
	plan_tell(&r->plan);
	return code;
}

static int
run(struct runner *r)
{
	bool watch = r->o->watch;

	catch_signals();
	atomic_sweep(r->plan.q->tmp, time(NULL));
	if (watch)
		r->notify = watch_queue(r);
	work(r);
	if (r->notify >= 0)
		close(r->notify);
	return !watch && (r->plan.failed || stopping) ? EX_TEMPFAIL : EX_OK;
}

int
runner_run(struct queue *q, const struct runner_options *o)
{
	char path[PATH_MAX], hostname[256];
	struct runner r = {.plan = {.q = q, .path = path},
	    .settle = o->settle,
	    .o = o,
	    .notify = -1,
	    .news = true};
	int code;

	r.plan.settle = &r.settle;
	code = prepare(&r, path, hostname);
	if (code == EX_OK)
		code = run(&r);
	routes_free(&r.plan.routes);
	free(r.plan.own);
	return code;
}
