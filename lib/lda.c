#include "lda.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch.h"
#include "entry.h"
#include "handler.h"
#include "reply.h"
#include "verdict.h"

#define HANDLER_SECONDS 1000

/* A copy of its own, so that no handler reaches the queue's file. */
static int
scratch_copy(const struct entry *e)
{
	char data[32768];
	uint64_t at = e->offset, end = e->offset + e->size;
	int fd = atomic_scratch();
	ssize_t n = 0, w;

	while (fd >= 0 && at < end) {
		size_t want = end - at < sizeof data ? end - at : sizeof data;

		n = pread(e->fd, data, want, (off_t)at);
		w = n > 0 ? write(fd, data, (size_t)n) : -1;
		if (n > 0 && w == n) {
			at += (uint64_t)n;
			continue;
		}
		close(fd);
		return -1;
	}
	return fd;
}

/* The handler's own line where its first digit agrees with its verdict. */
static void
explain(struct batch_result *r, int code, struct buf *line, struct reply *reply)
{
	enum verdict v = verdict_of_exit(code);
	const char *text = verdict_reply(code);

	*reply = (struct reply){0};
	if (reply_line(reply, line->data ? line->data : "", line->len) !=
		REPLY_DONE ||
	    verdict_of_code(reply->code) != v) {
		*reply = (struct reply){0};
		reply_line(reply, text, strlen(text));
	}
	r->fate = v == OK ? BATCH_OK : v == TEMP ? BATCH_TEMP : BATCH_PERM;
	r->code = reply->code;
	r->enhanced = reply->enhanced;
	r->text = reply->text;
}

static int
put_result(const struct batch_result *r)
{
	struct buf out = BUF_INIT;
	ssize_t n;

	batch_result_write(r, &out);
	n = write(STDOUT_FILENO, out.data, out.len);
	n = n == (ssize_t)out.len ? 0 : -1;
	buf_free(&out);
	return (int)n;
}

static bool
reader_lives(void)
{
	struct pollfd p = {.fd = STDOUT_FILENO};

	return poll(&p, 1, 0) <= 0 || !(p.revents & POLLERR);
}

static int
deliver_one(struct queue *q, const char *command, const struct batch_job *j,
    const struct entry *e, int body, const char *rcpt)
{
	const struct handler h = {.command = command,
	    .sender = j->sender.address,
	    .rcpt = rcpt,
	    .mail_id = e->mail_id,
	    .seconds = HANDLER_SECONDS,
	    .exact = true,
	    .keep = q->lock};
	struct batch_result r = {.id = j->id, .rcpt = rcpt};
	struct buf line = BUF_INIT;
	struct reply reply;
	char why[80];
	int code = EX_TEMPFAIL;

	if (!reader_lives())
		return -1;
	if (body >= 0)
		code = handler_run(&h, body, &line);
	explain(&r, code, &line, &reply);
	if (verdict_is_misuse(code)) {
		r.code = 0;
		r.enhanced = BATCH_OURS;
		snprintf(why, sizeof why,
		    "the command of the route failed (exit %d)", code);
		r.text = why;
	} else if (line.len == 0 && r.fate != BATCH_OK) {
		snprintf(why, sizeof why, "%.60s (exit %d)", reply.text, code);
		r.text = why;
	}
	code = put_result(&r);
	buf_free(&line);
	return code;
}

/* The job's file is one of the queue's: its name says all. */
static int
deliver_job(struct queue *q, const char *command, const struct batch_job *j)
{
	const char *base = strrchr(j->path, '/');
	struct qname name;
	struct entry e;
	int body, r = 0;
	size_t i;

	if (qname_parse(base ? base + 1 : j->path, &name) ||
	    entry_open(q->queue, &name, &e))
		return -1;
	body = scratch_copy(&e);
	for (i = 0; i < j->n && !r; i++)
		r = deliver_one(q, command, j, &e, body, j->rcpts[i].address);
	if (body >= 0)
		close(body);
	entry_close(&e);
	return r;
}

int
lda_run(struct queue *q, const char *command)
{
	char *line = NULL;
	const char *why;
	size_t cap = 0;
	ssize_t n;
	struct batch_job j;
	int r = 0;

	while (!r && (n = getline(&line, &cap, stdin)) > 0) {
		if (line[n - 1] != '\n')
			break; /* the runner died while it wrote */
		line[--n] = '\0';
		if (batch_job_parse(&j, line, (size_t)n, &why))
			return EX_DATAERR;
		r = deliver_job(q, command, &j);
		batch_job_free(&j);
	}
	free(line);
	return r ? EX_TEMPFAIL : EX_OK;
}
