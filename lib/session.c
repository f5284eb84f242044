#include "session.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "conn.h"

#define IDLE_SECONDS 30 /* until an unused connection is given back */
#define FOREVER (INT64_MAX / 2)
#define TIME_IS_UP "not done within --max-time"

static void
job_wait(struct session *c, struct job *j)
{
	struct job **at = &c->waiting;

	while (*at)
		at = &(*at)->next;
	j->next = NULL;
	*at = j;
}

/* Milliseconds until its time is up, 0 or less when it is. */
static int64_t
job_left(const struct job *j)
{
	return j->deadline ? j->deadline - conn_now() : FOREVER;
}

/* Its time runs from here on. */
static void
job_start(const struct session *c, struct job *j)
{
	if (c->max_time && !j->deadline)
		j->deadline = conn_now() + c->max_time * INT64_C(1000);
}

static void
job_begin(struct session *c, struct job *j)
{
	struct job *rest;

	if (!job_address(j, smtp_offer(c->on.smtp), c->max_rcpts, &rest))
		return;
	if (rest) {
		rest->next = c->waiting;
		c->waiting = rest;
	}
	c->on.begun = true;
	c->on.since = conn_now();
	smtp_begin(c->on.smtp, &j->message);
}

/* After a lost connection: once more, if this one has carried a message, or at
 * the next place, if there is one; before all that has waited. */
static void
job_again(struct session *c, struct job *j, const struct reply *why)
{
	bool again = c->on.finished ? !j->retried : hop_has_more(c->hop);

	if (again && !job_is_done(j) && job_left(j) > 0) {
		struct job **at = c->on.again ? c->on.again : &c->waiting;
		j->retried = c->on.finished;
		j->next = *at;
		*at = j;
		c->on.again = &j->next;
	} else {
		job_end(j, BATCH_TEMP, hop_told(c->hop, why));
	}
}

static void
show_dialogue(struct session *c)
{
	if (c->trace.len)
		fwrite(c->trace.data, 1, c->trace.len, stderr);
	buf_reset(&c->trace);
}

static void
lost(struct session *c, const char *why)
{
	c->on.lost = true;
	smtp_lost(c->on.smtp, why);
}

static void
session_close(struct session *c)
{
	show_dialogue(c);
	smtp_close(c->on.smtp);
	dial_close(c->on.dial);
	memset(&c->on, 0, sizeof c->on);
}

/* One attempt at one place, for a job. */
static void
session_open(struct session *c, const struct job *j)
{
	struct dial_options limited = *c->options;
	struct smtp_options o = {.lmtp = c->lmtp,
	    .greeting = c->lmtp,
	    .hostname = c->options->hostname,
	    .trace = c->options->verbose ? &c->trace : NULL};
	struct url *url = hop_url(c->hop);
	struct reply why, failure;
	int code;

	if (!url)
		return;
	limited.most = hop_share(c->hop, job_left(j));
	c->on.dial = dial_open(url, &limited, &why, &code);
	if (c->on.dial) {
		o.before = dial_offer(c->on.dial);
		c->on.smtp = smtp_open(&o);
		c->on.since = conn_now();
		return;
	}
	if (code != EX_TEMPFAIL)
		c->fault = code;
	failure = *hop_named(c->hop, &why);
	if (!why.code)
		snprintf(failure.text, sizeof failure.text,
		    "connect %.150s: %.300s", url->name, why.text);
	hop_failed(c->hop, &failure);
}

/* Takes in what the server has sent, up to a bound. */
static void
receive(struct session *c)
{
	char data[16384];
	ssize_t n = 0;

	c->on.more = false;
	for (int i = 0; c->on.smtp && !c->on.lost && i < 4; i++) {
		n = dial_recv(c->on.dial, data, sizeof data);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0)
			lost(c,
			    n == 0 ? "server closed the connection"
				   : "connection lost");
		else
			smtp_input(c->on.smtp, data, (size_t)n);
	}
	c->on.more = n > 0;
}

static void
session_over(struct session *c, const struct reply *why)
{
	bool useless = c->on.silent || !c->on.begun;
	bool elsewhere = !c->on.finished && hop_has_more(c->hop);

	if (!c->on.left && (useless || elsewhere))
		hop_failed(c->hop, hop_named(c->hop, why));
	session_close(c);
}

static void
take_events(struct session *c)
{
	struct smtp_event e;

	while (c->on.smtp) {
		smtp_next(c->on.smtp, &e);
		struct job *j = (struct job *)e.message;
		switch (e.kind) {
		case SMTP_NONE:
			if (c->on.replies != smtp_replies(c->on.smtp))
				c->on.since = conn_now();
			c->on.replies = smtp_replies(c->on.smtp);
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
			c->on.finished = true;
			job_free(j);
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

static bool
is_full(const struct session *c)
{
	return c->on.smtp && smtp_output(c->on.smtp)->len >= OUTGOING_BLOCK;
}

/* Blocks of the message, then its end. */
static void
feed_body(struct session *c)
{
	const char *data;
	ssize_t n = 1;

	while (c->on.body && n > 0 && !is_full(c)) {
		n = outgoing_next(&c->on.body->out, &data);
		if (n > 0 && !smtp_body(c->on.smtp, data, (size_t)n))
			n = -1;
	}
	if (n == 0) {
		n = smtp_body_end(c->on.smtp) ? 0 : -1;
		outgoing_rest(&c->on.body->out);
		c->on.body = NULL;
		c->on.ended = true;
	}
	if (n < 0)
		lost(c, "the message has changed");
}

static void
take(struct session *c)
{
	if (!c->waiting && c->jobs >= 0)
		c->take(c);
}

static bool
is_down(const struct session *c)
{
	return !c->on.smtp && hop_is_down(c->hop);
}

static void
leave(struct session *c)
{
	c->on.left = true;
	smtp_quit(c->on.smtp);
}

/* The next job, its message read, or NULL. */
static struct job *
next_job(struct session *c)
{
	for (;;) {
		take(c);
		struct job *j = c->waiting;
		if (!j || j->prepared || is_down(c))
			return j;
		c->waiting = j->next;
		if (job_prepare(j, c->allow_empty)) {
			c->waiting = j;
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
	if (!c->on.smtp)
		hop_turn(c->hop, j->domain);
	else if (!smtp_oldest(c->on.smtp))
		leave(c);
	return !c->on.smtp;
}

/* Begins the next job on the connection, made for it if there is none. False:
 * none can be begun now. */
static bool
begin_next(struct session *c)
{
	static const struct reply late = {.text = TIME_IS_UP};
	struct job *j;

	while ((!c->on.smtp || smtp_wants(c->on.smtp)) && (j = next_job(c))) {
		if (!turn_to(c, j))
			return false;
		job_start(c, j);
		if (!c->on.smtp && !is_down(c) && job_left(j) > 0) {
			session_open(c, j);
			continue;
		}
		c->waiting = j->next;
		if (c->on.smtp) {
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
	const struct buf *out;

	while (
	    c->on.smtp && !c->on.lost && (out = smtp_output(c->on.smtp))->len) {
		if (c->on.ended && !has_reader(c))
			return;
		ssize_t n = dial_send(c->on.dial, out->data, out->len);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			receive(c);
			lost(c, "connection lost while sending");
			return;
		}
		smtp_written(c->on.smtp, (size_t)n);
		c->on.ended &= out->len > 0;
		c->on.since = conn_now();
	}
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
		if (is_full(c))
			flush(c);
		more &= !is_full(c);
	}
}

static bool
is_idle(struct session *c)
{
	return !c->waiting && smtp_wants(c->on.smtp) &&
	    !smtp_oldest(c->on.smtp);
}

/* Whether nothing more is to be sent on this connection. */
static bool
is_finished(struct session *c)
{
	if (c->jobs < 0 && is_idle(c))
		return true;
	return !c->on.left && smtp_is_spent(c->on.smtp) &&
	    !smtp_oldest(c->on.smtp);
}

/* Milliseconds that the oldest job has, begun or waiting for EHLO's answer. */
static int64_t
oldest_left(const struct session *c)
{
	const struct job *j = (const struct job *)smtp_oldest(c->on.smtp);

	if (!j && !smtp_wants(c->on.smtp))
		j = c->waiting;
	return j ? job_left(j) : FOREVER;
}

/* Milliseconds until the server has been silent for too long. */
static int64_t
silence_left(struct session *c)
{
	unsigned limit = smtp_seconds(c->on.smtp);
	int64_t left;

	if (c->options->timeout && c->options->timeout < limit)
		limit = c->options->timeout;
	if (is_idle(c))
		limit = IDLE_SECONDS;
	left = c->on.since + limit * INT64_C(1000) - conn_now();
	return limit == 0 ? FOREVER : left;
}

/* Milliseconds until on_timeout is due, -1: no limit. */
static int
time_left(struct session *c)
{
	int64_t job = oldest_left(c), silence = silence_left(c);
	int64_t left = job < silence ? job : silence;

	return left == FOREVER ? -1 : left > 0 ? (int)left : 0;
}

static void
on_timeout(struct session *c)
{
	if (is_idle(c)) {
		leave(c);
		return;
	}
	c->on.silent = true;
	lost(c, oldest_left(c) > 0 ? "no answer in time" : TIME_IS_UP);
}

/* Waits for the server, for jobs and for the death of who reads results. */
static void
wait_for_news(struct session *c)
{
	struct pollfd p[3] = {{.fd = -1}, {.fd = -1}, {.fd = c->results}};
	int ms = -1, n;

	if (!c->waiting && c->jobs >= 0)
		p[0] = (struct pollfd){.fd = c->jobs, .events = POLLIN};
	if (c->on.smtp) {
		bool out = smtp_output(c->on.smtp)->len > 0;
		if (c->on.lost)
			return;
		if (c->on.body && !is_full(c)) {
			if (oldest_left(c) <= 0)
				on_timeout(c);
			return;
		}
		p[1].fd = dial_fd(c->on.dial);
		p[1].events = POLLIN | (out ? POLLOUT : 0);
		ms = c->on.more ? 0 : time_left(c);
	}
	n = poll(p, 3, ms);
	if (n == 0 && c->on.smtp && !c->on.more && time_left(c) == 0)
		on_timeout(c);
	if (n > 0 && p[0].revents)
		c->more(c);
	if (n > 0 && p[2].revents)
		has_reader(c);
}

/* The recipients that go where the first one goes come first; how many. */
static size_t
gather(const struct hop *h, struct job *j)
{
	char domain[DNS_NAME];
	size_t n = 0;

	hop_domain(h, j->b.rcpts[0].address, j->domain);
	for (size_t i = 0; i < j->b.n; i++) {
		struct batch_path path = j->b.rcpts[i];
		hop_domain(h, path.address, domain);
		if (strcmp(domain, j->domain) == 0) {
			j->b.rcpts[i] = j->b.rcpts[n];
			j->b.rcpts[n++] = path;
		}
	}
	return n;
}

/* A job for each domain that its recipients go to. */
void
session_add(struct session *c, const struct batch_job *b, char *line, int fd)
{
	struct job *j = job_new(b, line, fd, c->report), *rest;

	do {
		rest = job_split(j, gather(c->hop, j));
		job_wait(c, j);
	} while ((j = rest));
}

/* Without a further octet and without results. */
static void
abandon(struct session *c)
{
	struct smtp_event e;
	struct job *j;

	if (c->on.smtp)
		lost(c, "given up");
	while (c->on.smtp && (smtp_next(c->on.smtp, &e), e.kind != SMTP_OVER))
		if (e.kind == SMTP_DONE || e.kind == SMTP_AGAIN)
			job_free((struct job *)e.message);
	while ((j = c->waiting)) {
		c->waiting = j->next;
		job_free(j);
	}
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
		if (c->jobs < 0 && !c->waiting && !c->on.smtp)
			return 0;
		if (c->on.smtp && is_finished(c))
			leave(c);
		flush(c);
		next_job(c); /* while the server has something to do */
		wait_for_news(c);
		receive(c);
	}
	abandon(c);
	return -1;
}
