#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "world.h"

/* A peer that is gone is seen by the next read. */
void
wire_flush(struct wire *w)
{
	for (size_t done = 0; done < w->len;) {
		ssize_t n =
		    send(w->fd, w->out + done, w->len - done, MSG_NOSIGNAL);

		if (n <= 0)
			break;
		done += (size_t)n;
	}
	w->len = 0;
}

void
wire_octets(struct wire *w, const char *data, size_t n)
{
	for (; n > 0; n--) {
		if (w->len == sizeof(w->out))
			wire_flush(w);
		w->out[w->len++] = *data++;
	}
}

void
wire_say(struct wire *w, const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	wire_octets(w, line, (size_t)n);
	wire_octets(w, "\r\n", 2);
}

void
wire_text(struct wire *w, const char *text, bool stuff)
{
	while (*text) {
		size_t n = strcspn(text, "\n");

		if (stuff && *text == '.')
			wire_octets(w, ".", 1);
		wire_octets(w, text, n);
		wire_octets(w, "\r\n", 2);
		text += n + (text[n] == '\n');
	}
}

static bool
fill(struct wire *w)
{
	ssize_t n;

	wire_flush(w);
	memmove(w->in, w->in + w->at, w->n - w->at);
	w->n -= w->at;
	w->at = 0;
	n = read(w->fd, w->in + w->n, sizeof(w->in) - w->n);
	if (n <= 0)
		return false;
	w->n += (size_t)n;
	return true;
}

bool
wire_line(struct wire *w, char *line, size_t room)
{
	char *lf;
	size_t n;

	while (!(lf = memchr(w->in + w->at, '\n', w->n - w->at)))
		if (w->n - w->at == sizeof(w->in) || !fill(w))
			return false;
	n = (size_t)(lf - w->in) - w->at;
	snprintf(line, room, "%.*s", (int)n, w->in + w->at);
	line[strcspn(line, "\r")] = '\0';
	w->at += n + 1;
	return true;
}
