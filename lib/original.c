#include "original.h"

#include <string.h>

#include "header.h"

#define IDS_MAX 20
#define ID_MAX 250

static struct buf *
field_of(struct original *o, const struct header *h)
{
	static const char *const names[] = {"Message-ID", "References",
	    "In-Reply-To", "Subject", "From", "Reply-To"};
	struct buf *fields[] = {&o->id, &o->references, &o->in_reply_to,
	    &o->subject, &o->from, &o->reply_to};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (header_is(h, names[i]))
			return fields[i]->len ? NULL : fields[i];
	return NULL;
}

static void
add_piece(struct buf *field, const char *s, size_t n)
{
	while (n && (s[n - 1] == '\n' || s[n - 1] == '\r'))
		n--;
	for (size_t i = 0; i < n; i++)
		buf_addc(field, (unsigned char)s[i] < ' ' ? ' ' : s[i]);
}

void
original_read(struct original *o, const char *head, size_t n)
{
	struct buf *field = NULL;
	struct header h = {0};
	size_t len;

	for (size_t i = 0; i < n; i += len) {
		const char *p = head + i, *lf = memchr(p, '\n', n - i);
		enum header_kind kind;

		len = lf ? (size_t)(lf - p) + 1 : n - i;
		kind = header_next(&h, p, len);
		if (kind == HEADER_END || kind == HEADER_BODY)
			break;
		if (kind == HEADER_FIELD)
			field = field_of(o, &h);
		if (field && kind == HEADER_FIELD)
			add_piece(field, p + h.value, len - h.value);
		else if (field && kind == HEADER_FOLD)
			add_piece(field, p, len);
	}
}

/* The length of "<...>" at s in printable ASCII, or 0. */
static size_t
id_length(const char *s)
{
	size_t n = 1;

	while (s[n] > ' ' && s[n] <= '~' && s[n] != '<' && s[n] != '>')
		n++;
	return s[n] == '>' && n > 1 && n < ID_MAX ? n + 1 : 0;
}

static void
add_ids(struct buf *out, struct buf *field)
{
	const char *s = buf_str(field);
	size_t total = 0, n = 0;

	for (const char *p = s; (p = strchr(p, '<')); p++)
		total++;
	for (; (s = strchr(s, '<')); s++) {
		size_t len = id_length(s);

		if (!len || (n++ && n + IDS_MAX <= total))
			continue;
		if (out->len)
			buf_addc(out, ' ');
		buf_add(out, s, len);
	}
}

void
original_references(struct original *o, struct buf *id, struct buf *references)
{
	add_ids(id, &o->id);
	add_ids(
	    references, o->references.len ? &o->references : &o->in_reply_to);
	add_ids(references, &o->id);
}

void
original_free(struct original *o)
{
	buf_free(&o->id);
	buf_free(&o->references);
	buf_free(&o->in_reply_to);
	buf_free(&o->subject);
	buf_free(&o->from);
	buf_free(&o->reply_to);
}
