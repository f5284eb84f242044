#include "session.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "conn.h"

#define IDLE_SECONDS 30 /* until an unused connection is given back */
#define TIME_IS_UP "not done within --max-time"

static void
job_begin(struct session *c, struct job *j)
{
	struct job *rest;

	if (!job_address(j, smtp_offer(c->contact.smtp), c->max_rcpts, &rest))
		return;
	if (rest)
		agenda_put_back(&c->agenda, rest);
	c->on.begun = true;
	c->contact.since = conn_now();
	smtp_begin(c->contact.smtp, &j->message);
}

/* After a lost connection. The job that it was lost at goes to the next place,
 * if there is one, or once more, if others went before it; those behind it, and
 * all where only chunks are to blame, go again in any case, before what has
 * waited. */
static void
job_again(struct session *c, struct job *j, const struct reply *why)
{
	bool chunks = smtp_lacks_chunks(c->contact.smtp);
	bool blamed = !c->on.blamed && !chunks, again = !blamed;

	c->on.blamed = true;
	if (blamed)
		again = c->on.finished ? !j->retried : hop_has_more(c->hop);
	if (again && !job_is_done(j) && agenda_left(j) > 0) {
		j->retried = c->on.finished && (blamed || j->retried);
		agenda_retry(&c->agenda, j);
	} else {
		job_end(j, BATCH_TEMP, hop_told(c->hop, why));
	}
}

/* Who was put off goes next; at least one of the job did have a result. */
static void
job_done(struct session *c, struct job *j)
{
	c->on.finished = true;
	if (job_is_done(j))
		job_free(j);
	else
		agenda_put_back(&c->agenda, j);
}

static void
show_dialogue(struct session *c)
{
	if (c->trace.len)
		fwrite(c->trace.data, 1, c->trace.len, stderr);
	buf_reset(&c->trace);
}

/* One attempt at one place, for a job. */
static void
session_open(struct session *c, const struct job *j)
{
	struct dial_options limited = *c->options;
	struct url *url = hop_url(c->hop);
	struct reply why, failure;
	int code;

	if (!url)
		return;
	limited.most = hop_share(c->hop, agenda_left(j));
	if (limited.most < 1)
		limited.most = 1;
	if (contact_open(&c->contact, url, &limited, c->lmtp,
		c->options->verbose ? &c->trace : NULL, &why, &code) == 0)
		return;
	if (code != EX_TEMPFAIL)
		c->fault = code;
	failure = *hop_named(c->hop, &why);
	if (!why.code)
		snprintf(failure.text, sizeof failure.text,
		    "connect %.150s: %.300s", url->name, why.text);
	hop_failed(c->hop, &failure);
}

static void
session_close(struct session *c)
{
	show_dialogue(c);
	contact_close(&c->contact);
	agenda_retry_none(&c->agenda);
	memset(&c->on, 0, sizeof c->on);
}

static void
session_over(struct session *c, const struct reply *why)
{
	bool useless = c->contact.silent || !c->on.begun;
	bool elsewhere = !c->on.finished && hop_has_more(c->hop) &&
	    !smtp_lacks_chunks(c->contact.smtp);

	if (!c->on.left && (useless || elsewhere))
		hop_failed(c->hop, hop_named(c->hop, why));
	session_close(c);
}

static void
take_events(struct session *c)
{
	struct smtp_event e;

	while (c->contact.smtp) {
		smtp_next(c->contact.smtp, &e);
		struct job *j = (struct job *)e.message;
		switch (e.kind) {
		case SMTP_NONE:
			contact_took_all(&c->contact);
			return;
		case SMTP_BODY:
			c->on.body = j;
			outgoing_rewind(&j->out);
			break;
		case SMTP_RESULT:
			job_result(
			    j, e.rcpt, e.fate, hop_named(c->hop, e.reply));
			break;
		case SMTP_DONE:
			job_done(c, j);
			break;
		case SMTP_AGAIN:
			c->on.body = NULL;
			job_again(c, j, e.reply);
			break;
		case SMTP_OVER:
			session_over(c, e.reply);
			break;
		}
	}
}

/* An end of data that nobody will hear of must not be sent. */
static bool
has_reader(struct session *c)
{
	struct pollfd p = {.fd = c->results};

	if (c->results >= 0 && poll(&p, 1, 0) > 0 &&
	    (p.revents & (POLLERR | POLLNVAL)))
		c->gone = true;
	return !c->gone;
}

/* Blocks of the message, then its end. */
static void
feed_body(struct session *c)
{
	const char *data;
	ssize_t n = 1;

	while (c->on.body && n > 0 && !contact_is_full(&c->contact)) {
		n = outgoing_next(&c->on.body->out, &data);
		if (n > 0 && !smtp_body(c->contact.smtp, data, (size_t)n))
			n = -1;
	}
	if (n == 0) {
		n = smtp_body_end(c->contact.smtp) ? 0 : -1;
		outgoing_rest(&c->on.body->out);
		c->on.body = NULL;
		c->on.ended = true;
	}
	if (n < 0)
		contact_lose(&c->contact, "the message has changed");
}

static void
take(struct session *c)
{
	if (!c->agenda.first && c->jobs >= 0)
		c->take(c);
}

static bool
is_down(const struct session *c)
{
	return !c->contact.smtp && hop_is_down(c->hop);
}

static void
leave(struct session *c)
{
	c->on.left = true;
	smtp_quit(c->contact.smtp);
}

/* The next job, its message read, or NULL. */
static struct job *
next_job(struct session *c)
{
	for (;;) {
		take(c);
		struct job *j = c->agenda.first;
		if (!j || j->prepared || is_down(c))
			return j;
		agenda_take(&c->agenda);
		if (job_prepare(j, c->allow_empty)) {
			agenda_put_back(&c->agenda, j);
			return j;
		}
	}
}

/* Whether the hop is the job's, once nothing is under way to another one. */
static bool
turn_to(struct session *c, const struct job *j)
{
	if (hop_leads_to(c->hop, j->domain))
		return true;
	if (!c->contact.smtp)
		hop_turn(c->hop, j->domain);
	else if (!smtp_oldest(c->contact.smtp))
		leave(c);
	return !c->contact.smtp;
}

/* Begins the next job on the connection, made for it if there is none. False:
 * none can be begun now. */
static bool
begin_next(struct session *c)
{
	static const struct reply late = {.text = TIME_IS_UP};
	struct job *j;

	while ((!c->contact.smtp || smtp_wants(c->contact.smtp)) &&
	    (j = next_job(c))) {
		if (!turn_to(c, j))
			return false;
		agenda_start(&c->agenda, j);
		if (!c->contact.smtp && !is_down(c) && agenda_left(j) > 0) {
			session_open(c, j);
			continue;
		}
		agenda_take(&c->agenda);
		if (c->contact.smtp) {
			job_begin(c, j);
			return true;
		}
		if (is_down(c))
			job_end(j, c->hop->fate, &c->hop->why);
		else
			job_end(j, BATCH_TEMP, hop_told(c->hop, &late));
	}
	return false;
}

static void
flush(struct session *c)
{
	if (c->on.ended && !has_reader(c))
		return;
	contact_flush(&c->contact);
	c->on.ended &= c->contact.smtp && smtp_output(c->contact.smtp)->len;
}

/* Takes in what came and adds what may be sent; what is a block or more goes
 * out at once. */
static void
move_on(struct session *c)
{
	bool more = true;

	while (more) {
		take_events(c);
		feed_body(c);
		more = begin_next(c);
		if (contact_is_full(&c->contact))
			flush(c);
		more &= !contact_is_full(&c->contact);
	}
}

static bool
is_idle(struct session *c)
{
	return !c->agenda.first && smtp_wants(c->contact.smtp) &&
	    !smtp_oldest(c->contact.smtp);
}

/* Whether nothing more is to be sent on this connection. */
static bool
is_finished(struct session *c)
{
	if (c->jobs < 0 && is_idle(c))
		return true;
	return !c->on.left && smtp_is_spent(c->contact.smtp) &&
	    !smtp_oldest(c->contact.smtp);
}

/* Milliseconds that the oldest job has, begun or waiting for EHLO's answer. */
static int64_t
oldest_left(const struct session *c)
{
	const struct job *j = (const struct job *)smtp_oldest(c->contact.smtp);

	if (!j && !smtp_wants(c->contact.smtp))
		j = c->agenda.first;
	return j ? agenda_left(j) : CONN_FOREVER;
}

/* Milliseconds until on_timeout is due, -1: no limit. */
static int
time_left(struct session *c)
{
	int64_t job = oldest_left(c);
	int64_t silence = contact_left(
	    &c->contact, c->options, is_idle(c) ? IDLE_SECONDS : 0);
	int64_t left = job < silence ? job : silence;

	return left == CONN_FOREVER ? -1 : left > 0 ? (int)left : 0;
}

static void
on_timeout(struct session *c)
{
	if (is_idle(c)) {
		leave(c);
		return;
	}
	c->contact.silent = true;
	contact_lose(
	    &c->contact, oldest_left(c) > 0 ? "no answer in time" : TIME_IS_UP);
}

/* Waits for the server, for jobs and for the death of who reads results. */
static void
wait_for_news(struct session *c)
{
	struct pollfd p[3] = {{.fd = -1}, {.fd = -1}, {.fd = c->results}};
	int ms = -1, n;

	if (!c->agenda.first && c->jobs >= 0)
		p[0] = (struct pollfd){.fd = c->jobs, .events = POLLIN};
	if (c->contact.smtp) {
		bool out = smtp_output(c->contact.smtp)->len > 0;
		if (c->contact.lost)
			return;
		if (c->on.body && !contact_is_full(&c->contact)) {
			if (oldest_left(c) <= 0)
				on_timeout(c);
			return;
		}
		p[1].fd = dial_fd(c->contact.dial);
		p[1].events = POLLIN | (out ? POLLOUT : 0);
		ms = c->contact.more ? 0 : time_left(c);
	}
	n = poll(p, 3, ms);
	if (n == 0 && c->contact.smtp && !c->contact.more && time_left(c) == 0)
		on_timeout(c);
	if (n > 0 && p[0].revents)
		c->more(c);
	if (n > 0 && p[2].revents)
		has_reader(c);
}

void
session_add(struct session *c, const struct batch_job *b, char *line, int fd)
{
	agenda_add(&c->agenda, c->hop, b, line, fd, c->report);
}

/* Without a further octet and without results. */
static void
abandon(struct session *c)
{
	struct smtp_event e;

	if (c->contact.smtp)
		contact_lose(&c->contact, "given up");
	while (c->contact.smtp &&
	    (smtp_next(c->contact.smtp, &e), e.kind != SMTP_OVER))
		if (e.kind == SMTP_DONE || e.kind == SMTP_AGAIN)
			job_free((struct job *)e.message);
	agenda_free(&c->agenda);
	session_close(c);
}

/* Each round takes in what came, adds what may be sent, and sends it in as few
 * segments as can be. */
int
session_run(struct session *c)
{
	while (!c->gone) {
		move_on(c);
		show_dialogue(c);
		if (c->jobs < 0 && !c->agenda.first && !c->contact.smtp)
			return 0;
		if (c->contact.smtp && is_finished(c))
			leave(c);
		flush(c);
		next_job(c); /* while the server has something to do */
		wait_for_news(c);
		contact_receive(&c->contact);
	}
	abandon(c);
	return -1;
}
