#include "pop3wire.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "conn.h"
#include "reply.h"

#define REPLY_SECONDS 300
#define SLOWEST 1024 /* octets that must come within one time-out */

static void
show(const struct pop3wire *w, const char *side, const char *s, size_t n)
{
	char text[512];

	if (!w->verbose)
		return;
	reply_escape(s, n, text, sizeof text);
	fprintf(stderr, "%s%s\n", side, text);
}

static void
restart_clock(struct pop3wire *w)
{
	unsigned seconds = w->timeout ? w->timeout : REPLY_SECONDS;

	w->deadline = conn_now() + (int64_t)seconds * 1000;
	w->credit = 0;
}

static int
send_commands(struct pop3wire *w)
{
	struct buf *out = &w->pop.out;
	ssize_t n;

	while (out->len) {
		n = dial_send(w->dial, out->data, out->len);
		if (n < 0)
			return errno == EAGAIN ? 0 : -1;
		pop3_sent(&w->pop, (size_t)n);
	}
	return 0;
}

/* Sends what waits and receives something. 1, 0 at the end, -1 with errno. */
static int
exchange(struct pop3wire *w)
{
	int64_t left;
	ssize_t n;

	for (;;) {
		if (send_commands(w) < 0)
			return -1;
		n = dial_recv(w->dial, w->in, sizeof w->in);
		if (n >= 0 || errno != EAGAIN)
			break;
		left = w->deadline - conn_now();
		if (left <= 0 ||
		    dial_wait(w->dial,
			w->pop.out.len ? POLLIN | POLLOUT : POLLIN,
			(int)left) == 0) {
			errno = ETIMEDOUT;
			return -1;
		}
	}
	w->start = 0;
	w->end = n > 0 ? (size_t)n : 0;
	w->credit += w->end;
	if (w->credit >= SLOWEST)
		restart_clock(w);
	return n > 0 ? 1 : (int)n;
}

void
pop3wire_ask(struct pop3wire *w, enum pop3_verb verb, uint32_t number)
{
	size_t at = w->pop.out.len;

	pop3_ask(&w->pop, verb, number);
	show(w, "> ", w->pop.out.data + at, w->pop.out.len - at - 2);
	if (pop3_waiting(&w->pop) == 1)
		restart_clock(w);
}

int
pop3wire_next(struct pop3wire *w, int *code)
{
	enum pop3_event event;
	size_t taken;
	int r;

	for (;;) {
		event = pop3_read(
		    &w->pop, w->in + w->start, w->end - w->start, &taken);
		w->start += taken;
		if (event == POP3_OK)
			show(w, "< +OK ", w->pop.text, w->pop.text_len);
		else if (event == POP3_ERR)
			show(w, "< -ERR ", w->pop.text, w->pop.text_len);
		if (event == POP3_OK || event == POP3_ERR || event == POP3_END)
			restart_clock(w);
		if (event == POP3_BROKEN) {
			snprintf(
			    w->why, sizeof w->why, "server: %s", w->pop.text);
			*code = EX_PROTOCOL;
			return -1;
		}
		if (event != POP3_MORE)
			return (int)event;
		r = exchange(w);
		if (r > 0)
			continue;
		snprintf(w->why, sizeof w->why, "connection: %s",
		    r ? strerror(errno) : "closed by the server");
		*code = EX_TEMPFAIL;
		return -1;
	}
}

void
pop3wire_close(struct pop3wire *w)
{
	dial_close(w->dial);
	pop3_free(&w->pop);
}
