/* walker: runs each subject of a table once for every fault at every system
 * call of its process tree, and prints what readers then see.
 *
 *   walker [-n POINTS] [-k KIND]... [-p PRELOAD] [-c CLOCK] [-w PROGRAM] TABLE
 *       [NAME...]
 *
 * -n samples that many points of each kind, always the same ones. PROGRAM is
 * the world's, not the subject's: its calls are no points. CLOCK is loaded into
 * watchers. A line of the table is NAME|VARIANT|WORLD|STORE|EXPECT|COMMAND; in
 * COMMAND %D is the working folder and %P the port of the server. EXPECT:
 * limits as dup=3, or `peer', which decides nothing, or `broken COLUMN KIND',
 * which fails unless that column is not 0 at the faults of that kind; sample=N
 * takes N points of a kind at most, but all kills of what is neither. */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "walker/report.h"

static struct plan plan;

/* What %D and %P stand for. */
static char *
expand(const char *word)
{
	const char *at = strchr(word, '%');
	char value[PATH_MAX], *out;

	if (!at || (at[1] != 'D' && at[1] != 'P'))
		return strdup(word);
	if (at[1] == 'D')
		snprintf(value, sizeof(value), "%s", world_dir);
	else
		snprintf(value, sizeof(value), "%d", world_port());
	if (asprintf(&out, "%.*s%s%s", (int)(at - word), word, value, at + 2) <
	    0)
		exit(75);
	return out;
}

static bool
parse(char *line, struct subject *s)
{
	char *word, *world = NULL;
	char **field[] = {&s->name, &s->variant, &world, &s->store, &s->expect};
	int n = 0;

	line[strcspn(line, "\n")] = '\0';
	if (*line == '#' || *line == '\0')
		return false;
	for (size_t i = 0; i < 5; i++)
		if (!(*field[i] = strsep(&line, "|")))
			return false;
	s->world = world_named(world);
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
	world_abandon();
	_exit(128 + sig);
}

static void
options(int argc, char *argv[])
{
	bool all = true;
	int o;

	while ((o = getopt(argc, argv, "n:k:p:c:w:")) != -1)
		switch (o) {
		case 'n':
			plan.sample = atol(optarg);
			break;
		case 'p':
			plan.preload = optarg;
			break;
		case 'c':
			plan.clock = optarg;
			break;
		case 'w':
			trace_world = optarg;
			break;
		case 'k':
			all = false;
			for (int k = 0; k < KINDS; k++)
				plan.wanted[k] |=
				    strcmp(kind_name(k), optarg) == 0;
			break;
		default:
			exit(64);
		}
	for (int k = 0; all && k < KINDS; k++)
		plan.wanted[k] = true;
	if (optind >= argc)
		exit(64);
}

/* Tracer and traced take turns: one processor spares waking another. */
static void
settle_here(void)
{
	static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
	char path[PATH_MAX + 8];
	cpu_set_t one;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	world_port();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
	for (int i = 0; i < 4; i++)
		signal(ends[i], interrupted);
	snprintf(path, sizeof(path), "%s/home", world_dir);
	setenv("HOME", path, 1);
	snprintf(path, sizeof(path), "%s/spool", world_dir);
	setenv("MAILPIPE_SPOOL", path, 1);
	setenv("EMAIL", "ann@example.org", 1);
	setenv("CLOCK_AHEAD", "1", 1);
}

int
main(int argc, char *argv[])
{
	char *line = NULL;
	size_t room = 0;
	FILE *f;

	options(argc, argv);
	f = fopen(argv[optind], "re");
	if (!f) {
		perror(argv[optind]);
		return 64;
	}
	world_begin();
	settle_here();
	while (getline(&line, &room, f) > 0) {
		struct subject s = {0};

		if (!parse(line, &s))
			continue;
		if (named(&s, argv + optind + 1))
			walk(&plan, &s);
		for (int i = 0; s.argv[i]; i++)
			free(s.argv[i]);
	}
	free(line);
	fclose(f);
	world_end();
	printf("walk held=%d failed=%d pending=0\n", plan.held, plan.failed);
	return plan.failed > 0;
}
