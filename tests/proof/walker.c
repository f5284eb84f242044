/* walker: runs each subject of a table once for every fault at every system
 * call of its process tree, and prints what readers then see.
 *
 *   walker [-n POINTS] [-k KIND]... [-p PRELOAD] TABLE [NAME...]
 *
 * -n samples that many points of each kind, always the same ones. A line of
 * the table is NAME|VARIANT|WORLD|STORE|EXPECT|COMMAND; %D in COMMAND is the
 * working folder. EXPECT: limits as dup=3, or `peer', which decides nothing, or
 * `broken COLUMN KIND', which fails unless that column is not 0 at the faults
 * of that kind. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "walker/walker.h"

#define LARGE 70000 /* more than one block */
#define SMALL 400
#define NEXT_LIMIT 1000 /* ms for the clean run */
#define RUN_LIMIT 5000
#define OFFENDERS 5

enum column { LOST, PARTIAL, BLOCKED, DUP, CODE, LEFT, COLUMNS };

static const char *const kinds[KINDS] = {
    "plain", "kill", "errno", "short", "malloc", "term"};
static const char *const columns[COLUMNS] = {
    "lost", "partial", "blocked", "dup", "code", "left"};

static long sample;
static bool wanted[KINDS];
static const char *preload;
static int held, failed;

struct plan {
	long count, at, onward;
};

/* Writes the plan for the next run, and reads what the last one counted. */
static long
allocations(const struct point *p)
{
	char path[PATH_MAX + 8];
	struct plan plan = {0, p ? p->at : 0, p && p->onward};
	struct plan last = {0, 0, 0};
	int fd;

	snprintf(path, sizeof(path), "%s.alloc", world_dir);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	if (fd < 0 || read(fd, &last, sizeof(last)) < 0 ||
	    pwrite(fd, &plan, sizeof(plan), 0) != sizeof(plan))
		exit(75);
	close(fd);
	setenv("WALK_ALLOC", path, 1);
	return last.count;
}

static bool
run_at(const struct subject *s, const struct point *p, struct outcome *o)
{
	bool acked;

	if (p->kind != MALLOC)
		return world_run(s, 1, p, NULL, RUN_LIMIT, o);
	allocations(p);
	setenv("LD_PRELOAD", preload, 1);
	acked = world_run(s, 1, NULL, NULL, RUN_LIMIT, o);
	unsetenv("LD_PRELOAD");
	o->reached = true;
	snprintf(o->where, sizeof(o->where), "allocation %ld%s", p->at,
	    p->onward ? " and all from then on" : "");
	return acked;
}

/* What a temporary fault may end with; 127 is the loader's. */
static bool
wrong_code(const struct subject *s, const struct point *p, int status)
{
	if (p->kind == KILL || p->kind == NONE)
		return false;
	if (strcmp(s->world, "smtp") == 0)
		return world_refusals() > 0;
	if (WIFSIGNALED(status))
		return p->kind != TERM || WTERMSIG(status) != SIGTERM;
	return WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != 75 &&
	    WEXITSTATUS(status) != 127;
}

/* One point: the fault, then a clean run that repeats what was not
 * acknowledged, or brings the next message. */
static void
visit(const struct subject *s, const struct point *p, struct outcome *o,
    bool bad[COLUMNS])
{
	struct seen after, end;
	struct outcome next;
	bool acked, again;

	memset(bad, 0, COLUMNS * sizeof(*bad));
	world_reset(s);
	acked = run_at(s, p, o);
	bad[CODE] = !o->loading && wrong_code(s, p, o->status);
	world_look(s, &after);
	again = world_run(s, acked ? 2 : 1, NULL, NULL, NEXT_LIMIT, &next);
	world_look(s, &end);
	bad[LOST] = (acked && after.whole[1] == 0) ||
	    (acked && end.whole[1] == 0) ||
	    (again && !acked && !end.whole[1]) ||
	    (strcmp(s->store, "mbox") == 0 && end.whole[0] != 1);
	bad[PARTIAL] = after.partial > 0;
	bad[BLOCKED] = o->hung || !again || next.hung;
	/* Before a call is as behind the last one. A client that has no answer
	 * sends again: there only what one run makes is counted. */
	bad[DUP] =
	    (strcmp(s->world, "smtp") == 0 && !acked ? after.whole[1]
						     : end.whole[1]) > 1 &&
	    (p->kind != KILL || p->at_exit);
	bad[LEFT] = after.left > 0;
}

static bool
excess(const struct subject *s, enum kind kind, int column, long n)
{
	char key[16];
	const char *at;

	snprintf(key, sizeof(key), "%s=", columns[column]);
	at = strstr(s->expect, key);
	if (at)
		return at[strlen(key)] != '*' &&
		    n > strtol(at + strlen(key), NULL, 10);
	/* A killed program leaves its file in tmp/, a faulted one may have
	 * failed to remove it. */
	return n > (column == DUP ? 3 : 0) && (column != LEFT || kind == TERM);
}

static void
report(const struct subject *s, enum kind kind, const long sum[COLUMNS],
    long visited)
{
	printf("walk %s %s %s points=%ld", s->name, s->variant, kinds[kind],
	    visited);
	for (int c = 0; c < COLUMNS; c++)
		printf(" %s=%ld", columns[c], sum[c]);
	printf("\n");
	fflush(stdout);
}

static void
offend(const struct subject *s, enum kind kind, int column,
    const struct outcome *o)
{
	fprintf(stderr, "walk %s %s %s %s: %s: ", s->name, s->variant,
	    kinds[kind], columns[column], o->where);
	if (o->hung)
		fprintf(stderr, "hung\n");
	else if (WIFSIGNALED(o->status))
		fprintf(stderr, "signal %d\n", WTERMSIG(o->status));
	else
		fprintf(stderr, "exit %d\n", WEXITSTATUS(o->status));
}

static bool
is_for(const struct subject *s, const char *word)
{
	return strncmp(s->expect, word, strlen(word)) == 0;
}

static bool
walk_kind(const struct subject *s, enum kind kind, const struct point *points,
    size_t count, long total[COLUMNS])
{
	long sum[COLUMNS] = {0}, visited = 0;
	struct outcome o;
	bool bad[COLUMNS], fell = false;
	long dup_at = 0;

	for (size_t i = 0; i < count; i++) {
		visit(s, &points[i], &o, bad);
		visited += o.reached;
		/* Duplicates are counted by calls, whatever the fault there. */
		if (bad[DUP] && points[i].at == dup_at)
			bad[DUP] = false;
		else if (bad[DUP])
			dup_at = points[i].at;
		for (int c = 0; c < COLUMNS; c++) {
			sum[c] += bad[c];
			if (bad[c] && sum[c] <= OFFENDERS &&
			    !is_for(s, "broken") && !is_for(s, "peer") &&
			    excess(s, kind, c, c == DUP ? 9 : sum[c]))
				offend(s, kind, c, &o);
		}
	}
	report(s, kind, sum, visited);
	for (int c = 0; c < COLUMNS; c++) {
		total[c] += sum[c];
		fell |= excess(s, kind, c, sum[c]);
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
	return world_run(s, 1, &none, c, RUN_LIMIT, o);
}

/* The run without a fault must itself be clean. */
static bool
walk_plain(const struct subject *s, struct calls *c, long *mallocs)
{
	struct outcome o;
	struct seen seen;
	bool acked = count_calls(s, LARGE, c, &o);

	world_look(s, &seen);
	if (preload) {
		struct outcome counted;

		world_reset(s);
		allocations(NULL);
		setenv("LD_PRELOAD", preload, 1);
		world_run(s, 1, NULL, NULL, RUN_LIMIT, &counted);
		unsetenv("LD_PRELOAD");
		*mallocs = allocations(NULL);
	}
	printf("walk %s %s plain calls=%ld allocations=%ld fds=%d left=%d "
	       "processes=%d\n",
	    s->name, s->variant, c->n, *mallocs, o.leaked, seen.left, o.strays);
	fflush(stdout);
	if (!acked || seen.whole[1] < 1) {
		fprintf(stderr,
		    "walk %s %s plain: delivers nothing: status %x, whole %d, "
		    "partial %d\n",
		    s->name, s->variant, (unsigned)o.status, seen.whole[1],
		    seen.partial);
		return false;
	}
	return o.leaked + seen.left + o.strays == 0 || is_for(s, "peer");
}

static void
verdict(const struct subject *s, bool fell, const long total[COLUMNS])
{
	const char *column = s->expect + strlen("broken ");

	if (is_for(s, "peer"))
		return;
	if (is_for(s, "broken")) {
		fell = true;
		for (int c = 0; c < COLUMNS; c++)
			if (total[c] > 0 &&
			    strncmp(column, columns[c], strlen(columns[c])) ==
				0)
				fell = false;
		if (fell)
			fprintf(stderr, "walk %s: not caught by %s\n", s->name,
			    column);
	}
	if (fell)
		failed++;
	else
		held++;
}

static bool
is_walked(const struct subject *s, enum kind kind)
{
	return wanted[kind] && (kind != MALLOC || preload) &&
	    (!is_for(s, "broken") || strstr(s->expect, kinds[kind]));
}

/* Short reads and writes have a small message: a large one would take one
 * octet at a time for ever. */
static void
walk(const struct subject *s)
{
	struct calls large = {0, 0, NULL}, small = {0, 0, NULL};
	long total[COLUMNS] = {0}, mallocs = 0;
	const struct point *points;
	struct outcome o;
	size_t count;
	bool fell = false;

	if (!walk_plain(s, &large, &mallocs)) {
		failed += !is_for(s, "peer");
		free(large.list);
		return;
	}
	for (int kind = KILL; kind < KINDS; kind++) {
		if (!is_walked(s, kind))
			continue;
		if (kind == SHORT)
			count_calls(s, SMALL, &small, &o);
		count = points_list(kind, kind == SHORT ? &small : &large,
		    mallocs, sample, &points);
		fell |= walk_kind(s, kind, points, count, total);
		world_size(LARGE);
	}
	verdict(s, fell, total);
	free(large.list);
	free(small.list);
}

static char *
expand(const char *word)
{
	const char *at = strstr(word, "%D");
	char *out;

	if (!at ||
	    asprintf(&out, "%.*s%s%s", (int)(at - word), word, world_dir,
		at + 2) < 0)
		out = strdup(word);
	return out;
}

static bool
parse(char *line, struct subject *s)
{
	char **field[] = {
	    &s->name, &s->variant, &s->world, &s->store, &s->expect};
	char *word;
	int n = 0;

	line[strcspn(line, "\n")] = '\0';
	if (*line == '#' || *line == '\0')
		return false;
	for (size_t i = 0; i < 5; i++)
		if (!(*field[i] = strsep(&line, "|")))
			return false;
	while (line && (word = strsep(&line, " ")) && n < 63)
		if (*word)
			s->argv[n++] = expand(word);
	s->argv[n] = NULL;
	return n > 0;
}

static bool
named(const struct subject *s, char *names[])
{
	char key[128];

	snprintf(key, sizeof(key), "%s:%s", s->name, s->variant);
	if (!*names)
		return true;
	for (; *names; names++)
		if (strcmp(*names, s->name) == 0 || strcmp(*names, key) == 0)
			return true;
	return false;
}

static void
interrupted(int sig)
{
	char path[PATH_MAX + 8];

	snprintf(path, sizeof(path), "%s.alloc", world_dir);
	unlink(path);
	world_end();
	_exit(128 + sig);
}

static void
options(int argc, char *argv[])
{
	bool all = true;
	int o;

	while ((o = getopt(argc, argv, "n:k:p:")) != -1)
		switch (o) {
		case 'n':
			sample = atol(optarg);
			break;
		case 'p':
			preload = optarg;
			break;
		case 'k':
			all = false;
			for (int k = 0; k < KINDS; k++)
				wanted[k] |= strcmp(kinds[k], optarg) == 0;
			break;
		default:
			exit(64);
		}
	for (int k = 0; all && k < KINDS; k++)
		wanted[k] = true;
	if (optind >= argc)
		exit(64);
}

int
main(int argc, char *argv[])
{
	static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
	char path[PATH_MAX + 8];
	char *line = NULL;
	size_t room = 0;
	cpu_set_t one;
	FILE *f;

	options(argc, argv);
	f = fopen(argv[optind], "re");
	if (!f) {
		perror(argv[optind]);
		return 64;
	}
	world_begin();
	/* Tracer and traced take turns: one processor spares waking another. */
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
	for (int i = 0; i < 3; i++)
		signal(ends[i], interrupted);
	snprintf(path, sizeof(path), "%s/home", world_dir);
	setenv("HOME", path, 1);
	setenv("EMAIL", "ann@example.org", 1);
	while (getline(&line, &room, f) > 0) {
		struct subject s = {0};

		if (!parse(line, &s))
			continue;
		if (named(&s, argv + optind + 1))
			walk(&s);
		for (int i = 0; s.argv[i]; i++)
			free(s.argv[i]);
	}
	free(line);
	fclose(f);
	snprintf(path, sizeof(path), "%s.alloc", world_dir);
	unlink(path);
	world_end();
	printf("walk held=%d failed=%d pending=0\n", held, failed);
	return failed > 0;
}
