#include "mutf7.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "parse.h"

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static void
add_utf8(struct buf *out, uint32_t c)
{
	if (c < 0x80)
		buf_addc(out, (char)c);
	else if (c < 0x800) {
		buf_addc(out, (char)(0xc0 | c >> 6));
		buf_addc(out, (char)(0x80 | (c & 0x3f)));
	} else {
		if (c < 0x10000)
			buf_addc(out, (char)(0xe0 | c >> 12));
		else {
			buf_addc(out, (char)(0xf0 | c >> 18));
			buf_addc(out, (char)(0x80 | (c >> 12 & 0x3f)));
		}
		buf_addc(out, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_addc(out, (char)(0x80 | (c & 0x3f)));
	}
}

/* A UTF-16 unit; high holds the first half of a pair, or 0. */
static int
add_unit(struct buf *out, uint32_t unit, uint32_t *high)
{
	bool low = unit >= 0xdc00 && unit < 0xe000;

	if (low != (*high != 0))
		return -1;
	if (low) {
		add_utf8(
		    out, 0x10000 + ((*high - 0xd800) << 10) + (unit - 0xdc00));
		*high = 0;
	} else if (unit >= 0xd800 && unit < 0xdc00)
		*high = unit;
	else
		add_utf8(out, unit);
	return 0;
}

/* What is between '&' and '-', n octets. */
static int
decode_run(const char *s, size_t n, struct buf *out)
{
	uint32_t bits = 0, high = 0;
	unsigned have = 0;

	for (size_t i = 0; i < n; i++) {
		const char *digit = s[i] ? strchr(alphabet, s[i]) : NULL;

		if (!digit)
			return -1;
		bits = bits << 6 | (uint32_t)(digit - alphabet);
		have += 6;
		if (have < 16)
			continue;
		have -= 16;
		if (add_unit(out, bits >> have & 0xffff, &high) < 0)
			return -1;
		bits &= (1u << have) - 1;
	}
	return high || bits || have >= 6 ? -1 : 0;
}

static int
decode(const char *s, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		const char *end;

		if (s[i] != '&') {
			buf_addc(out, s[i]);
			continue;
		}
		end = memchr(s + i, '-', n - i);
		if (!end)
			return -1;
		if (end == s + i + 1)
			buf_addc(out, '&');
		else if (decode_run(s + i + 1, (size_t)(end - s) - i - 1, out) <
		    0)
			return -1;
		i = (size_t)(end - s);
	}
	return 0;
}

int
mutf7_decode(const char *s, size_t n, struct buf *out)
{
	struct buf again = BUF_INIT;
	size_t before = out->len;
	int r = decode(s, n, out);

	if (r == 0)
		r = mutf7_encode(
		    buf_str(out) + before, out->len - before, &again);
	if (r == 0 && (again.len != n || (n && memcmp(again.data, s, n) != 0)))
		r = -1;
	if (r < 0)
		out->len = before;
	buf_free(&again);
	return r;
}

/* --- the other way --- */
struct run {
	uint32_t bits;
	unsigned have;
	bool open;
};

static void
put_unit(struct run *r, uint32_t unit, struct buf *out)
{
	if (!r->open)
		buf_addc(out, '&');
	r->open = true;
	r->bits = r->bits << 16 | unit;
	for (r->have += 16; r->have >= 6; r->have -= 6)
		buf_addc(out, alphabet[r->bits >> (r->have - 6) & 0x3f]);
	r->bits &= (1u << r->have) - 1;
}

static void
close_run(struct run *r, struct buf *out)
{
	if (!r->open)
		return;
	if (r->have)
		buf_addc(out, alphabet[r->bits << (6 - r->have) & 0x3f]);
	buf_addc(out, '-');
	*r = (struct run){0};
}

static void
put(struct run *r, uint32_t c, struct buf *out)
{
	if (c >= 0x20 && c < 0x7f) {
		close_run(r, out);
		buf_addc(out, (char)c);
		if (c == '&')
			buf_addc(out, '-');
	} else if (c >= 0x10000) {
		put_unit(r, 0xd800 + ((c - 0x10000) >> 10), out);
		put_unit(r, 0xdc00 + ((c - 0x10000) & 0x3ff), out);
	} else
		put_unit(r, c, out);
}

int
mutf7_encode(const char *s, size_t n, struct buf *out)
{
	size_t before = out->len, len;
	struct run r = {0};
	uint32_t c;

	for (size_t i = 0; i < n; i += len) {
		c = (unsigned char)s[i];
		len = 1;
		if (c >= 0x80 && (len = parse_utf8(s + i, n - i, &c)) == 0) {
			out->len = before;
			return -1;
		}
		put(&r, c, out);
	}
	close_run(&r, out);
	return 0;
}
