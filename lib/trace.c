#include "trace.h"

#include <string.h>
#include <strings.h>

#define PIECE 2000

static void
trim(struct buf *b)
{
	while (b->len && strchr(" \t\r\n", b->data[b->len - 1]))
		b->len--;
}

/* Mailboxes compare as mail loops do: without regard to case. */
static bool
is_ours(struct trace *t)
{
	char *value;
	size_t i;

	trim(&t->value);
	value = buf_str(&t->value);
	value += strspn(value, " \t\r\n");
	for (i = 0; i < t->n; i++)
		if (strcasecmp(value, t->rcpts[i]) == 0)
			return true;
	return false;
}

static int
end_field(struct trace *t, const char **why)
{
	bool ours = t->delivered && is_ours(t);

	t->delivered = false;
	if (!ours)
		return 0;
	*why = "mail loop: delivered to this mailbox before";
	return -1;
}

static int
begin_field(struct trace *t, const char **why)
{
	bool delivered = header_is(&t->header, "Delivered-To");

	if (end_field(t, why) != 0)
		return -1;
	if (delivered) {
		t->delivered = true;
		buf_reset(&t->value);
		buf_add(&t->value, t->line.data + t->header.value,
		    t->line.len - t->header.value);
	}
	if (!delivered && !header_is(&t->header, "Received"))
		return 0;
	if (++t->hops <= TRACE_HOPS)
		return 0;
	*why = "mail loop: too many hops";
	return -1;
}

/* A whole line, or the first or a further part of a long one. */
static int
piece(struct trace *t, struct buf *out, const char **why)
{
	enum header_kind kind =
	    header_next(&t->header, t->line.data, t->line.len);
	int result = 0;

	if (!t->begun && kind == HEADER_BODY)
		buf_addc(out, '\n');
	t->begun = true;
	buf_add(out, t->line.data, t->line.len);
	if (kind == HEADER_FIELD) {
		result = begin_field(t, why);
	} else if (kind == HEADER_FOLD && t->value.len < PIECE) {
		trim(&t->value);
		buf_add(&t->value, t->line.data, t->line.len);
	} else if (kind == HEADER_END || kind == HEADER_BODY) {
		t->done = true;
		result = end_field(t, why);
	}
	buf_reset(&t->line);
	return result;
}

int
trace_feed(struct trace *t, const char *in, size_t n, struct buf *out,
    const char **why)
{
	const char *lf;
	size_t take;

	while (n && !t->done) {
		lf = memchr(in, '\n', n);
		take = lf ? (size_t)(lf - in) + 1 : n;
		if (take > PIECE - t->line.len)
			take = PIECE - t->line.len;
		buf_add(&t->line, in, take);
		in += take;
		n -= take;
		if ((t->line.len == PIECE ||
			t->line.data[t->line.len - 1] == '\n') &&
		    piece(t, out, why) != 0)
			return -1;
	}
	buf_add(out, in, n);
	return 0;
}

int
trace_end(struct trace *t, struct buf *out, const char **why)
{
	if (t->line.len && piece(t, out, why) != 0)
		return -1;
	return end_field(t, why);
}

void
trace_free(struct trace *t)
{
	buf_free(&t->line);
	buf_free(&t->value);
}
