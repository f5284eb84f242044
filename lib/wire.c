#include "wire.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include "conn.h"
#include "reply.h"

#define REPLY_SECONDS 300
#define SLOWEST 1024 /* octets that must come within one time-out */
#define LONGEST 3600 /* seconds for a reply, or a message, that does */

void
wire_show(const struct wire *w, const char *side, const char *s, size_t n)
{
	char text[512];

	if (!w->verbose)
		return;
	reply_escape(s, n, text, sizeof text);
	fprintf(stderr, "%s%s\n", side, text);
}

static int64_t
timeout(const struct wire *w)
{
	return (w->timeout ? w->timeout : REPLY_SECONDS) * INT64_C(1000);
}

static void
go_on(struct wire *w)
{
	w->deadline = conn_now() + timeout(w);
	if (w->deadline > w->latest)
		w->deadline = w->latest;
	w->credit = 0;
}

void
wire_restart(struct wire *w)
{
	int64_t most = LONGEST * INT64_C(1000);

	w->latest = conn_now() + (timeout(w) > most ? timeout(w) : most);
	go_on(w);
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
		go_on(w);
	return n > 0 ? 1 : (int)n;
}
