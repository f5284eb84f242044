#include "content.h"

#include <stdio.h>
#include <string.h>

#define HEADER_PIECE 1000 /* what header_next wants of a line's first part */

static void
scan_piece(struct content *c, const char *piece, size_t n)
{
	c->begun = true;
	enum header_kind kind = header_next(&c->header, piece, n);
	if (kind == HEADER_END || kind == HEADER_BODY) {
		c->in_header = false;
		return;
	}
	if (kind == HEADER_FIELD &&
	    (header_is(&c->header, "Received") ||
		header_is(&c->header, "Delivered-To")) &&
	    ++c->hops > CONTENT_HOPS)
		content_spoil(c, "554 5.4.6 Too many hops");
	c->header_size += n;
	if (c->header_size > CONTENT_HEADER)
		content_spoil(c, "552 5.3.4 Message header is too big");
}

/* Shows the header's lines to header_next, whole or in long pieces. */
static void
scan_header(struct content *c, const char *in, size_t n)
{
	while (c->in_header && n > 0) {
		const char *lf = memchr(in, '\n', n);
		size_t len = lf ? (size_t)(lf - in) + 1 : n;

		if (c->piece.len == 0 && (lf || len >= HEADER_PIECE)) {
			scan_piece(c, in, len);
		} else {
			buf_add(&c->piece, in, len);
			if (lf || c->piece.len >= HEADER_PIECE) {
				scan_piece(c, c->piece.data, c->piece.len);
				buf_reset(&c->piece);
			}
		}
		in += len;
		n -= len;
	}
}

/* What is wrong with the octets themselves. Of several faults always the same
 * one, however the input was cut, and rather than what a header line or the
 * caller found. */
static const char *
fault_of_data(const struct content *c)
{
	if (c->data.nul)
		return "550 5.6.0 NUL in message";
	if (c->data.bare_cr || (c->data.bare_lf && !c->normalize))
		return "550 5.5.2 Bare CR or LF in message; lines end in CRLF";
	if (c->max_size && c->size > c->max_size)
		return "552 5.3.4 Message is too big";
	return NULL;
}

void
content_begin(struct content *c, uint64_t max_size, bool normalize, bool chunks)
{
	struct buf body = c->body, piece = c->piece;

	buf_reset(&body);
	buf_reset(&piece);
	*c = (struct content){.max_size = max_size,
	    .normalize = normalize,
	    .body = body,
	    .piece = piece,
	    .data = {.chunks = chunks},
	    .in_header = true};
}

void
content_chunk(struct content *c, uint64_t octets, bool last)
{
	c->chunk = octets;
	c->last = last;
}

bool
content_is_whole(const struct content *c)
{
	return !c->data.chunks || c->last;
}

size_t
content_take(struct content *c, const char *in, size_t n, bool *end)
{
	size_t had = c->body.len;

	*end = false;
	if (c->data.chunks && n > c->chunk)
		n = (size_t)c->chunk;
	n = n ? crlf_data(&c->data, in, n, &c->body, end) : 0;
	if (c->data.chunks) {
		c->chunk -= n;
		*end = c->chunk == 0;
	}
	c->size += c->body.len - had;
	if (c->body.len > had)
		scan_header(c, c->body.data + had, c->body.len - had);
	if (fault_of_data(c))
		content_spoil(c, fault_of_data(c));
	if (c->fault[0] != '\0')
		buf_reset(&c->body);
	return n;
}

const char *
content_end(struct content *c)
{
	const char *fault;

	if (content_is_whole(c))
		crlf_data_end(&c->data);
	fault = fault_of_data(c);
	if (fault)
		snprintf(c->fault, sizeof c->fault, "%s", fault);
	if (c->fault[0] == '\0')
		return NULL;
	buf_reset(&c->body);
	return c->fault;
}

void
content_spoil(struct content *c, const char *reply)
{
	if (c->fault[0] == '\0')
		snprintf(c->fault, sizeof c->fault, "%s", reply);
}

void
content_free(struct content *c)
{
	buf_free(&c->body);
	buf_free(&c->piece);
}
