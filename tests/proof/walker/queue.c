#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "world.h"

/* Files of the queue, as spool add makes them: made once for a size. FIRST
 * alone is for one whom the next hop does not know. */
static struct queued {
	char name[NAME_MAX + 32], id[24];
	char *data;
} queued[2];

static void
queue_one(struct queued *q, int text)
{
	static char dir[PATH_MAX + 8];
	const char *const add[] = {"spool", "-d", dir, "add", "-f",
	    "ann@example.org", "bob@example.org", "carl@example.org",
	    text == FIRST ? "nobody@example.org" : NULL, NULL};
	struct outcome o;
	struct dirent *e;
	int fds[2] = {-1, -1};
	size_t n;
	DIR *d;

	snprintf(dir, sizeof(dir), "%s/spool", world_dir);
	put("message", state->text[text]);
	fds[0] = open(in_world("message"), O_RDONLY | O_CLOEXEC);
	plain_run((char *const *)add, fds, 5000, &o);
	d = opendir(in_world("spool/queue"));
	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.')
			snprintf(q->name, sizeof(q->name), "spool/queue/%s",
			    e->d_name);
	closedir(d);
	snprintf(q->id, sizeof(q->id), "%.20s", strchr(q->name, '.') + 1);
	free(q->data);
	q->data = slurp(in_world(q->name), &n);
	unlink(in_world(q->name));
	unlink(in_world("message"));
	if (!q->data)
		exit(75);
}

void
queue_fill(void)
{
	static char last[sizeof(state->text[FIRST])];

	if (strcmp(last, state->text[FIRST]) != 0) {
		strcpy(last, state->text[FIRST]);
		queue_one(&queued[0], FIRST);
		queue_one(&queued[1], NEXT);
	}
	put(queued[0].name, queued[0].data);
}

static bool
is_queued(const char *id)
{
	DIR *d = opendir(in_world("spool/queue"));
	struct dirent *e;
	bool found = false;

	while (d && (e = readdir(d)))
		found |= *e->d_name != '.' && strstr(e->d_name, id);
	if (d)
		closedir(d);
	return found;
}

/* What was deferred is due at once. */
void
queue_next(bool acked)
{
	static char dir[PATH_MAX + 8];
	static const char *const retry[] = {"spool", "-d", dir, "retry", NULL};
	static const int none[2] = {-1, -1};
	struct outcome o;

	snprintf(dir, sizeof(dir), "%s/spool", world_dir);
	if (acked)
		put(queued[1].name, queued[1].data);
	else
		plain_run((char *const *)retry, none, 1000, &o);
}

bool
queue_is_settled(void)
{
	return !is_queued(queued[0].id) && !is_queued(queued[1].id);
}

bool
queue_is_empty(void)
{
	return !is_queued("");
}
