#include "job.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"

static struct job *
make(const struct batch_job *b, struct job_source *source, job_report *report)
{
	struct job *j = xrealloc(NULL, sizeof *j);

	*j = (struct job){
	    .b = *b, .source = source, .out.fd = -1, .report = report};
	j->reported = xrealloc(NULL, b->n * sizeof *j->reported);
	memset(j->reported, 0, b->n * sizeof *j->reported);
	source->users++;
	return j;
}

struct job *
job_new(const struct batch_job *b, char *line, int fd, job_report *report)
{
	struct job_source *source = xrealloc(NULL, sizeof *source);

	*source = (struct job_source){.line = line, .fd = fd};
	return make(b, source, report);
}

struct job *
job_split(struct job *j, size_t n)
{
	struct batch_job rest = j->b;

	if (n == j->b.n)
		return NULL;
	rest.n = j->b.n - n;
	rest.rcpts = xrealloc(NULL, rest.n * sizeof *rest.rcpts);
	memcpy(rest.rcpts, j->b.rcpts + n, rest.n * sizeof *rest.rcpts);
	j->b.n = n;
	return make(&rest, j->source, j->report);
}

static void
release(struct job_source *s)
{
	if (--s->users)
		return;
	if (s->fd >= 0)
		close(s->fd);
	free(s->line);
	free(s);
}

void
job_free(struct job *j)
{
	outgoing_close(&j->out);
	batch_job_free(&j->b);
	release(j->source);
	free(j->reported);
	free(j);
}

void
job_result(
    struct job *j, size_t rcpt, enum batch_fate fate, const struct reply *why)
{
	j->reported[rcpt] = true;
	j->report(&j->b, rcpt, fate, why);
}

void
job_end(struct job *j, enum batch_fate fate, const struct reply *why)
{
	for (size_t i = 0; i < j->b.n; i++)
		if (!j->reported[i])
			job_result(j, i, fate, why);
	job_free(j);
}

bool
job_is_done(const struct job *j)
{
	for (size_t i = 0; i < j->b.n; i++)
		if (!j->reported[i])
			return false;
	return true;
}

/* -1 with the reason. */
static int
open_message(struct job *j, struct reply *why)
{
	int fd = -1;

	if (j->source->fd >= 0) {
		fd = fcntl(j->source->fd, F_DUPFD_CLOEXEC, 0);
		if (fd < 0) {
			*why = (struct reply){.text = "no descriptor left"};
			return -1;
		}
	}
	return outgoing_open(
	    &j->out, fd, j->b.path, j->b.offset, j->b.size, why);
}

bool
job_prepare(struct job *j, bool allow_empty)
{
	struct reply why = {554, "5.6.0", "message of no octets", 1};

	j->prepared = true;
	if (open_message(j, &why) == 0 && (j->out.size || allow_empty))
		return true;
	job_end(j, why.code ? BATCH_PERM : BATCH_TEMP, &why);
	return false;
}

bool
job_address(struct job *j, int offered)
{
	struct reply why = {
	    553, "5.6.7", "address needs SMTPUTF8, which is not offered", 1};
	bool sender = esmtp_takes(offered, &j->b.sender);
	size_t n = 0;

	for (size_t i = 0; i < j->b.n; i++) {
		if (j->reported[i])
			continue;
		if (sender && esmtp_takes(offered, &j->b.rcpts[i]))
			j->b.rcpts[n++] = j->b.rcpts[i];
		else
			job_result(j, i, BATCH_PERM, &why);
	}
	memset(j->reported, 0, j->b.n * sizeof *j->reported);
	j->b.n = n;
	j->message = (struct smtp_message){.sender = &j->b.sender,
	    .rcpts = j->b.rcpts,
	    .n = n,
	    .size = scan_wire(&j->out.checked),
	    .eightbit = j->out.checked.high};
	if (n == 0)
		job_free(j);
	return n > 0;
}
