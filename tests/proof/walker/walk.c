#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "report.h"
#include "world.h"

#define NEXT_LIMIT 1000 /* ms for the clean run */
#define RUN_LIMIT 5000
#define OFFENDERS 5

static struct plan *plan;

static bool
decides(const struct subject *s)
{
	return !expects(s, "broken") && !expects(s, "peer");
}

/* --- one run --- */

struct failing {
	long count, at, onward;
};

/* Writes what is to fail in the next run, and reads what the last one counted.
 */
static long
allocations(const struct point *p)
{
	char path[PATH_MAX + 8];
	struct failing next = {0, p ? p->at : 0, p && p->onward};
	struct failing last = {0, 0, 0};
	int fd;

	snprintf(path, sizeof(path), "%s/alloc", world_dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || read(fd, &last, sizeof(last)) < 0 ||
	    pwrite(fd, &next, sizeof(next), 0) != sizeof(next))
		exit(75);
	close(fd);
	setenv("WALK_ALLOC", path, 1);
	return last.count;
}

/* With what is loaded into it: what counts allocations, and the clock that
 * spares a watcher the second between two scans of its queue. */
static bool
run(const struct subject *s, bool again, const struct point *p,
    struct calls *watch, int limit, struct outcome *o)
{
	bool counts = p && p->kind == MALLOC;
	bool hurries = plan->clock && subject_is(s, "watch");
	char list[2 * PATH_MAX];
	bool acked;

	snprintf(list, sizeof(list), "%s %s", counts ? plan->preload : "",
	    hurries ? plan->clock : "");
	if (counts || hurries)
		setenv("LD_PRELOAD", list, 1);
	acked = world_run(s, again, p, watch, limit, o);
	unsetenv("LD_PRELOAD");
	return acked;
}

static bool
run_at(const struct subject *s, const struct point *p, struct outcome *o)
{
	bool acked;

	if (p->kind != MALLOC)
		return run(s, false, p, NULL, RUN_LIMIT, o);
	allocations(p);
	acked = run(s, false, p, NULL, RUN_LIMIT, o);
	o->reached = true;
	snprintf(o->where, sizeof(o->where), "allocation %ld%s", p->at,
	    p->onward ? " and all from then on" : "");
	return acked;
}

/* --- what it came to --- */

/* What a temporary fault may end with; 127 is the loader's. */
static bool
is_wrong_code(const struct subject *s, const struct point *p,
    const struct outcome *o, bool acked)
{
	int status = o->status;

	if (p->kind == KILL || p->kind == NONE || o->loading)
		return false;
	if (subject_is(s, "smtp"))
		return world_refusals() > 0;
	if (WIFSIGNALED(status))
		return p->kind != TERM || WTERMSIG(status) != SIGTERM;
	/* A watcher that is told to end does so with 0, no other does. */
	if (subject_is(s, "watch") && (status == 0 || p->kind == TERM))
		return status != 0 || !o->told;
	if (WEXITSTATUS(status) == 0)
		return subject_is(s, "drop") && !acked;
	return WEXITSTATUS(status) != 75 && WEXITSTATUS(status) != 127;
}

/* Whether a message that was acknowledged, or would be in the end, is nowhere.
 * Where messages are to be removed, one that was not to be. */
static bool
is_lost(
    bool acked, const struct seen *after, bool again, const struct seen *end)
{
	return (acked && after->least == 0) || (acked && end->least == 0) ||
	    (again && !acked && end->least == 0);
}

/* A client that has no answer sends again: there only what one run makes is
 * counted. Before a call is as behind the last one. */
static bool
is_doubled(const struct subject *s, const struct point *p, bool acked,
    const struct seen *after, const struct seen *end)
{
	bool resent = subject_is(s, "smtp") && !acked;

	if ((p->kind == KILL && !p->at_exit) ||
	    strcmp(s->store, "removal") == 0)
		return false;
	return (resent ? after->most : end->most) > 1;
}

/* One point: the fault, then a clean run that repeats what was not
 * acknowledged, or brings the next message. True if one of them took too long.
 */
static bool
visit(const struct subject *s, const struct point *p, struct outcome *o,
    bool bad[COLUMNS])
{
	struct seen after, end;
	struct outcome next;
	bool acked, again, broke;

	memset(bad, 0, COLUMNS * sizeof(*bad));
	world_reset(s);
	acked = run_at(s, p, o);
	bad[CODE] = is_wrong_code(s, p, o, acked);
	world_look(s, &after);
	broke = world_broke_word(s, &after);
	world_next(s, acked);
	again = run(s, true, NULL, NULL, NEXT_LIMIT, &next);
	world_look(s, &end);
	bad[LOST] = broke || world_broke_word(s, &end) ||
	    (strcmp(s->store, "removal") != 0 &&
		is_lost(acked, &after, again, &end));
	bad[PARTIAL] = after.partial > 0;
	bad[BLOCKED] = o->hung || !again || next.hung;
	bad[CODE] |= subject_is(s, "watch") && next.status != 0;
	bad[DUP] = is_doubled(s, p, acked, &after, &end);
	bad[LEFT] = after.left > 0;
	bad[BOTH] = end.both;
	return o->hung || next.hung;
}

/* What has to wait for a machine that is busy elsewhere is not late twice. */
static void
visit_surely(const struct subject *s, const struct point *p, struct outcome *o,
    bool bad[COLUMNS])
{
	if (visit(s, p, o, bad) && decides(s))
		visit(s, p, o, bad);
}

/* --- all points --- */

static void
add(const struct subject *s, enum kind kind, struct tally *t,
    const struct outcome *o, const bool bad[COLUMNS])
{
	t->visited += o->reached;
	for (int c = 0; c < COLUMNS; c++) {
		t->sum[c] += bad[c];
		if (bad[c] && t->sum[c] <= OFFENDERS && decides(s) &&
		    excess(s, kind, c, c == DUP ? 999 : t->sum[c]))
			report_offender(s, kind, c, o);
	}
}

static bool
walk_kind(const struct subject *s, enum kind kind, const struct point *points,
    struct tally *t, long total[COLUMNS])
{
	struct outcome o;
	bool bad[COLUMNS], fell = false;
	long dup_at = 0;

	for (size_t i = 0; i < t->taken; i++) {
		visit_surely(s, &points[i], &o, bad);
		/* Duplicates are counted by calls, whatever the fault there. */
		if (bad[DUP] && points[i].at == dup_at)
			bad[DUP] = false;
		else if (bad[DUP])
			dup_at = points[i].at;
		add(s, kind, t, &o, bad);
	}
	report_kind(s, kind, t);
	for (int c = 0; c < COLUMNS; c++) {
		total[c] += t->sum[c];
		fell |= excess(s, kind, c, t->sum[c]);
	}
	return fell;
}

/* Runs it without a fault on a message of that size, and notes its calls. */
static bool
count_calls(
    const struct subject *s, size_t size, struct calls *c, struct outcome *o)
{
	struct point none = {.kind = NONE};

	c->n = 0;
	world_size(size);
	world_reset(s);
	return run(s, false, &none, c, RUN_LIMIT, o);
}

static long
count_allocations(const struct subject *s)
{
	struct point none = {.kind = MALLOC};
	struct outcome o;

	world_reset(s);
	allocations(NULL);
	run(s, false, &none, NULL, RUN_LIMIT, &o);
	return allocations(NULL);
}

/* The run without a fault must itself be clean. */
static bool
walk_plain(const struct subject *s, struct calls *c, long *mallocs)
{
	struct outcome o;
	struct seen seen;
	bool acked = count_calls(s, LARGE, c, &o), done;

	world_look(s, &seen);
	*mallocs = plan->preload ? count_allocations(s) : 0;
	printf("walk %s %s plain calls=%ld allocations=%ld fds=%d left=%d "
	       "processes=%d\n",
	    s->name, s->variant, c->n, *mallocs, o.leaked, seen.left, o.strays);
	fflush(stdout);
	done = strcmp(s->store, "removal") == 0
	    ? seen.count[FIRST] == 0 && seen.count[OLD] == 1
	    : seen.least > 0;
	if (!acked || !done) {
		fprintf(stderr,
		    "walk %s %s plain: it does nothing: status %x, whole %d, "
		    "partial %d\n",
		    s->name, s->variant, (unsigned)o.status, seen.least,
		    seen.partial);
		return false;
	}
	return expects(s, "peer") ||
	    (seen.left + o.strays == 0 && !more_than(s, "fds", o.leaked));
}

static bool
is_walked(const struct subject *s, enum kind kind)
{
	return plan->wanted[kind] && (kind != MALLOC || plan->preload) &&
	    (!expects(s, "broken") || strstr(s->expect, kind_name(kind)));
}

/* Short reads and writes have a small message: a large one would take one
 * octet at a time for ever. */
static bool
walk_kinds(const struct subject *s, struct calls *large, struct calls *small,
    long mallocs)
{
	long total[COLUMNS] = {0};
	const struct point *points;
	struct outcome o;
	bool fell = false;

	for (int kind = KILL; kind < KINDS; kind++) {
		struct tally t = {0};

		if (!is_walked(s, kind))
			continue;
		if (kind == SHORT)
			count_calls(s, SMALL, small, &o);
		t.taken =
		    points_list(kind, kind == SHORT ? small : large, mallocs,
			sample_size(s, kind, plan->sample), &points, &t.all);
		fell |= walk_kind(s, kind, points, &t, total);
		world_size(LARGE);
	}
	return report_verdict(s, fell, total);
}

void
walk(struct plan *p, const struct subject *s)
{
	struct calls large = {0, 0, NULL}, small = {0, 0, NULL};
	long mallocs = 0;
	bool held;

	plan = p;
	held = walk_plain(s, &large, &mallocs) &&
	    walk_kinds(s, &large, &small, mallocs);
	if (expects(s, "peer"))
		held = true;
	else if (held)
		p->held++;
	p->failed += !held;
	free(large.list);
	free(small.list);
}
