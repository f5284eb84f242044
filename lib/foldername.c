#include "foldername.h"

#include <string.h>
#include <strings.h>

#include "hash.h"
#include "mutf7.h"
#include "parse.h"

#define LONGEST 255

bool
foldername_is_inbox(const char *s, size_t n)
{
	return n == 5 && strncasecmp(s, "INBOX", 5) == 0;
}

static void
escape(struct buf *out, char c)
{
	buf_addf(out, "%%%02X", (unsigned char)c);
}

/* One part of the hierarchy, in UTF-8 or, raw, in octets unknown. */
static void
add_part(struct buf *out, const char *s, size_t n, bool raw)
{
	size_t len;
	uint32_t c;

	if (!n)
		escape(out, 0);
	for (size_t i = 0; i < n; i += len) {
		c = (unsigned char)s[i];
		len = 1;
		if (c >= 0x80 && !raw)
			len = parse_utf8(s + i, n - i, &c);
		if (c < ' ' || c == 127 || strchr("%/.", s[i]) ||
		    (i == 0 && s[i] == '-') ||
		    (raw && (c >= 0x80 || c == '&')) || (c >= 0x80 && c < 0xa0))
			for (size_t k = 0; k < len; k++)
				escape(out, s[i + k]);
		else
			buf_add(out, s + i, len);
	}
}

/* The parts of a name that are not yet taken. */
struct parts {
	const char *s;
	size_t n;
	char separator;
	bool done;
};

static bool
next_part(struct parts *p, const char **part, size_t *len)
{
	const char *end =
	    p->separator && p->n ? memchr(p->s, p->separator, p->n) : NULL;

	if (p->done)
		return false;
	*part = p->s;
	*len = end ? (size_t)(end - p->s) : p->n;
	p->done = !end;
	if (end) {
		p->s = end + 1;
		p->n -= *len + 1;
	}
	return true;
}

static void
add_parts(struct buf *out, struct parts p, bool raw)
{
	struct buf text = BUF_INIT;
	const char *part;
	size_t len;

	buf_adds(out, raw ? ".%=" : ".");
	for (bool first = true; next_part(&p, &part, &len); first = false) {
		if (!first)
			buf_addc(out, '.');
		buf_reset(&text);
		if (raw)
			buf_add(&text, part, len);
		else
			mutf7_decode(part, len, &text);
		add_part(out, text.data, text.len, raw);
	}
	buf_free(&text);
}

static bool
decodes(struct parts p)
{
	struct buf text = BUF_INIT;
	bool all = true;
	const char *part;
	size_t len;

	while (all && next_part(&p, &part, &len))
		all = mutf7_decode(part, len, &text) == 0;
	buf_free(&text);
	return all;
}

void
foldername_disk(const char *s, size_t n, char separator, struct buf *out)
{
	struct parts parts = {s, n, separator, false};
	struct buf name = BUF_INIT;
	char hash[HASH_HEX];

	if (foldername_is_inbox(s, n))
		return;
	add_parts(&name, parts, !decodes(parts));
	if (name.len > LONGEST) {
		hash_hex(name.data, name.len, hash);
		name.len = LONGEST - HASH_HEX - 1;
		while ((name.data[name.len] & 0xc0) == 0x80)
			name.len--;
		buf_addf(&name, "%%~%s", hash);
	}
	buf_add(out, name.data, name.len);
	buf_free(&name);
}

void
foldername_show(const char *s, size_t n, struct buf *out)
{
	if (mutf7_decode(s, n, out) < 0)
		buf_add(out, s, n);
}
