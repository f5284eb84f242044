#include "pipeline.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_SECONDS 180 /* for room to write */

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

void
pipeline_trace(struct pipeline *p, char mark, const char *line, size_t n)
{
	char text[PIPELINE_LINE];

	if (!p->trace)
		return;
	reply_escape(line, n, text, sizeof text);
	buf_addf(p->trace, "%c %s\n", mark, text);
}

static const struct due *
first(const struct pipeline *p)
{
	return p->head < p->len ? &p->due[p->head] : NULL;
}

void
pipeline_expect(
    struct pipeline *p, enum verb verb, struct transfer *t, size_t rcpt)
{
	if (p->head == p->len)
		p->head = p->len = 0;
	if (p->len == p->cap && p->head > p->len / 2) {
		p->len -= p->head;
		memmove(p->due, p->due + p->head, p->len * sizeof *p->due);
		p->head = 0;
	}
	if (p->len == p->cap) {
		p->cap = p->cap ? 2 * p->cap : 16;
		p->due = xrealloc(p->due, p->cap * sizeof *p->due);
	}
	uint64_t end = p->sent + p->out.len;
	p->due[p->len++] = (struct due){verb, t, rcpt, end, end, false};
}

void
pipeline_chunk(struct pipeline *p, uint64_t n)
{
	p->due[p->len - 1].whole += n;
	p->due[p->len - 1].chunk = true;
}

void
pipeline_again(struct pipeline *p, const struct due *d)
{
	p->due[--p->head] = *d;
}

void
pipeline_command(struct pipeline *p, enum verb verb, struct transfer *t,
    size_t rcpt, struct buf *line)
{
	pipeline_trace(p, '>', line->data, line->len);
	buf_add(&p->out, line->data, line->len);
	buf_add(&p->out, "\r\n", 2);
	pipeline_expect(p, verb, t, rcpt);
	buf_free(line);
}

void
pipeline_written(struct pipeline *p, size_t n)
{
	buf_cut(&p->out, n);
	p->sent += n;
}

bool
pipeline_is_empty(const struct pipeline *p)
{
	return !first(p);
}

unsigned
pipeline_seconds(const struct pipeline *p)
{
	if (p->out.len)
		return BLOCK_SECONDS;
	return first(p) ? seconds[first(p)->verb] : 0;
}

static __attribute__((format(printf, 2, 3))) enum pipeline_state
fault(struct pipeline *p, const char *fmt, ...)
{
	char text[REPLY_TEXT];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	p->reply = (struct reply){0};
	memcpy(p->reply.text, text, sizeof text);
	return PIPELINE_FAULT;
}

/* Whether a reply of this code may answer the command at all. 235 is that of a
 * login, which came before, when it was answered too early. */
static bool
fits(enum verb verb, int code)
{
	if (code / 100 == 3)
		return verb == DATA && code == 354;
	return (verb != DATA || code / 100 != 2) && code != 235;
}

/* What the whole reply is an answer to. */
static enum pipeline_state
match(struct pipeline *p, struct due *d)
{
	const struct due *f = first(p);

	p->replies++;
	p->reply.lines = 0;
	if (p->reply.code == 421 && (!f || f->verb != END))
		return PIPELINE_CLOSING;
	if (!f || f->end > p->sent ||
	    (f->whole > p->sent && p->reply.code < 400))
		return fault(p, "reply before its command: %d %.400s",
		    p->reply.code, p->reply.text);
	if (!fits(f->verb, p->reply.code))
		return fault(p, "reply that answers no such command");
	*d = *f;
	p->head++;
	if (d->chunk && !p->knows_chunks) {
		p->lacks_chunks = p->reply.code == 500 || p->reply.code == 502;
		p->knows_chunks = !p->lacks_chunks;
	}
	return p->lacks_chunks ? PIPELINE_CLOSING : PIPELINE_REPLY;
}

/* A line of a reply, without its LF. */
static enum pipeline_state
read_line(struct pipeline *p, const char *line, size_t n, struct due *d)
{
	if (n > 0 && line[n - 1] == '\r')
		n--;
	pipeline_trace(p, '<', line, n);
	enum reply_state state = reply_line(&p->reply, line, n);
	if (state == REPLY_BAD)
		return fault(p, "no SMTP reply, or one of too many lines");
	if (first(p) && first(p)->verb == EHLO && p->reply.lines > 1)
		esmtp_offer(&p->offer, line, n);
	return state == REPLY_DONE ? match(p, d) : PIPELINE_WAITS;
}

enum pipeline_state
pipeline_read(struct pipeline *p, struct due *d)
{
	enum pipeline_state state = PIPELINE_WAITS;

	if (!p->in.len)
		return state;
	while (state == PIPELINE_WAITS) {
		const char *line = p->in.data + p->taken;
		size_t left = p->in.len - p->taken;
		const char *lf = left ? memchr(line, '\n', left) : NULL;
		size_t n = lf ? (size_t)(lf - line) : left;

		if (n >= PIPELINE_LINE)
			return fault(p, "reply line too long");
		if (!lf) {
			buf_cut(&p->in, p->taken);
			p->taken = 0;
			break;
		}
		p->taken += n + 1;
		state = read_line(p, line, n, d);
	}
	return state;
}

void
pipeline_free(struct pipeline *p)
{
	buf_free(&p->in);
	buf_free(&p->out);
	free(p->due);
	*p = (struct pipeline){0};
}
