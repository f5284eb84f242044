#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "report.h"

static const char *const kinds[KINDS] = {
    "plain", "kill", "errno", "short", "malloc", "term"};
static const char *const columns[COLUMNS] = {
    "lost", "partial", "blocked", "dup", "code", "left", "both"};

const char *
kind_name(enum kind kind)
{
	return kinds[kind];
}

bool
expects(const struct subject *s, const char *word)
{
	return strncmp(s->expect, word, strlen(word)) == 0;
}

/* The number behind key; -1 for `*', none where it is not there. */
static long
limit(const struct subject *s, const char *key, long none)
{
	const char *at = strstr(s->expect, key);

	if (!at || at[strlen(key)] != '=')
		return none;
	at += strlen(key) + 1;
	return *at == '*' ? -1 : strtol(at, NULL, 10);
}

bool
more_than(const struct subject *s, const char *key, long n)
{
	long most = limit(s, key, strcmp(key, "dup") == 0 ? 3 : 0);

	return most >= 0 && n > most;
}

/* A killed program leaves its file in tmp/, a faulted one may have failed to
 * remove it. */
bool
excess(const struct subject *s, enum kind kind, enum column c, long n)
{
	return more_than(s, columns[c], n) && (c != LEFT || kind == TERM);
}

/* Its own sample leaves the kills of our own whole. */
long
sample_size(const struct subject *s, enum kind kind, long sample)
{
	bool ours = !expects(s, "peer") && !expects(s, "broken");
	long own = ours && kind == KILL ? 0 : limit(s, "sample", 0);

	return own > 0 && (sample == 0 || own < sample) ? own : sample;
}

void
report_kind(const struct subject *s, enum kind kind, const struct tally *tally)
{
	printf("walk %s %s %s points=%ld", s->name, s->variant, kinds[kind],
	    tally->visited);
	for (int c = 0; c < COLUMNS; c++)
		printf(" %s=%ld", columns[c], tally->sum[c]);
	if (tally->taken < tally->all)
		printf(" sampled=%zu/%zu", tally->taken, tally->all);
	printf("\n");
	fflush(stdout);
}

void
report_offender(const struct subject *s, enum kind kind, enum column c,
    const struct outcome *o)
{
	fprintf(stderr, "walk %s %s %s %s: %s: ", s->name, s->variant,
	    kinds[kind], columns[c], o->where);
	if (o->hung)
		fprintf(stderr, "hung\n");
	else if (WIFSIGNALED(o->status))
		fprintf(stderr, "signal %d\n", WTERMSIG(o->status));
	else
		fprintf(stderr, "exit %d\n", WEXITSTATUS(o->status));
}

/* A broken one is to show its fault. */
bool
report_verdict(const struct subject *s, bool fell, const long total[COLUMNS])
{
	const char *column = s->expect + strlen("broken ");

	if (!expects(s, "broken"))
		return !fell;
	for (int c = 0; c < COLUMNS; c++)
		if (total[c] > 0 &&
		    strncmp(column, columns[c], strlen(columns[c])) == 0)
			return true;
	fprintf(stderr, "walk %s %s: not caught by %s\n", s->name, s->variant,
	    column);
	return false;
}
