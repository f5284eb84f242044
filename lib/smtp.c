#include "smtp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crlf.h"
#include "pipeline.h"
#include "transfer.h"

struct smtp {
	bool lmtp, greeted, ready, reset, lost, broken, over, quit;
	char hostname[256];
	int before; /* extensions offered to an EHLO before ours */
	struct pipeline wire;
	struct transfers begun;
	struct transfer *current; /* envelope or body under way */
	struct crlf_wire body;
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
	return s->wire.offered & ESMTP_PIPELINING;
}

static void
hello(struct smtp *s, enum verb verb)
{
	struct buf line = BUF_INIT;

	buf_addf(&line, "%s %s",
	    verb == HELO  ? "HELO"
		: s->lmtp ? "LHLO"
			  : "EHLO",
	    s->hostname);
	pipeline_command(&s->wire, verb, NULL, 0, &line);
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
		    transfer_command(t, s->wire.offered, &line, &rcpt);
		pipeline_command(&s->wire, verb, t, rcpt, &line);
	}
}

static void
fail(struct smtp *s, const struct reply *why)
{
	if (s->broken)
		return;
	s->broken = true;
	s->why = *why;
	s->current = NULL;
}

/* The transaction has had its last reply: its done event is due once the
 * results in hand are given. */
static void
finish(struct smtp *s, struct transfer *t)
{
	s->finishing = t;
	if (s->current == t)
		s->current = NULL;
}

/* What the last reply makes of a recipient. */
static enum batch_fate
fate(const struct smtp *s)
{
	int code = s->wire.reply.code;

	return code < 300 ? BATCH_OK : code < 500 ? BATCH_TEMP : BATCH_PERM;
}

/* Gives the last reply to every recipient that has no result. */
static void
give_all(struct smtp *s, struct transfer *t)
{
	s->giving = t;
	s->fate = fate(s);
}

static void
give_one(struct smtp *s, struct transfer *t, size_t i, struct smtp_event *e)
{
	*e = (struct smtp_event){SMTP_RESULT, t->m, i, fate(s), &s->wire.reply};
}

static bool
is_good(const struct smtp *s)
{
	return s->wire.reply.code / 100 == 2;
}

static void
on_hello(struct smtp *s, enum verb verb)
{
	if (is_good(s)) {
		s->ready = true;
	} else if (s->wire.reply.code == 503 && s->greeted) {
		/* OpenSMTPD and others take one EHLO only, and it was not
		 * ours: what they said to it holds. */
		s->wire.offered = s->before;
		s->ready = true;
	} else if (verb == EHLO && s->wire.reply.code / 100 == 5 && !s->lmtp) {
		s->wire.offered = 0;
		hello(s, HELO);
	} else {
		fail(s, &s->wire.reply);
	}
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
	bool refused = !transfer_rcpt(t, i, s->wire.reply.code);

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
static bool
on_data(struct smtp *s, struct transfer *t, struct smtp_event *e)
{
	if (s->wire.reply.code != 354) {
		s->reset = !t->mail_failed;
		give_all(s, t);
		finish(s, t);
	} else if (t->accepted) {
		s->body = (struct crlf_wire){.bol = true, .stuff = true};
		*e = (struct smtp_event){.kind = SMTP_BODY, .message = t->m};
		return true;
	} else if (s->lmtp) {
		fail(s, &(struct reply){.text = "354 without a recipient"});
	} else {
		buf_adds(&s->wire.out, ".\r\n");
		pipeline_expect(&s->wire, END, t, 0);
		t->end = s->wire.sent + s->wire.out.len;
		s->current = NULL;
	}
	return false;
}

static bool
on_end(struct smtp *s, struct transfer *t, size_t i, struct smtp_event *e)
{
	if (!s->lmtp || t->accepted == 0) {
		give_all(s, t);
		finish(s, t);
		return false;
	}
	t->rcpt[i] = FINISHED;
	if (--t->accepted == 0)
		finish(s, t);
	give_one(s, t, i, e);
	return true;
}

/* The answer to d. True when it made an event. */
static bool
on_reply(struct smtp *s, const struct due *d, struct smtp_event *e)
{
	bool event = false;

	switch (d->verb) {
	case GREETING:
		if (is_good(s))
			hello(s, EHLO);
		else
			fail(s, &s->wire.reply);
		break;
	case EHLO:
	case HELO:
		on_hello(s, d->verb);
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
		event = on_data(s, d->t, e);
		break;
	case END:
		event = on_end(s, d->t, d->rcpt, e);
		if (s->wire.reply.code == 421)
			fail(s, &s->wire.reply);
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
	} else if (t->end && t->end <= s->wire.sent) {
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
		switch (pipeline_read(&s->wire, &d)) {
		case PIPELINE_REPLY:
			if (on_reply(s, &d, e))
				return;
			break;
		case PIPELINE_CLOSING:
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
	    .greeted = !o->greeting,
	    .before = o->extensions};
	snprintf(s->hostname, sizeof s->hostname, "%s", o->hostname);
	if (o->greeting)
		pipeline_expect(&s->wire, GREETING, NULL, 0);
	else
		hello(s, EHLO);
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
smtp_wants(const struct smtp *s)
{
	return s->ready && !s->lost && !s->broken && !s->quit && !s->current;
}

int
smtp_offered(const struct smtp *s)
{
	return s->wire.offered;
}

void
smtp_begin(struct smtp *s, const struct smtp_message *m)
{
	s->current = transfer_add(&s->begun, m);
	advance(s);
}

void
smtp_body(struct smtp *s, const char *data, size_t n)
{
	crlf_wire(&s->body, data, n, &s->wire.out);
}

void
smtp_body_end(struct smtp *s)
{
	struct transfer *t = s->current;

	crlf_wire_end(&s->body, &s->wire.out);
	buf_adds(&s->wire.out, ".\r\n");
	pipeline_trace(&s->wire, '>', ".", 1);
	t->end = s->wire.sent + s->wire.out.len;
	if (!s->lmtp)
		pipeline_expect(&s->wire, END, t, 0);
	else
		for (size_t i = 0; i < t->m->n; i++)
			if (t->rcpt[i] == ACCEPTED)
				pipeline_expect(&s->wire, END, t, i);
	s->current = NULL;
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

bool
smtp_busy(const struct smtp *s)
{
	return s->begun.first != NULL;
}
