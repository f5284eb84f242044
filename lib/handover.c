#include "handover.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "atomic.h"
#include "header.h"
#include "reply.h"
#include "verdict.h"

#define BLOCK 65536

static void
say(char out[HANDOVER_TEXT], const char *text)
{
	snprintf(out, HANDOVER_TEXT, "%s", text);
}

static void
finish(struct handover *h)
{
	if (h->scratch >= 0)
		close(h->scratch);
	else if (h->kind == HANDOVER_QUEUE)
		queue_abort(&h->add);
	deliver_end(h->delivery);
	h->scratch = -1;
	h->delivery = NULL;
	buf_free(&h->room);
}

static bool
is_full(int err)
{
	return err == ENOSPC || err == EDQUOT || err == EFBIG;
}

static int
tell_errno(struct handover *h, const char *what)
{
	int err = errno;

	say(h->reply,
	    is_full(err) ? "452 4.3.1 Insufficient storage"
			 : verdict_reply(EX_TEMPFAIL));
	snprintf(h->note, sizeof h->note, "%s: %s", what, strerror(err));
	return -1;
}

static int
fail_errno(struct handover *h, const char *what)
{
	tell_errno(h, what);
	finish(h);
	return -1;
}

static int
tell_delivery(struct handover *h, int code)
{
	const char *reply = deliver_reply(h->delivery);

	say(h->reply, verdict_reply(code));
	reply_choose(h->reply, reply, strlen(reply));
	say(h->note, deliver_reason(h->delivery));
	return -1;
}

static int
fail_delivery(struct handover *h, int code)
{
	tell_delivery(h, code);
	finish(h);
	return -1;
}

/* To n recipients from the given one on. */
static int
address_delivery(struct handover *h, size_t first, size_t n)
{
	const struct handover_message *m = h->message;
	const struct deliver_options o = {
	    .sender = m->envelope->sender,
	    .trace = m->trace,
	    .mail_id = m->mail_id,
	};
	int code = 0;

	h->delivery = deliver_begin(&o);
	for (size_t i = first; i < first + n && code == 0; i++)
		code = deliver_target(
		    h->delivery, &m->targets[i], m->envelope->rcpts[i].address);
	return code;
}

static int
begin_delivery(struct handover *h)
{
	int code = address_delivery(h, 0, h->message->envelope->n);

	return code ? fail_delivery(h, code) : 0;
}

int
handover_begin(struct handover *h, enum handover_kind kind,
    const struct handover_message *m)
{
	const struct queue_options o = {
	    .mail_id = m->mail_id, .origin = m->origin};

	h->kind = kind;
	h->message = m;
	h->size = 0;
	h->note[0] = '\0';
	h->scratch = -1;
	buf_reset(&h->room);
	if (kind == HANDOVER_MAILBOXES && !m->each)
		return begin_delivery(h);
	if (kind != HANDOVER_QUEUE) {
		h->scratch = atomic_scratch();
		return h->scratch < 0 ? fail_errno(h, "create temporary file")
				      : 0;
	}
	if (queue_begin(h->queue, &h->add, m->envelope, &o) == 0)
		return 0;
	return fail_errno(h, "create queue file");
}

/* Each way gathers what is little. */
static int
put(struct handover *h, const void *data, size_t n)
{
	struct atomic scratch = {.fd = h->scratch};
	int code;

	h->size += n;
	if (h->delivery) {
		code = deliver_write(h->delivery, data, n);
		return code ? fail_delivery(h, code) : 0;
	}
	if (h->kind == HANDOVER_QUEUE)
		return queue_write(&h->add, data, n) == 0
		    ? 0
		    : fail_errno(h, "write queue file");
	return atomic_gather(&scratch, &h->room, data, n) == 0
	    ? 0
	    : fail_errno(h, "write temporary file");
}

/* A delivery puts the trace behind fields of its own. */
static int
put_top(struct handover *h, const char *data, size_t n)
{
	const char *trace = h->message->trace;
	const char *lf = n > 0 ? memchr(data, '\n', n) : NULL;

	if (h->delivery)
		return 0;
	if (put(h, trace, strlen(trace)) != 0)
		return -1;
	return header_needs_gap(data, lf ? (size_t)(lf - data) + 1 : n)
	    ? put(h, "\n", 1)
	    : 0;
}

int
handover_write(struct handover *h, const void *data, size_t n)
{
	if (h->size == 0 && put_top(h, data, n) != 0)
		return -1;
	return put(h, data, n);
}

static int
run_command(struct handover *h, size_t first, size_t count, struct buf *line)
{
	const struct handover_message *m = h->message;
	const struct envelope *e = m->envelope;
	const char *env[HANDOVER_ENV + 3];
	char **rcpts = xrealloc(NULL, (count + 1) * sizeof *rcpts);
	char id[64], size[64];
	size_t n = 0;

	snprintf(id, sizeof id, "MAIL_ID=%s", m->mail_id);
	snprintf(
	    size, sizeof size, "MAIL_SIZE=%llu", (unsigned long long)h->size);
	while (n < HANDOVER_ENV && m->env[n]) {
		env[n] = m->env[n];
		n++;
	}
	env[n++] = id;
	env[n++] = size;
	env[n] = NULL;
	for (n = 0; n < count; n++)
		rcpts[n] = e->rcpts[first + n].address;
	rcpts[n] = NULL;
	int code =
	    starter_handle(h->starter, e->sender, rcpts, env, h->scratch, line);
	free(rcpts);
	return code;
}

static int
give_command(struct handover *h, size_t first, size_t count)
{
	struct buf line = BUF_INIT;

	if (lseek(h->scratch, 0, SEEK_SET) < 0)
		return tell_errno(h, "rewind temporary file");
	int code = run_command(h, first, count, &line);
	if (code == 0)
		snprintf(h->reply, sizeof h->reply, "250 2.0.0 accepted as %s",
		    h->message->mail_id);
	else
		say(h->reply, verdict_reply(code));
	reply_choose(h->reply, line.data, line.len);
	if (code != 0)
		snprintf(h->note, sizeof h->note, "the command's exit code %d",
		    code);
	buf_free(&line);
	return code == 0 ? 0 : -1;
}

static int
commit_command(struct handover *h)
{
	int r = give_command(h, 0, h->message->envelope->n);

	finish(h);
	return r;
}

static int
commit_queue(struct handover *h)
{
	if (queue_commit(&h->add) < 0)
		return fail_errno(h, "queue message");
	say(h->note, h->add.id);
	snprintf(
	    h->reply, sizeof h->reply, "250 2.0.0 queued as %s", h->add.id);
	finish(h);
	return 0;
}

static int
end_delivery(struct handover *h, int code)
{
	if (code == 0)
		code = deliver_commit(h->delivery);
	if (code)
		return tell_delivery(h, code);
	snprintf(h->reply, sizeof h->reply, "250 2.0.0 delivered as %s",
	    h->message->mail_id);
	return 0;
}

static int
commit_delivery(struct handover *h)
{
	int r = end_delivery(h, 0);

	finish(h);
	return r;
}

/* What is behind the trace, which a delivery writes itself. */
static int
give_mailbox(struct handover *h, size_t rcpt)
{
	off_t at = (off_t)strlen(h->message->trace);
	int code = address_delivery(h, rcpt, 1), r;
	ssize_t n = 1;

	while (code == 0 && n > 0) {
		n = pread(h->scratch, buf_room(&h->room, BLOCK), BLOCK, at);
		if (n > 0)
			code =
			    deliver_write(h->delivery, h->room.data, (size_t)n);
		at += n;
	}
	r = n < 0 ? tell_errno(h, "read temporary file")
		  : end_delivery(h, code);
	deliver_end(h->delivery);
	h->delivery = NULL;
	return r;
}

int
handover_give(struct handover *h, size_t rcpt)
{
	h->note[0] = '\0';
	if (h->kind == HANDOVER_MAILBOXES &&
	    h->message->targets[rcpt].kind != MAILBOX_PROGRAM)
		return give_mailbox(h, rcpt);
	return give_command(h, rcpt, 1);
}

int
handover_end(struct handover *h)
{
	struct atomic scratch = {.fd = h->scratch};

	if (h->size == 0 && put_top(h, NULL, 0) != 0)
		return -1;
	if (h->scratch >= 0 && atomic_spill(&scratch, &h->room) < 0)
		return fail_errno(h, "write temporary file");
	return 0;
}

int
handover_commit(struct handover *h)
{
	if (handover_end(h) < 0)
		return -1;
	if (h->kind == HANDOVER_COMMAND)
		return commit_command(h);
	return h->kind == HANDOVER_QUEUE ? commit_queue(h) : commit_delivery(h);
}

void
handover_abort(struct handover *h)
{
	finish(h);
}
