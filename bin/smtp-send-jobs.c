/* The jobs of a batch, from standard input to the session. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "batch.h"
#include "log.h"
#include "smtp-send.h"

static struct {
	struct buf in;
	size_t taken;
	unsigned long long line;
	int fault;
} jobs;

static void
jobs_bad(struct session *c, const char *why)
{
	log_error("read jobs: line %llu: %s", jobs.line + 1, why);
	jobs.fault = EX_DATAERR;
	c->jobs = -1;
}

static void
jobs_read(struct session *c)
{
	ssize_t n;

	buf_cut(&jobs.in, jobs.taken);
	jobs.taken = 0;
	n = read(STDIN_FILENO, buf_room(&jobs.in, BLOCK), BLOCK);
	if (n > 0) {
		jobs.in.len += (size_t)n;
	} else if (n < 0 && errno != EINTR && errno != EAGAIN) {
		log_error("read jobs: %s", strerror(errno));
		jobs.fault = EX_TEMPFAIL;
		c->jobs = -1;
	} else if (n == 0) {
		c->jobs = -1;
		if (jobs.in.len)
			jobs_bad(c, "no end of line");
	}
}

/* The next job of what was read, if a whole line is left. */
static void
jobs_take(struct session *c)
{
	size_t left = jobs.in.len - jobs.taken;
	const char *line = left ? jobs.in.data + jobs.taken : "", *why;
	const char *lf = left ? memchr(line, '\n', left) : NULL;
	size_t n = lf ? (size_t)(lf - line) : left;
	struct batch_job b;

	if (!lf && left > BATCH_LINE)
		jobs_bad(c, "too long");
	if (!lf)
		return;
	char *copy = xrealloc(NULL, n + 1);
	memcpy(copy, line, n);
	if (batch_job_parse(&b, copy, n, &why) < 0) {
		jobs_bad(c, why);
		free(copy);
		return;
	}
	jobs.taken += n + 1;
	jobs.line++;
	session_add(c, &b, copy, -1);
}

void
jobs_begin(struct session *c)
{
	c->jobs = STDIN_FILENO;
	c->take = jobs_take;
	c->more = jobs_read;
}

int
jobs_end(void)
{
	buf_free(&jobs.in);
	return jobs.fault;
}
