#include "imapdata.h"

#include <string.h>
#include <strings.h>

#include "parse.h"

bool
imapdata_skip(struct imapdata *d, char c)
{
	if (d->at == d->n || d->s[d->at] != c)
		return false;
	d->at++;
	return true;
}

size_t
imapdata_atom(struct imapdata *d, const char **s)
{
	size_t from = d->at;

	*s = d->s + from;
	while (d->at < d->n && !strchr(" (){\"\r\n", d->s[d->at]))
		d->at++;
	return d->at - from;
}

size_t
imapdata_item(struct imapdata *d, const char **s)
{
	size_t from = d->at;
	bool inside = false;

	*s = d->s + from;
	for (; d->at < d->n; d->at++) {
		char c = d->s[d->at];

		if (c == '[' || c == ']')
			inside = c == '[';
		else if (!inside && strchr(" ()", c))
			break;
	}
	return d->at - from;
}

bool
imapdata_is(const char *s, size_t n, const char *word)
{
	return strlen(word) == n && strncasecmp(s, word, n) == 0;
}

int
imapdata_number(struct imapdata *d, uint32_t min, uint32_t *out)
{
	const char *s;
	size_t n = imapdata_atom(d, &s);
	uint64_t value;

	if (parse_digits(s, n, UINT32_MAX, &value) < 0 || value < min)
		return -1;
	*out = (uint32_t)value;
	return 0;
}

static int
quoted(struct imapdata *d, struct buf *out)
{
	for (d->at++; d->at < d->n; d->at++) {
		char c = d->s[d->at];

		if (c == '"') {
			d->at++;
			return 0;
		}
		if (c == '\\' && ++d->at == d->n)
			return -1;
		if (out)
			buf_addc(out, d->s[d->at]);
	}
	return -1;
}

/* "{5}", "{5+}" and "~{5}" announce. */
size_t
imapdata_literal(const char *s, size_t n, uint64_t *octets, bool *bad)
{
	size_t open = n, digits;

	*bad = false;
	if (n < 3 || s[n - 1] != '}')
		return IMAPDATA_NONE;
	digits = s[n - 2] == '+' ? n - 2 : n - 1;
	for (open = digits; open && s[open - 1] >= '0' && s[open - 1] <= '9';)
		open--;
	if (open == digits || open == 0 || s[open - 1] != '{')
		return IMAPDATA_NONE;
	*bad = parse_digits(s + open, digits - open, INT64_MAX, octets) < 0;
	open--;
	return open && s[open - 1] == '~' ? open - 1 : open;
}

static int
literal(struct imapdata *d, struct buf *out)
{
	const char *lf = memchr(d->s + d->at, '\n', d->n - d->at);
	size_t from = d->at, end;
	uint64_t octets;
	bool bad;

	if (!lf || lf == d->s + from)
		return -1;
	end = (size_t)(lf - d->s) - 1;
	if (imapdata_literal(d->s + from, end - from, &octets, &bad) != 0 ||
	    bad)
		return -1;
	d->at = end + 2;
	if (from == d->hole)
		return 0;
	if (octets > d->n - d->at)
		return -1;
	if (out)
		buf_add(out, d->s + d->at, (size_t)octets);
	d->at += (size_t)octets;
	return 0;
}

int
imapdata_string(struct imapdata *d, struct buf *out)
{
	const char *s;
	size_t n;

	if (d->at == d->n)
		return -1;
	if (d->s[d->at] == '"')
		return quoted(d, out);
	if (d->s[d->at] == '{' ||
	    (d->s[d->at] == '~' && d->n - d->at > 1 && d->s[d->at + 1] == '{'))
		return literal(d, out);
	n = imapdata_atom(d, &s);
	if (out)
		buf_add(out, s, n);
	return n ? 0 : -1;
}

int
imapdata_pass(struct imapdata *d)
{
	unsigned depth = 0;

	do {
		if (imapdata_skip(d, '(')) {
			if (++depth > IMAPDATA_DEPTH)
				return -1;
		} else if (depth && imapdata_skip(d, ')'))
			depth--;
		else if (!(depth && imapdata_skip(d, ' ')) &&
		    imapdata_string(d, NULL) < 0)
			return -1;
	} while (depth);
	return 0;
}
