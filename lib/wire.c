#include "wire.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include "conn.h"
#include "reply.h"

#define REPLY_SECONDS 300
#define SLOWEST 1024 /* octets that must come within one time-out */

void
wire_show(const struct wire *w, const char *side, const char *s, size_t n)
{
	char text[512];

	if (!w->verbose)
		return;
	reply_escape(s, n, text, sizeof text);
	fprintf(stderr, "%s%s\n", side, text);
}

void
wire_restart(struct wire *w)
{
	unsigned seconds = w->timeout ? w->timeout : REPLY_SECONDS;

	w->deadline = conn_now() + (int64_t)seconds * 1000;
	w->credit = 0;
}

static int
send_out(struct wire *w, const struct buf *out,
    void (*sent)(void *engine, size_t n), void *engine)
{
	ssize_t n;

	while (out->len) {
		n = dial_send(w->dial, out->data, out->len);
		if (n < 0)
			return errno == EAGAIN ? 0 : -1;
		sent(engine, (size_t)n);
	}
	return 0;
}

int
wire_exchange(struct wire *w, const struct buf *out,
    void (*sent)(void *engine, size_t n), void *engine)
{
	int64_t left;
	ssize_t n;

	for (;;) {
		if (send_out(w, out, sent, engine) < 0)
			return -1;
		n = dial_recv(w->dial, w->in, sizeof w->in);
		if (n >= 0 || errno != EAGAIN)
			break;
		left = w->deadline - conn_now();
		if (left <= 0 ||
		    dial_wait(w->dial, out->len ? POLLIN | POLLOUT : POLLIN,
			(int)left) == 0) {
			errno = ETIMEDOUT;
			return -1;
		}
	}
	w->start = 0;
	w->end = n > 0 ? (size_t)n : 0;
	w->credit += w->end;
	if (w->credit >= SLOWEST)
		wire_restart(w);
	return n > 0 ? 1 : (int)n;
}
