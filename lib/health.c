#include "health.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "date.h"
#include "log.h"
#include "reply.h"

#define LINE 256

void
health_note(struct queue *q, const char *trouble)
{
	char line[LINE];
	int n =
	    snprintf(line, sizeof line, "%.200s\n", *trouble ? trouble : "ok");

	if (pwrite(q->lock, line, (size_t)n, 0) != n || ftruncate(q->lock, n))
		log_error("write lock: %s", strerror(errno));
}

struct count {
	unsigned long queued, held, due, files;
	long long now, oldest;
};

static int
count(const char *file, const struct qname *n, void *arg)
{
	struct count *c = arg;

	(void)file;
	c->files++;
	if (!n)
		return 0;
	if (n->state == 'h') {
		c->held++;
		return 0;
	}
	c->queued++;
	c->due += n->due <= c->now;
	if (n->due < c->oldest)
		c->oldest = n->due;
	return 0;
}

static int
count_folder(struct queue *q, const char *name, struct count *c)
{
	int fd = openat(q->dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

	*c = (struct count){.now = time(NULL)};
	c->oldest = c->now;
	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	r = qname_each(fd, count, c);
	close(fd);
	return r;
}

/* The last run's trouble, or "". */
static void
read_note(struct queue *q, char text[LINE])
{
	char line[LINE];
	int fd = openat(q->dir, "lock", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = fd < 0 ? 0 : read(fd, line, sizeof line - 1);

	if (fd >= 0)
		close(fd);
	line[n > 0 ? n : 0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	reply_escape(line, strlen(line), text, LINE);
	if (!strcmp(text, "ok"))
		*text = '\0';
}

int
health_check(struct queue *q, uint64_t older, struct buf *out)
{
	struct count c, dead, corrupt;
	char note[LINE], since[DATE_MAX];
	bool late;

	if (count_folder(q, "queue", &c) || count_folder(q, "dead", &dead) ||
	    count_folder(q, "corrupt", &corrupt))
		return -1;
	read_note(q, note);
	late = c.now - c.oldest > (long long)older;
	buf_adds(out, late || *note || corrupt.files ? "trouble: " : "ok: ");
	buf_addf(out, "%lu queued, %lu held, %lu due, %lu dead, %lu corrupt",
	    c.queued, c.held, c.due, dead.files, corrupt.files);
	if (late) {
		date_iso8601((time_t)c.oldest, since);
		buf_addf(out, "; due since %s", since);
	}
	if (*note)
		buf_addf(out, "; last run: %s", note);
	return late || *note || corrupt.files;
}
