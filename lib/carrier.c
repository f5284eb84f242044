#include "carrier.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "conn.h"

#define IDLE_SECONDS 30 /* until an unused connection is given back */
#define DOWN_SECONDS 30 /* until a server that failed is asked again */

static void
job_free(struct carrier *c, struct carrier_job *j)
{
	if (j->fd >= 0)
		close(j->fd);
	if (c->block.job == j)
		c->block.job = NULL;
	batch_job_free(&j->b);
	free(j->line);
	free(j->reported);
	free(j);
}

static void
report(struct carrier *c, struct carrier_job *j, size_t i, enum batch_fate fate,
    const struct reply *why)
{
	j->reported[i] = true;
	c->report(&j->b, i, fate, why);
}

/* Reports the recipients without a result, and forgets the job. */
static void
job_end(struct carrier *c, struct carrier_job *j, enum batch_fate fate,
    const struct reply *why)
{
	for (size_t i = 0; i < j->b.n; i++)
		if (!j->reported[i])
			report(c, j, i, fate, why);
	job_free(c, j);
}

static __attribute__((format(printf, 5, 6))) void
job_fail(struct carrier *c, struct carrier_job *j, int code,
    const char *enhanced, const char *fmt, ...)
{
	struct reply why = {.code = code};
	va_list ap;

	snprintf(why.enhanced, sizeof why.enhanced, "%s", enhanced);
	va_start(ap, fmt);
	vsnprintf(why.text, sizeof why.text, fmt, ap);
	va_end(ap);
	job_end(c, j, code >= 500 ? BATCH_PERM : BATCH_TEMP, &why);
}

static void
job_wait(struct carrier *c, struct carrier_job *j)
{
	struct carrier_job **at = &c->waiting;

	while (*at)
		at = &(*at)->next;
	j->next = NULL;
	*at = j;
}

/* The octets from at on, up to a block: their number, 0 where the file ends
 * early, or -1 with errno. */
static ssize_t
job_read(struct carrier *c, struct carrier_job *j, uint64_t at)
{
	uint64_t left = j->size - at;
	ssize_t n;

	if (c->block.job == j && c->block.at == at)
		return (ssize_t)c->block.n;
	do {
		n = pread(j->fd, c->block.data,
		    left < CARRIER_BLOCK ? left : CARRIER_BLOCK,
		    (off_t)(j->b.offset + at));
	} while (n < 0 && errno == EINTR);
	c->block.job = n > 0 ? j : NULL;
	c->block.at = at;
	c->block.n = n > 0 ? (size_t)n : 0;
	return n;
}

/* Whether the message is there and fit to be sent; reports where not. */
static bool
job_check(struct carrier *c, struct carrier_job *j, const struct stat *st)
{
	const struct scan *k = &j->checked;

	if (k->what)
		job_fail(c, j, 554, "5.6.0", "%s at octet %llu of the message",
		    k->what, (unsigned long long)k->offset - 1);
	else if (!S_ISREG(st->st_mode))
		job_fail(c, j, 0, "", "read %s: not a regular file", j->b.path);
	else if (k->octets < j->size)
		job_fail(c, j, 0, "", "read %s: shorter than %llu octets",
		    j->b.path, (unsigned long long)j->size);
	else if (j->size == 0 && !c->allow_empty)
		job_fail(c, j, 554, "5.6.0", "message of no octets");
	else
		return true;
	return false;
}

/* Opens and reads the message. False: the job is done with. */
static bool
job_prepare(struct carrier *c, struct carrier_job *j)
{
	struct stat st;
	ssize_t n = 1;

	if (j->fd < 0)
		j->fd = open(j->b.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (j->fd < 0 || fstat(j->fd, &st) < 0) {
		job_fail(
		    c, j, 0, "", "open %s: %s", j->b.path, strerror(errno));
		return false;
	}
	j->size = j->b.size == UINT64_MAX ? (uint64_t)st.st_size : j->b.size;
	j->checked = (struct scan){0};
	while (S_ISREG(st.st_mode) && n > 0 && j->checked.octets < j->size) {
		n = job_read(c, j, j->checked.octets);
		if (n > 0)
			scan(&j->checked, c->block.data, (size_t)n);
	}
	scan_end(&j->checked);
	return job_check(c, j, &st);
}

/* Begins it on the connection, with the recipients that have no result. */
static void
job_begin(struct carrier *c, struct carrier_job *j)
{
	size_t n = 0;

	for (size_t i = 0; i < j->b.n; i++)
		if (!j->reported[i])
			j->b.rcpts[n++] = j->b.rcpts[i];
	memset(j->reported, 0, j->b.n * sizeof *j->reported);
	j->b.n = n;
	j->message = (struct smtp_message){.sender = &j->b.sender,
	    .rcpts = j->b.rcpts,
	    .n = n,
	    .size = scan_wire(&j->checked),
	    .eightbit = j->checked.high};
	c->on.begun = true;
	c->on.since = conn_now();
	smtp_begin(c->on.smtp, &j->message);
}

/* After a lost connection: once more, if this one has carried a message. */
static void
job_again(struct carrier *c, struct carrier_job *j, const struct reply *why)
{
	bool left = false;

	for (size_t i = 0; i < j->b.n; i++)
		left |= !j->reported[i];
	if (left && c->on.finished && !j->retried) {
		j->retried = true;
		job_wait(c, j);
	} else {
		job_end(c, j, BATCH_TEMP, why);
	}
}

static void
show_dialogue(struct carrier *c)
{
	if (c->trace.len)
		fwrite(c->trace.data, 1, c->trace.len, stderr);
	buf_reset(&c->trace);
}

static void
lost(struct carrier *c, const char *why)
{
	c->on.lost = true;
	smtp_lost(c->on.smtp, why);
}

static void
session_close(struct carrier *c)
{
	show_dialogue(c);
	smtp_close(c->on.smtp);
	dial_close(c->on.dial);
	memset(&c->on, 0, sizeof c->on);
}

static void
session_open(struct carrier *c)
{
	struct smtp_options o = {.lmtp = c->lmtp,
	    .greeting = c->lmtp,
	    .hostname = c->options->hostname,
	    .trace = c->options->verbose ? &c->trace : NULL};
	struct reply why;
	int code;

	c->on.dial = dial_open(c->target, c->options, &why, &code);
	if (c->on.dial) {
		c->on.smtp = smtp_open(&o);
		c->on.since = conn_now();
		return;
	}
	if (code != EX_TEMPFAIL)
		c->fault = code;
	c->down = why;
	if (!why.code)
		snprintf(c->down.text, sizeof c->down.text,
		    "connect %.100s: %.300s", c->target->name, why.text);
	c->down_until = conn_now() + DOWN_SECONDS * 1000;
}

/* Takes in what the server has sent, up to a bound. */
static void
receive(struct carrier *c)
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
session_over(struct carrier *c, const struct reply *why)
{
	if (c->on.silent || !c->on.begun) {
		c->down = *why;
		c->down_until = conn_now() + DOWN_SECONDS * 1000;
	}
	session_close(c);
}

static void
take_events(struct carrier *c)
{
	struct smtp_event e;

	while (c->on.smtp) {
		smtp_next(c->on.smtp, &e);
		struct carrier_job *j = (struct carrier_job *)e.message;
		switch (e.kind) {
		case SMTP_NONE:
			if (c->on.replies != smtp_replies(c->on.smtp))
				c->on.since = conn_now();
			c->on.replies = smtp_replies(c->on.smtp);
			return;
		case SMTP_BODY:
			c->on.body = j;
			j->sent = (struct scan){0};
			break;
		case SMTP_RESULT:
			report(c, j, e.rcpt, e.fate, e.reply);
			break;
		case SMTP_DONE:
			c->on.finished = true;
			job_free(c, j);
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
has_reader(struct carrier *c)
{
	struct pollfd p = {.fd = c->results};

	if (c->results >= 0 && poll(&p, 1, 0) > 0 &&
	    (p.revents & (POLLERR | POLLNVAL)))
		c->gone = true;
	return !c->gone;
}

/* The next block of the message, or its end, which must be what was checked. */
static void
feed_body(struct carrier *c)
{
	struct carrier_job *j = c->on.body;

	if (!j || smtp_output(c->on.smtp)->len >= CARRIER_BLOCK)
		return;
	if (j->sent.octets < j->size) {
		ssize_t n = job_read(c, j, j->sent.octets);
		if (n > 0) {
			scan(&j->sent, c->block.data, (size_t)n);
			smtp_body(c->on.smtp, c->block.data, (size_t)n);
		}
		if (n <= 0 || j->sent.what)
			lost(c, "the message has changed");
		if (n <= 0 || j->sent.what || j->sent.octets < j->size)
			return;
	}
	if (!has_reader(c))
		return;
	smtp_body_end(c->on.smtp);
	c->on.body = NULL;
}

static void
take(struct carrier *c)
{
	if (!c->waiting && c->jobs >= 0)
		c->take(c);
}

/* Begins what waits on the connection, made for it if there is none. */
static void
begin_next(struct carrier *c)
{
	struct carrier_job *j;

	while ((j = c->waiting) && (!c->on.smtp || smtp_wants(c->on.smtp))) {
		bool is_down = !c->on.smtp && conn_now() < c->down_until;
		if (!c->on.smtp && !is_down) {
			session_open(c);
			continue;
		}
		c->waiting = j->next;
		take(c);
		if (is_down)
			job_end(c, j, BATCH_TEMP, &c->down);
		else if (job_prepare(c, j))
			job_begin(c, j);
	}
}

static void
flush(struct carrier *c)
{
	const struct buf *out;

	while (
	    c->on.smtp && !c->on.lost && (out = smtp_output(c->on.smtp))->len) {
		ssize_t n = dial_send(c->on.dial, out->data, out->len);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			receive(c);
			lost(c, "connection lost while sending");
			return;
		}
		smtp_written(c->on.smtp, (size_t)n);
		c->on.since = conn_now();
	}
}

static bool
is_idle(struct carrier *c)
{
	return !c->waiting && smtp_wants(c->on.smtp) && !smtp_busy(c->on.smtp);
}

/* Milliseconds until the server has been silent for too long, -1: no limit. */
static int
time_left(struct carrier *c)
{
	unsigned limit = smtp_seconds(c->on.smtp);
	int64_t left;

	if (c->options->timeout && c->options->timeout < limit)
		limit = c->options->timeout;
	if (is_idle(c))
		limit = IDLE_SECONDS;
	left = c->on.since + limit * INT64_C(1000) - conn_now();
	return limit == 0 ? -1 : left > 0 ? (int)left : 0;
}

static void
on_timeout(struct carrier *c)
{
	if (is_idle(c)) {
		smtp_quit(c->on.smtp);
		return;
	}
	c->on.silent = true;
	lost(c, "no answer in time");
}

/* Waits for the server, for jobs and for the death of who reads results. */
static void
wait_for_news(struct carrier *c)
{
	struct pollfd p[3] = {{.fd = -1}, {.fd = -1}, {.fd = c->results}};
	int ms = -1, n;

	if (!c->waiting && c->jobs >= 0)
		p[0] = (struct pollfd){.fd = c->jobs, .events = POLLIN};
	if (c->on.smtp) {
		size_t out = smtp_output(c->on.smtp)->len;
		if (c->on.lost || (c->on.body && out < CARRIER_BLOCK))
			return;
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

void
carrier_add(struct carrier *c, const struct batch_job *b, char *line, int fd)
{
	struct carrier_job *j = xrealloc(NULL, sizeof *j);

	*j = (struct carrier_job){.b = *b, .line = line, .fd = fd};
	j->reported = xrealloc(NULL, b->n * sizeof *j->reported);
	memset(j->reported, 0, b->n * sizeof *j->reported);
	job_wait(c, j);
}

/* Each round takes in what came, adds what may be sent, and sends it in as few
 * segments as can be. */
int
carrier_run(struct carrier *c)
{
	while (!c->gone) {
		take_events(c);
		feed_body(c);
		take(c);
		begin_next(c);
		show_dialogue(c);
		if (c->jobs < 0 && !c->waiting && !c->on.smtp)
			return 0;
		if (c->on.smtp && c->jobs < 0 && is_idle(c))
			smtp_quit(c->on.smtp);
		flush(c);
		wait_for_news(c);
		receive(c);
	}
	session_close(c);
	return -1;
}
