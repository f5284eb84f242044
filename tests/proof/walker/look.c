#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "world.h"

char *
slurp(const char *path, size_t *n)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOATIME);
	char *data = NULL;

	*n = 0;
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    (data = malloc((size_t)st.st_size + 1))) {
		*n = (size_t)read(fd, data, (size_t)st.st_size);
		data[*n] = '\0';
	}
	if (fd >= 0)
		close(fd);
	return data;
}

/* Counts the files of a folder, and judges them for readers. */
static void
look_in(const char *dir, struct seen *seen)
{
	char path[PATH_MAX + 300];
	struct dirent *e;
	char *data;
	size_t n;
	DIR *d;

	snprintf(path, sizeof(path), "%s/%s", world_dir, dir);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		if (strstr(dir, "tmp")) {
			seen->left++;
			continue;
		}
		snprintf(
		    path, sizeof(path), "%s/%s/%s", world_dir, dir, e->d_name);
		data = slurp(path, &n);
		if (data)
			message_judge(data, n, seen);
		free(data);
	}
	if (d)
		closedir(d);
}

/* From_ lines are those at the start and behind an empty line. */
static void
look_in_mbox(struct seen *seen)
{
	char path[PATH_MAX + 64];
	size_t n;
	char *data, *start, *next;

	snprintf(path, sizeof(path), "%s/mbox", world_dir);
	data = slurp(path, &n);
	for (start = data; start && *start; start = next) {
		char *body = strchr(start, '\n');

		next = strstr(start, "\n\nFrom ");
		next = next ? next + 2 : data + n;
		if (body && body < next && strncmp(start, "From ", 5) == 0)
			message_judge(
			    body + 1, (size_t)(next - body - 1), seen);
		else
			seen->partial++;
	}
	free(data);
}

/* Each recipient of the spooled message is sent or bounced, those of LMTP have
 * it. */
static void
sum_rcpts(struct seen *seen, int n)
{
	for (int r = 0; r < n; r++) {
		bool unknown = r == RCPTS - 1;
		int settled = seen->sent[r] + seen->bounced[r];

		if (r == 0 || settled < seen->least)
			seen->least = settled;
		if (seen->sent[r] > seen->most)
			seen->most = seen->sent[r];
		seen->both |= unknown ? seen->sent[r] : seen->bounced[r];
	}
}

/* Least and most are of those that the first run is to bring. */
static void
sum(const struct subject *s, struct seen *seen)
{
	static const enum text set[] = {FIRST, SECOND, THIRD};
	size_t n = subject_is(s, "maildrop") ? 3 : 1;

	seen->least = seen->most = seen->count[FIRST];
	if (strcmp(s->store, "queue") == 0) {
		sum_rcpts(seen, RCPTS);
		return;
	}
	if (subject_is(s, "lmtp")) {
		seen->most = 0;
		sum_rcpts(seen, EACH);
		return;
	}
	for (size_t i = 1; i < n; i++) {
		int here = seen->count[set[i]];

		seen->least = here < seen->least ? here : seen->least;
		seen->most = here > seen->most ? here : seen->most;
	}
}

void
world_look(const struct subject *s, struct seen *seen)
{
	static const char *const dirs[] = {"box/tmp", "spool/tmp", "box/new",
	    "box/cur", "sent", "spool/queue", "spool/corrupt"};

	*seen = (struct seen){0};
	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) {
		/* What waits is not what was sent; a report is a message. */
		struct seen waiting = {0};
		bool waits = strcmp(s->store, "queue") == 0 && i > 4;

		look_in(dirs[i], waits ? &waiting : seen);
		for (int r = 0; waits && r < RCPTS; r++)
			seen->bounced[r] += waiting.bounced[r];
	}
	if (strcmp(s->store, "mbox") == 0)
		look_in_mbox(seen);
	sum(s, seen);
}
