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

/* The separator is ASCII, thus no part of an encoded character. */
static void
add_parts(struct buf *out, const char *s, size_t n, char separator, bool raw)
{
	struct buf text = BUF_INIT;
	const char *end;

	if (raw)
		buf_adds(out, ".%=");
	for (;; s = end + 1, n -= (size_t)(end - s) + 1) {
		end = separator ? memchr(s, separator, n) : NULL;
		size_t len = end ? (size_t)(end - s) : n;

		if (!raw || out->data[out->len - 1] != '=')
			buf_addc(out, '.');
		buf_reset(&text);
		if (raw)
			buf_add(&text, s, len);
		else
			mutf7_decode(s, len, &text);
		add_part(out, text.data, text.len, raw);
		if (!end)
			break;
	}
	buf_free(&text);
}

static bool
decodes(const char *s, size_t n, char separator)
{
	struct buf text = BUF_INIT;
	bool all = true;
	const char *end = s;

	for (; end && all; s = end + 1) {
		end = separator ? memchr(s, separator, n) : NULL;
		size_t len = end ? (size_t)(end - s) : n;

		all = mutf7_decode(s, len, &text) == 0;
		n -= end ? len + 1 : len;
	}
	buf_free(&text);
	return all;
}

void
foldername_disk(const char *s, size_t n, char separator, struct buf *out)
{
	struct buf name = BUF_INIT;
	char hash[HASH_HEX];
	bool raw;

	if (foldername_is_inbox(s, n))
		return;
	raw = !decodes(s, n, separator);
	add_parts(&name, s, n, separator, raw);
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
