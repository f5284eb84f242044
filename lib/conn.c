#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conn.h"

#define FLUSH_AT 32768
/* What a pipe that polls writable takes without blocking (pipe(7)). */
#define PIPE_WRITE 4096

void
conn_open(struct conn *c, int in, int out)
{
	memset(c, 0, sizeof *c);
	c->in = in;
	c->out = out;
	c->data = xrealloc(NULL, CONN_BUFFER);
}

void
conn_close(struct conn *c)
{
	free(c->data);
	c->data = NULL;
	c->start = c->end = 0;
	buf_free(&c->pending);
}

int64_t
conn_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool
limited(const struct conn *c)
{
	return c->seconds > 0 || c->deadline > 0;
}

/* Until fd is ready or one of the limits is reached; past the deadline even a
 * ready one is late, or a peer could keep us with an octet now and then. */
static int
wait_for(const struct conn *c, int fd, short events)
{
	struct pollfd p = {fd, events, 0};
	int64_t now = conn_now(), until = INT64_MAX, left;
	int ready;

	if (c->seconds > 0)
		until = now + (int64_t)c->seconds * 1000;
	if (c->deadline > 0 && c->deadline < until)
		until = c->deadline;
	do {
		left = until - now;
		if (left > INT_MAX)
			left = INT_MAX;
		if (left > 0)
			ready = poll(&p, 1, limited(c) ? (int)left : -1);
		else {
			errno = ETIMEDOUT;
			return -1;
		}
		now = conn_now();
	} while (ready == 0 || (ready < 0 && errno == EINTR));
	return ready < 0 ? -1 : 0;
}

/* Some of it, without blocking beyond the limits: the descriptor may be shared
 * with others, so its O_NONBLOCK is left as it is. */
static ssize_t
write_some(const struct conn *c, const char *data, size_t n)
{
	ssize_t w;

	if (!limited(c)) {
		w = send(c->out, data, n, MSG_NOSIGNAL);
		if (w < 0 && errno == ENOTSOCK)
			w = write(c->out, data, n);
		return w;
	}
	w = send(c->out, data, n, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (w >= 0 || errno != ENOTSOCK)
		return w;
	if (wait_for(c, c->out, POLLOUT) < 0)
		return -1;
	return write(c->out, data, n < PIPE_WRITE ? n : PIPE_WRITE);
}

int
conn_flush(struct conn *c)
{
	size_t done = 0;
	ssize_t w;

	while (c->error == 0 && done < c->pending.len) {
		w = write_some(
		    c, c->pending.data + done, c->pending.len - done);
		if (w >= 0)
			done += (size_t)w;
		else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			if (wait_for(c, c->out, POLLOUT) < 0)
				c->error = errno;
		} else if (errno != EINTR)
			c->error = errno;
	}
	buf_reset(&c->pending);
	if (c->error == 0)
		return 0;
	errno = c->error;
	return -1;
}

static void
flush_when_full(struct conn *c)
{
	if (c->pending.len >= FLUSH_AT)
		conn_flush(c);
}

void
conn_put(struct conn *c, const void *data, size_t n)
{
	if (c->error != 0)
		return;
	buf_add(&c->pending, data, n);
	flush_when_full(c);
}

void
conn_putf(struct conn *c, const char *fmt, ...)
{
	char *text;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0) {
		c->error = ENOMEM;
		return;
	}
	conn_put(c, text, (size_t)n);
	free(text);
}

static void
make_room(struct conn *c)
{
	if (c->start == 0)
		return;
	memmove(c->data, c->data + c->start, c->end - c->start);
	c->end -= c->start;
	c->start = 0;
}

int
conn_fill(struct conn *c)
{
	ssize_t n;

	if (conn_flush(c) < 0)
		return -1;
	if (c->eof)
		return 0;
	if (c->start == c->end)
		c->start = c->end = 0;
	if (c->end == CONN_BUFFER)
		make_room(c);
	if (c->end == CONN_BUFFER) {
		errno = ENOBUFS;
		return -1;
	}
	if (limited(c) && wait_for(c, c->in, POLLIN) < 0)
		return -1;
	while ((n = read(c->in, c->data + c->end, CONN_BUFFER - c->end)) < 0) {
		if (errno == EAGAIN || errno == EWOULDBLOCK) {
			if (wait_for(c, c->in, POLLIN) < 0)
				return -1;
		} else if (errno != EINTR)
			return -1;
	}
	c->eof = n == 0;
	c->end += (size_t)n;
	return n > 0;
}

ssize_t
conn_line(struct conn *c, char **line, size_t max)
{
	size_t seen = 0, have;
	char *lf;
	int r = 1;

	if (max > CONN_BUFFER)
		max = CONN_BUFFER;
	for (;;) {
		have = c->end - c->start;
		if (have > max)
			have = max;
		*line = c->data + c->start;
		lf = memchr(*line + seen, '\n', have - seen);
		if (lf)
			have = (size_t)(lf - *line) + 1;
		if (lf || have == max || r == 0) {
			c->start += have;
			return (ssize_t)have;
		}
		seen = have;
		r = conn_fill(c);
		if (r < 0)
			return -1;
	}
}

ssize_t
conn_peek(struct conn *c, char **data)
{
	int r;

	if (c->start == c->end && (r = conn_fill(c)) <= 0)
		return r;
	*data = c->data + c->start;
	return (ssize_t)(c->end - c->start);
}

void
conn_take(struct conn *c, size_t n)
{
	c->start += n;
}
