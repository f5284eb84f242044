#include "smtp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "crlf.h"

enum { PIPELINING = 1, SIZE = 2, EIGHTBIT = 4, DSN = 8, UTF8 = 16 };

static const struct {
	const char *keyword;
	int bit;
} extensions[] = {
    {"PIPELINING", PIPELINING},
    {"SIZE", SIZE},
    {"8BITMIME", EIGHTBIT},
    {"DSN", DSN},
    {"SMTPUTF8", UTF8},
};

/* Parameters of a job that pass where their extension was offered. */
static const struct {
	const char *keyword;
	int bit;
} parameters[] = {
    {"RET", DSN},
    {"ENVID", DSN},
    {"NOTIFY", DSN},
    {"ORCPT", DSN},
    {"SMTPUTF8", UTF8},
};

enum verb { GREETING, EHLO, HELO, RSET, MAIL, RCPT, DATA, END, QUIT };

static const unsigned seconds[] = {
    [GREETING] = 300,
    [EHLO] = 300,
    [HELO] = 300,
    [RSET] = 300,
    [MAIL] = 300,
    [RCPT] = 300,
    [DATA] = 120,
    [END] = 600,
    [QUIT] = 5,
};
#define BLOCK_SECONDS 180

enum rcpt_state { PENDING, ACCEPTED, FINISHED };

struct transaction {
	struct transaction *next;
	const struct smtp_message *m;
	size_t step;      /* of its envelope: 0 MAIL, 1..n RCPT, n + 1 DATA */
	size_t accepted;  /* recipients that wait for the end of data */
	bool mail_failed; /* or the end of data was answered: nobody is left */
	uint64_t end;     /* of its data, in octets sent; 0: not yet */
	char rcpt[];      /* enum rcpt_state */
};

/* A reply that is due, and the octet behind the command it answers. */
struct due {
	enum verb verb;
	struct transaction *t;
	size_t rcpt;
	uint64_t end;
};

struct smtp {
	bool lmtp, greeted, ready, reset, lost, broken, over, quit;
	char hostname[256];
	int offered;
	struct buf in, out;
	size_t taken; /* octets of in */
	struct buf *trace;
	uint64_t replies;
	uint64_t sent; /* octets the kernel has taken; out follows them */
	struct due *due;
	size_t due_head, due_len, due_cap;
	struct transaction *first, *last; /* begun and not done, in order */
	struct transaction *current;      /* envelope or body under way */
	struct crlf_wire wire;
	struct reply reply, why, loss;
	/* Results still to be given for the last reply. */
	struct transaction *giving, *finishing;
	size_t give;
	enum batch_fate fate;
};

static void
trace(struct smtp *s, char mark, const char *line, size_t n)
{
	char text[SMTP_LINE];

	if (!s->trace)
		return;
	reply_escape(line, n, text, sizeof text);
	buf_addf(s->trace, "%c %s\n", mark, text);
}

static struct due *
due_first(const struct smtp *s)
{
	return s->due_head < s->due_len ? &s->due[s->due_head] : NULL;
}

static void
due_add(struct smtp *s, enum verb verb, struct transaction *t, size_t rcpt)
{
	if (s->due_head == s->due_len)
		s->due_head = s->due_len = 0;
	if (s->due_len == s->due_cap && s->due_head > s->due_len / 2) {
		s->due_len -= s->due_head;
		memmove(
		    s->due, s->due + s->due_head, s->due_len * sizeof *s->due);
		s->due_head = 0;
	}
	if (s->due_len == s->due_cap) {
		s->due_cap = s->due_cap ? 2 * s->due_cap : 16;
		s->due = xrealloc(s->due, s->due_cap * sizeof *s->due);
	}
	s->due[s->due_len++] =
	    (struct due){verb, t, rcpt, s->sent + s->out.len};
}

/* Adds a command; its line end is added here, so that it is one command. */
static void
command(struct smtp *s, enum verb verb, struct transaction *t, size_t rcpt,
    struct buf *line)
{
	trace(s, '>', line->data, line->len);
	buf_add(&s->out, line->data, line->len);
	buf_add(&s->out, "\r\n", 2);
	due_add(s, verb, t, rcpt);
	buf_free(line);
}

static void
simple(struct smtp *s, enum verb verb, const char *text)
{
	struct buf line = BUF_INIT;

	buf_adds(&line, text);
	command(s, verb, NULL, 0, &line);
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
	command(s, verb, NULL, 0, &line);
}

static bool
is_keyword(const char *word, size_t n, const char *keyword)
{
	return n == strlen(keyword) && strncasecmp(word, keyword, n) == 0;
}

static void
add_params(const struct smtp *s, const char *p, struct buf *line)
{
	while (p && *p) {
		size_t n = strcspn(p, " "), name = strcspn(p, "= ");
		for (size_t i = 0; i < sizeof parameters / sizeof *parameters;
		     i++)
			if (is_keyword(p, name, parameters[i].keyword) &&
			    (s->offered & parameters[i].bit)) {
				buf_addc(line, ' ');
				buf_add(line, p, n);
			}
		p += n + strspn(p + n, " ");
	}
}

static void
do_mail(struct smtp *s, struct transaction *t)
{
	struct buf line = BUF_INIT;

	buf_addf(&line, "MAIL FROM:<%s>", t->m->sender->address);
	if (s->offered & SIZE)
		buf_addf(&line, " SIZE=%llu", (unsigned long long)t->m->size);
	if ((s->offered & EIGHTBIT) && t->m->eightbit)
		buf_adds(&line, " BODY=8BITMIME");
	add_params(s, t->m->sender->params, &line);
	command(s, MAIL, t, 0, &line);
}

static void
do_rcpt(struct smtp *s, struct transaction *t, size_t i)
{
	struct buf line = BUF_INIT;

	buf_addf(&line, "RCPT TO:<%s>", t->m->rcpts[i].address);
	add_params(s, t->m->rcpts[i].params, &line);
	command(s, RCPT, t, i, &line);
}

static void
do_data(struct smtp *s, struct transaction *t)
{
	struct buf line = BUF_INIT;

	buf_adds(&line, "DATA");
	command(s, DATA, t, 0, &line);
}

/* Sends what may be sent of the current envelope: all, or, without PIPELINING,
 * one command when none is unanswered. */
static void
advance(struct smtp *s)
{
	struct transaction *t;

	while ((t = s->current) && !s->broken && t->step <= t->m->n + 1 &&
	    ((s->offered & PIPELINING) || !due_first(s))) {
		if (s->reset) {
			s->reset = false;
			simple(s, RSET, "RSET");
		} else if (t->step == 0) {
			t->step++;
			do_mail(s, t);
		} else if (t->step <= t->m->n) {
			t->step++;
			do_rcpt(s, t, t->step - 2);
		} else {
			t->step++;
			do_data(s, t);
		}
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

static void
fail_text(struct smtp *s, const char *text)
{
	struct reply why = {0};

	snprintf(why.text, sizeof why.text, "%s", text);
	fail(s, &why);
}

/* The transaction has had its last reply: its done event is due once the
 * results in hand are given. */
static void
finish(struct smtp *s, struct transaction *t)
{
	s->finishing = t;
	if (s->current == t)
		s->current = NULL;
}

/* Gives the last reply to every recipient that has no result. */
static void
give_all(struct smtp *s, struct transaction *t, enum batch_fate fate)
{
	s->giving = t;
	s->give = 0;
	s->fate = fate;
}

static enum batch_fate
fate_of(int code)
{
	return code < 300 ? BATCH_OK : code < 500 ? BATCH_TEMP : BATCH_PERM;
}

static void
on_hello(struct smtp *s, enum verb verb)
{
	if (s->reply.code / 100 == 2) {
		s->ready = true;
	} else if (s->reply.code == 503 && s->greeted) {
		/* OpenSMTPD and others take one EHLO only, and it was not
		 * ours: go on, with no extensions. */
		s->offered = 0;
		s->ready = true;
	} else if (verb == EHLO && s->reply.code / 100 == 5 && !s->lmtp) {
		s->offered = 0;
		hello(s, HELO);
	} else {
		fail(s, &s->reply);
	}
}

/* Without PIPELINING a refused sender leaves nothing to be asked. */
static void
on_mail(struct smtp *s, struct transaction *t)
{
	if (s->reply.code / 100 == 2)
		return;
	t->mail_failed = true;
	give_all(s, t, fate_of(s->reply.code));
	if (!(s->offered & PIPELINING))
		finish(s, t);
}

static bool
on_rcpt(struct smtp *s, struct transaction *t, size_t i, struct smtp_event *e)
{
	bool refused = false;

	if (t->rcpt[i] == PENDING && s->reply.code / 100 == 2) {
		t->rcpt[i] = ACCEPTED;
		t->accepted++;
	} else if (t->rcpt[i] == PENDING) {
		t->rcpt[i] = FINISHED;
		*e = (struct smtp_event){
		    SMTP_RESULT, t->m, i, fate_of(s->reply.code), &s->reply};
		refused = true;
	}
	if (!(s->offered & PIPELINING) && i + 1 == t->m->n && !t->accepted) {
		s->reset = true;
		finish(s, t);
	}
	return refused;
}

/* 354 although nobody was accepted wants an end of data at once (RFC 2920
 * 3.1); how many replies an LMTP server then has in mind is anybody's guess. */
static bool
on_data(struct smtp *s, struct transaction *t, struct smtp_event *e)
{
	if (s->reply.code != 354) {
		s->reset = !t->mail_failed;
		give_all(s, t, fate_of(s->reply.code));
		finish(s, t);
	} else if (t->accepted) {
		s->wire = (struct crlf_wire){.bol = true, .stuff = true};
		*e = (struct smtp_event){.kind = SMTP_BODY, .message = t->m};
		return true;
	} else if (s->lmtp) {
		fail_text(s, "354 without a recipient");
	} else {
		buf_adds(&s->out, ".\r\n");
		due_add(s, END, t, 0);
		t->end = s->sent + s->out.len;
		s->current = NULL;
	}
	return false;
}

static bool
on_end(struct smtp *s, struct transaction *t, size_t i, struct smtp_event *e)
{
	if (!s->lmtp || t->accepted == 0) {
		give_all(s, t, fate_of(s->reply.code));
		finish(s, t);
		return false;
	}
	t->rcpt[i] = FINISHED;
	if (--t->accepted == 0)
		finish(s, t);
	*e = (struct smtp_event){
	    SMTP_RESULT, t->m, i, fate_of(s->reply.code), &s->reply};
	return true;
}

/* Whether a code may answer a command at all. */
static bool
fits(enum verb verb, int code)
{
	return code / 100 != 3 ? verb != DATA || code / 100 != 2
			       : verb == DATA && code == 354;
}

/* A whole reply. True when it made an event. */
static bool
on_reply(struct smtp *s, struct smtp_event *e)
{
	struct due *first = due_first(s), d;
	bool event = false;

	if (s->reply.code == 421 && (!first || first->verb != END)) {
		fail(s, &s->reply);
		return false;
	}
	if (!first || first->end > s->sent) {
		struct reply why = {0};
		snprintf(why.text, sizeof why.text,
		    "reply before its command: %d %.400s", s->reply.code,
		    s->reply.text);
		fail(s, &why);
		return false;
	}
	d = *first;
	if (!fits(d.verb, s->reply.code)) {
		fail_text(s, "reply that answers no such command");
		return false;
	}
	s->due_head++;
	switch (d.verb) {
	case GREETING:
		if (s->reply.code / 100 == 2)
			hello(s, EHLO);
		else
			fail(s, &s->reply);
		break;
	case EHLO:
	case HELO:
		on_hello(s, d.verb);
		break;
	case RSET:
		if (s->reply.code / 100 != 2)
			fail(s, &s->reply);
		break;
	case MAIL:
		on_mail(s, d.t);
		break;
	case RCPT:
		event = on_rcpt(s, d.t, d.rcpt, e);
		break;
	case DATA:
		event = on_data(s, d.t, e);
		break;
	case END:
		event = on_end(s, d.t, d.rcpt, e);
		if (s->reply.code == 421)
			fail(s, &s->reply);
		break;
	case QUIT:
		fail(s, &s->reply);
		break;
	}
	advance(s);
	return event;
}

static void
on_extension(struct smtp *s, const char *line, size_t n)
{
	size_t name = 0;

	if (n < 4)
		return;
	line += 4;
	n -= 4;
	while (name < n && line[name] != ' ' && line[name] != '=')
		name++;
	for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++)
		if (is_keyword(line, name, extensions[i].keyword))
			s->offered |= extensions[i].bit;
}

/* Takes the next line of input. False when more is needed first. */
static bool
next_line(struct smtp *s, struct smtp_event *e, bool *event)
{
	const char *line = s->in.data + s->taken;
	size_t left = s->in.len - s->taken;
	const char *lf = left ? memchr(line, '\n', left) : NULL;
	size_t n = lf ? (size_t)(lf - line) : left;
	const struct due *d = due_first(s);

	if (n >= SMTP_LINE) {
		fail_text(s, "reply line too long");
		return true;
	}
	if (!lf) {
		buf_cut(&s->in, s->taken);
		s->taken = 0;
		return false;
	}
	s->taken += n + 1;
	if (n > 0 && line[n - 1] == '\r')
		n--;
	trace(s, '<', line, n);
	enum reply_state state = reply_line(&s->reply, line, n);
	if (state != REPLY_BAD && d && d->verb == EHLO && s->reply.lines > 1)
		on_extension(s, line, n);
	if (state == REPLY_BAD)
		fail_text(s, "no SMTP reply, or one of too many lines");
	else if (state == REPLY_DONE) {
		s->replies++;
		*event = on_reply(s, e);
		s->reply.lines = 0;
	}
	return true;
}

static void
transaction_free(struct smtp *s, struct transaction *t)
{
	struct transaction **at = &s->first;

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	s->last = s->first;
	while (s->last && s->last->next)
		s->last = s->last->next;
	free(t);
}

/* The next recipient that is to have the result in hand. */
static bool
give_next(struct smtp *s, struct smtp_event *e)
{
	struct transaction *t = s->giving;

	for (; t && s->give < t->m->n; s->give++) {
		if (t->rcpt[s->give] == FINISHED)
			continue;
		t->rcpt[s->give] = FINISHED;
		*e = (struct smtp_event){SMTP_RESULT, t->m, s->give, s->fate,
		    s->broken ? &s->why : &s->reply};
		return true;
	}
	s->giving = NULL;
	return false;
}

/* After a failure: the oldest transaction's end, or that all is over. */
static void
wind_up(struct smtp *s, struct smtp_event *e)
{
	struct transaction *t = s->first;

	*e = (struct smtp_event){.kind = SMTP_NONE, .reply = &s->why};
	if (!t) {
		if (!s->over)
			e->kind = SMTP_OVER;
		s->over = true;
	} else if (t->end && t->end <= s->sent) {
		give_all(s, t, BATCH_UNSURE);
		finish(s, t);
		smtp_next(s, e);
	} else {
		e->kind = SMTP_AGAIN;
		e->message = t->m;
		transaction_free(s, t);
	}
}

void
smtp_next(struct smtp *s, struct smtp_event *e)
{
	bool event = false;

	for (;;) {
		*e = (struct smtp_event){.kind = SMTP_NONE};
		if (s->giving && give_next(s, e))
			return;
		if (s->finishing) {
			*e = (struct smtp_event){
			    .kind = SMTP_DONE, .message = s->finishing->m};
			transaction_free(s, s->finishing);
			s->finishing = NULL;
			return;
		}
		if (s->broken) {
			wind_up(s, e);
			return;
		}
		if (next_line(s, e, &event)) {
			if (event)
				return;
		} else if (s->lost) {
			fail(s, &s->loss);
		} else {
			return;
		}
	}
}

struct smtp *
smtp_open(const struct smtp_options *o)
{
	struct smtp *s = xrealloc(NULL, sizeof *s);

	*s = (struct smtp){
	    .lmtp = o->lmtp, .trace = o->trace, .greeted = !o->greeting};
	snprintf(s->hostname, sizeof s->hostname, "%s", o->hostname);
	if (o->greeting)
		due_add(s, GREETING, NULL, 0);
	else
		hello(s, EHLO);
	return s;
}

void
smtp_close(struct smtp *s)
{
	if (!s)
		return;
	while (s->first)
		transaction_free(s, s->first);
	buf_free(&s->in);
	buf_free(&s->out);
	free(s->due);
	free(s);
}

void
smtp_input(struct smtp *s, const char *data, size_t n)
{
	if (!s->broken)
		buf_add(&s->in, data, n);
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

void
smtp_begin(struct smtp *s, const struct smtp_message *m)
{
	struct transaction *t = xrealloc(NULL, sizeof *t + m->n);

	*t = (struct transaction){.m = m};
	memset(t->rcpt, PENDING, m->n);
	if (s->last)
		s->last->next = t;
	else
		s->first = t;
	s->last = s->current = t;
	advance(s);
}

void
smtp_body(struct smtp *s, const char *data, size_t n)
{
	crlf_wire(&s->wire, data, n, &s->out);
}

void
smtp_body_end(struct smtp *s)
{
	struct transaction *t = s->current;

	crlf_wire_end(&s->wire, &s->out);
	buf_adds(&s->out, ".\r\n");
	trace(s, '>', ".", 1);
	t->end = s->sent + s->out.len;
	if (!s->lmtp)
		due_add(s, END, t, 0);
	else
		for (size_t i = 0; i < t->m->n; i++)
			if (t->rcpt[i] == ACCEPTED)
				due_add(s, END, t, i);
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
	return &s->out;
}

void
smtp_written(struct smtp *s, size_t n)
{
	buf_cut(&s->out, n);
	s->sent += n;
}

unsigned
smtp_seconds(const struct smtp *s)
{
	const struct due *d = due_first(s);

	if (s->out.len)
		return BLOCK_SECONDS;
	return d ? seconds[d->verb] : 0;
}

uint64_t
smtp_replies(const struct smtp *s)
{
	return s->replies;
}

bool
smtp_busy(const struct smtp *s)
{
	return s->first != NULL;
}
