#include "smtp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hello.h"
#include "pipeline.h"
#include "transfer.h"

struct smtp {
	bool lmtp, reset, lost, broken, closing, over, quit;
	struct hello hello;
	struct pipeline wire;
	struct transfers begun;
	uint64_t mails;           /* begun so far */
	struct transfer *current; /* envelope or body under way */
	bool body_due;            /* the event that asks for it */
	struct reply why, loss;
	/* Results still to be given for the last reply. */
	struct transfer *giving, *finishing;
	enum batch_fate fate;
};

static void
simple(struct smtp *s, enum verb verb, const char *text)
{
	struct buf line = BUF_INIT;

	buf_adds(&line, text);
	pipeline_command(&s->wire, verb, NULL, 0, &line);
}

static bool
has_pipelining(const struct smtp *s)
{
	return s->wire.offer.extensions & ESMTP_PIPELINING;
}

static void
begin_body(struct smtp *s, struct transfer *t)
{
	transfer_body_begin(t);
	s->body_due = true;
}

/* Sends what may be sent of the current envelope: all, or, without PIPELINING,
 * one command when none is unanswered. */
static void
advance(struct smtp *s)
{
	struct transfer *t;

	while ((t = s->current) && !s->broken && transfer_has_more(t) &&
	    (has_pipelining(s) || pipeline_is_empty(&s->wire))) {
		struct buf line = BUF_INIT;
		size_t rcpt;

		if (s->reset) {
			s->reset = false;
			simple(s, RSET, "RSET");
			continue;
		}
		enum verb verb =
		    transfer_command(t, s->wire.offer.extensions, &line, &rcpt);
		pipeline_command(&s->wire, verb, t, rcpt, &line);
		if (verb != END)
			continue;
		pipeline_chunk(&s->wire, t->m->size);
		t->end = s->wire.sent + s->wire.out.len + t->m->size;
		begin_body(s, t);
	}
}

static void
fail(struct smtp *s, const struct reply *why)
{
	if (s->broken)
		return;
	s->broken = true;
	s->why = *why;
	buf_reset(&s->wire.out);
	s->current = NULL;
	s->body_due = false;
}

/* What was sent behind the command that 421 answers is not looked at, and
 * behind a chunk that the server takes for commands it is no mail. */
static void
fail_closing(struct smtp *s)
{
	s->closing = true;
	fail(s, &s->wire.reply);
}

/* The transaction has had its last reply: its done event is due once the
 * results in hand are given, and all of its chunk is there. */
static void
finish(struct smtp *s, struct transfer *t)
{
	t->answered = true;
	if (s->current == t && t->chunk && !transfer_has_more(t))
		return;
	s->finishing = t;
	if (s->current == t)
		s->current = NULL;
}

/* Gives the last reply to every recipient that has no result. */
static void
give_all(struct smtp *s, struct transfer *t)
{
	s->giving = t;
	s->fate = transfer_fate(&s->wire.reply);
}

static void
give_one(struct smtp *s, struct transfer *t, size_t i, struct smtp_event *e)
{
	const struct reply *r = &s->wire.reply;

	*e = (struct smtp_event){SMTP_RESULT, t->m, i, transfer_fate(r), r};
}

static bool
is_good(const struct smtp *s)
{
	return s->wire.reply.code / 100 == 2;
}

/* Without PIPELINING a refused sender leaves nothing to be asked. */
static void
on_mail(struct smtp *s, struct transfer *t)
{
	if (is_good(s))
		return;
	t->mail_failed = true;
	give_all(s, t);
	if (!has_pipelining(s))
		finish(s, t);
}

static bool
on_rcpt(struct smtp *s, struct transfer *t, size_t i, struct smtp_event *e)
{
	bool refused = !transfer_rcpt(t, i, &s->wire.reply);

	if (refused)
		give_one(s, t, i, e);
	if (!has_pipelining(s) && i + 1 == t->m->n && !t->accepted) {
		s->reset = true;
		finish(s, t);
	}
	return refused;
}

/* 354 although nobody was accepted wants an end of data at once (RFC 2920
 * 3.1); how many replies an LMTP server then has in mind is anybody's guess. */
static void
on_data(struct smtp *s, struct transfer *t)
{
	if (s->wire.reply.code != 354) {
		s->reset = !t->mail_failed;
		give_all(s, t);
		finish(s, t);
	} else if (t->accepted) {
		begin_body(s, t);
	} else if (s->lmtp) {
		fail(s, &(struct reply){.text = "354 without a recipient"});
	} else {
		buf_adds(&s->wire.out, ".\r\n");
		pipeline_expect(&s->wire, END, t, 0);
		t->end = s->wire.sent + s->wire.out.len;
		s->current = NULL;
	}
}

/* LMTP has a reply for each recipient. What a refused chunk leaves behind must
 * be reset (RFC 3030 2), and is, where another envelope was sent already. */
static bool
on_end(struct smtp *s, const struct due *d, struct smtp_event *e)
{
	struct transfer *t = d->t;

	if (t->chunk && !is_good(s) && !t->mail_failed &&
	    (!t->next || !has_pipelining(s)))
		s->reset = true;
	if (!s->lmtp || t->accepted == 0) {
		give_all(s, t);
		finish(s, t);
		return false;
	}
	give_one(s, t, transfer_next(t), e);
	if (t->accepted)
		pipeline_again(&s->wire, d);
	else
		finish(s, t);
	return true;
}

/* The answer to d. True when it made an event. */
static bool
on_reply(struct smtp *s, const struct due *d, struct smtp_event *e)
{
	bool event = false;

	switch (d->verb) {
	case GREETING:
	case EHLO:
	case HELO:
		if (hello_reply(&s->hello, &s->wire, d->verb) < 0)
			fail(s, &s->wire.reply);
		break;
	case RSET:
		if (!is_good(s))
			fail(s, &s->wire.reply);
		break;
	case MAIL:
		on_mail(s, d->t);
		break;
	case RCPT:
		event = on_rcpt(s, d->t, d->rcpt, e);
		break;
	case DATA:
		on_data(s, d->t);
		break;
	case END:
		event = on_end(s, d, e);
		if (s->wire.reply.code == 421)
			fail_closing(s);
		break;
	case QUIT:
		fail(s, &s->wire.reply);
		break;
	}
	advance(s);
	return event;
}

/* The next recipient that is to have the result in hand. */
static bool
give_next(struct smtp *s, struct smtp_event *e)
{
	size_t i;

	if (!s->giving || !transfer_give(s->giving, &i)) {
		s->giving = NULL;
		return false;
	}
	*e = (struct smtp_event){SMTP_RESULT, s->giving->m, i, s->fate,
	    s->broken ? &s->why : &s->wire.reply};
	return true;
}

/* After a failure: the oldest transaction's end, or that all is over. */
static void
wind_up(struct smtp *s, struct smtp_event *e)
{
	struct transfer *t = s->begun.first;

	*e = (struct smtp_event){.kind = SMTP_NONE, .reply = &s->why};
	if (!t) {
		if (!s->over)
			e->kind = SMTP_OVER;
		s->over = true;
	} else if (t->end && t->end <= s->wire.sent && !s->closing) {
		s->giving = t;
		s->fate = BATCH_UNSURE;
		finish(s, t);
		smtp_next(s, e);
	} else {
		e->kind = SMTP_AGAIN;
		e->message = t->m;
		transfer_remove(&s->begun, t);
	}
}

void
smtp_next(struct smtp *s, struct smtp_event *e)
{
	struct due d;

	for (;;) {
		*e = (struct smtp_event){.kind = SMTP_NONE};
		if (give_next(s, e))
			return;
		if (s->finishing) {
			*e = (struct smtp_event){
			    .kind = SMTP_DONE, .message = s->finishing->m};
			transfer_remove(&s->begun, s->finishing);
			s->finishing = NULL;
			return;
		}
		if (s->broken) {
			wind_up(s, e);
			return;
		}
		if (s->body_due) {
			s->body_due = false;
			*e = (struct smtp_event){
			    .kind = SMTP_BODY, .message = s->current->m};
			return;
		}
		switch (pipeline_read(&s->wire, &d)) {
		case PIPELINE_REPLY:
			if (on_reply(s, &d, e))
				return;
			break;
		case PIPELINE_CLOSING:
			fail_closing(s);
			break;
		case PIPELINE_FAULT:
			fail(s, &s->wire.reply);
			break;
		case PIPELINE_WAITS:
			if (!s->lost)
				return;
			fail(s, &s->loss);
		}
	}
}

struct smtp *
smtp_open(const struct smtp_options *o)
{
	struct smtp *s = xrealloc(NULL, sizeof *s);

	*s = (struct smtp){.lmtp = o->lmtp,
	    .wire.trace = o->trace,
	    .hello.lmtp = o->lmtp,
	    .hello.no_chunks = o->no_chunks};
	if (o->before)
		s->hello.before = *o->before;
	hello_begin(&s->hello, &s->wire, o->hostname, o->greeting);
	return s;
}

void
smtp_close(struct smtp *s)
{
	if (!s)
		return;
	while (s->begun.first)
		transfer_remove(&s->begun, s->begun.first);
	pipeline_free(&s->wire);
	free(s);
}

void
smtp_input(struct smtp *s, const char *data, size_t n)
{
	if (!s->broken)
		buf_add(&s->wire.in, data, n);
}

void
smtp_lost(struct smtp *s, const char *why)
{
	s->lost = true;
	snprintf(s->loss.text, sizeof s->loss.text, "%s", why);
}

bool
smtp_is_spent(const struct smtp *s)
{
	return s->wire.offer.mails && s->mails >= s->wire.offer.mails;
}

bool
smtp_lacks_chunks(const struct smtp *s)
{
	return s->wire.lacks_chunks;
}

bool
smtp_wants(const struct smtp *s)
{
	return s->hello.ready && !s->lost && !s->broken && !s->quit &&
	    !s->current && !smtp_is_spent(s) && s->begun.n < SMTP_WINDOW;
}

const struct esmtp_offer *
smtp_offer(const struct smtp *s)
{
	return &s->wire.offer;
}

/* An end of data leaves nothing to be reset, whatever its reply; of a chunk
 * that is not answered this is not known. */
void
smtp_begin(struct smtp *s, const struct smtp_message *m)
{
	if (s->begun.last && s->begun.last->chunk && has_pipelining(s))
		s->reset = true;
	s->current = transfer_add(&s->begun, m);
	s->mails++;
	advance(s);
}

bool
smtp_body(struct smtp *s, const char *data, size_t n)
{
	return transfer_body(s->current, data, n, &s->wire.out);
}

static void
end_data(struct smtp *s, struct transfer *t)
{
	pipeline_trace(&s->wire, '>', ".", 1);
	pipeline_expect(&s->wire, END, t, 0);
	t->end = s->wire.sent + s->wire.out.len;
}

bool
smtp_body_end(struct smtp *s)
{
	struct transfer *t = s->current;
	bool whole = transfer_body_end(t, &s->wire.out);

	if (!t->chunk)
		end_data(s, t);
	s->current = NULL;
	if (t->answered)
		s->finishing = t;
	return whole;
}

void
smtp_quit(struct smtp *s)
{
	s->quit = true;
	if (!s->broken)
		simple(s, QUIT, "QUIT");
}

const struct buf *
smtp_output(const struct smtp *s)
{
	return &s->wire.out;
}

void
smtp_written(struct smtp *s, size_t n)
{
	pipeline_written(&s->wire, n);
}

unsigned
smtp_seconds(const struct smtp *s)
{
	return pipeline_seconds(&s->wire);
}

uint64_t
smtp_replies(const struct smtp *s)
{
	return s->wire.replies;
}

const struct smtp_message *
smtp_oldest(const struct smtp *s)
{
	return s->begun.first ? s->begun.first->m : NULL;
}
