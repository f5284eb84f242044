#include "intake.h"

#include <string.h>
#include <strings.h>

#include "addrspec.h"

#define PIECE_MAX 65536
#define FIELD_MAX (1 << 20)
#define LISTS_MAX (4 << 20)

/* A Resent- field that comes once in a block, or goes on behind another field,
 * begins an older block (RFC 5322 3.6.6). */
static void
watch_resent(struct intake *i)
{
	static const char *const once[] = {
	    "Resent-From", "Resent-Date", "Resent-Message-ID", "Resent-Sender"};
	const struct header *h = &i->header;

	if (h->name_len < 7 || strncasecmp(h->name, "Resent-", 7)) {
		i->resent_over = i->resent_over || i->resent_seen;
		return;
	}
	for (unsigned k = 0; k < sizeof once / sizeof *once; k++) {
		if (!header_is(h, once[k]))
			continue;
		if (i->resent_seen & 2u << k)
			i->resent_over = true;
		i->resent_seen |= 2u << k;
	}
	i->resent_seen |= 1;
}

static struct buf *
list_of(struct intake *i)
{
	const struct header *h = &i->header;

	if (!i->collect)
		return NULL;
	if (header_is(h, "To") || header_is(h, "Cc") || header_is(h, "Bcc"))
		return &i->to;
	if (!i->resent_over &&
	    (header_is(h, "Resent-To") || header_is(h, "Resent-Cc") ||
		header_is(h, "Resent-Bcc")))
		return &i->resent;
	return NULL;
}

static void
add_bad(struct intake *i, const char *part, size_t n)
{
	const char *name = i->field.data;
	const char *colon = memchr(name, ':', i->value);

	if (i->bad.len)
		return;
	buf_add(&i->bad, name, (size_t)(colon - name) + 1);
	buf_addc(&i->bad, ' ');
	buf_add(&i->bad, part, n);
}

/* Takes the addresses of the field that has just ended. */
static void
finish_field(struct intake *i)
{
	struct buf *list = i->list;
	size_t before;

	if (!list)
		return;
	i->list = NULL;
	before = list->len;
	if (i->field.len > FIELD_MAX || list->len > LISTS_MAX)
		add_bad(i, "too long", 8);
	else if (addrspec_list(i->field.data + i->value,
		     i->field.len - i->value, list) < 0) {
		add_bad(i, list->data + before, list->len - before);
		list->len = before;
	}
	buf_reset(&i->field);
}

static void
begin_field(struct intake *i)
{
	const struct header *h = &i->header;

	finish_field(i);
	if (header_is(h, "Received") || header_is(h, "Delivered-To"))
		i->hops++;
	i->has_date = i->has_date || header_is(h, "Date");
	i->has_id = i->has_id || header_is(h, "Message-ID");
	i->has_from = i->has_from || header_is(h, "From");
	i->drop =
	    !i->keep_bcc && (header_is(h, "Bcc") || header_is(h, "Resent-Bcc"));
	watch_resent(i);
	i->list = list_of(i);
	i->value = h->value;
}

/* Whether what was taken out before this piece makes it the first, where it
 * would be a From_ line. */
static bool
passes_for_from(const struct intake *i, const char *piece, size_t n)
{
	return !i->begun && i->header.last != HEADER_FROM &&
	    header_is_from(piece, n);
}

static void
put_piece(struct intake *i, const char *piece, size_t n, struct buf *out)
{
	if (passes_for_from(i, piece, n)) {
		const char *colon = memchr(piece, ':', i->header.value);

		buf_add(out, piece, i->header.name_len);
		n -= (size_t)(colon - piece);
		piece = colon;
	}
	i->begun = true;
	buf_add(out, piece, n);
}

/* One piece of the header; false when it belongs to the body. */
static bool
take_piece(struct intake *i, const char *piece, size_t n, struct buf *out)
{
	switch (header_next(&i->header, piece, n)) {
	case HEADER_FIELD:
		begin_field(i);
		break;
	case HEADER_FOLD:
		break;
	case HEADER_FROM:
		put_piece(i, piece, n, out);
		return true;
	case HEADER_END:
	case HEADER_BODY:
		if (passes_for_from(i, piece, n))
			buf_addc(out, '\n');
		finish_field(i);
		i->header_done = true;
		return false;
	}
	if (i->list && i->field.len <= FIELD_MAX)
		buf_add(&i->field, piece, n);
	if (!i->drop)
		put_piece(i, piece, n, out);
	return true;
}

/* Passes on what is complete in line, at the end of input all of it. */
static void
drain(struct intake *i, bool all, struct buf *out)
{
	size_t done = 0;

	while (!i->header_done && done < i->line.len) {
		const char *p = i->line.data + done;
		size_t left = i->line.len - done;
		const char *lf = memchr(p, '\n', left);
		size_t n = lf ? (size_t)(lf - p) + 1 : left;

		if (!lf && !all && left < PIECE_MAX)
			break;
		if (take_piece(i, p, n, out))
			done += n;
	}
	if (i->header_done) {
		buf_add(out, i->line.data + done, i->line.len - done);
		buf_free(&i->line);
		return;
	}
	buf_cut(&i->line, done);
}

void
intake(struct intake *i, const char *in, size_t n, struct buf *out)
{
	i->octets += n;
	if (i->header_done) {
		crlf_text(&i->text, in, n, out);
		return;
	}
	crlf_text(&i->text, in, n, &i->line);
	drain(i, false, out);
}

void
intake_end(struct intake *i, struct buf *out)
{
	if (i->header_done) {
		crlf_text_end(&i->text, out);
		return;
	}
	crlf_text_end(&i->text, &i->line);
	drain(i, true, out);
	finish_field(i);
	i->header_done = true;
}

uint64_t
intake_offense(const struct intake *i, const char **what)
{
	uint64_t nul = i->text.nul, cr = i->text.bare_cr;

	if (nul && (!cr || nul < cr)) {
		*what = "NUL";
		return nul;
	}
	*what = "bare CR";
	return cr;
}

void
intake_free(struct intake *i)
{
	buf_free(&i->to);
	buf_free(&i->resent);
	buf_free(&i->bad);
	buf_free(&i->line);
	buf_free(&i->field);
}
