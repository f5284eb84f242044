#include "parse.h"

#include <string.h>

int
parse_digits(const char *s, size_t n, uint64_t max, uint64_t *out)
{
	uint64_t value = 0;

	if (!n)
		return -1;
	for (size_t i = 0; i < n; i++) {
		unsigned digit = (unsigned char)s[i] - '0';

		if (digit > 9 || value > max / 10 || digit > max - value * 10)
			return -1;
		value = value * 10 + digit;
	}
	*out = value;
	return 0;
}

int
parse_number(const char *s, uint64_t max, uint64_t *out)
{
	return parse_digits(s, strlen(s), max, out);
}

/* Digits, then a unit that is one letter of names. */
static int
parse_unit(
    const char *s, const char *names, const uint64_t *factors, uint64_t *out)
{
	size_t n = strlen(s);
	uint64_t factor = 1, value;
	const char *unit = n ? strchr(names, s[n - 1]) : NULL;

	if (unit) {
		factor = factors[unit - names];
		n--;
	}
	if (parse_digits(s, n, UINT64_MAX / factor, &value) < 0)
		return -1;
	*out = value * factor;
	return 0;
}

int
parse_size(const char *s, uint64_t *out)
{
	static const uint64_t factors[] = {1 << 10, 1 << 20, 1 << 30};

	return parse_unit(s, "KMG", factors, out);
}

int
parse_duration(const char *s, uint64_t *out)
{
	static const uint64_t factors[] = {1, 60, 3600, 86400, 604800};

	return parse_unit(s, "smhdw", factors, out);
}

bool
parse_is_harmless(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < ' ' || s[i] == 127 || s[i] == '/')
			return false;
	return n > 0 && n <= 255 && s[0] != '.';
}

bool
parse_is_mail_id(const char *s)
{
	size_t n = strspn(s, "0123456789abcdefghijklmnopqrstuvwxyz");

	return n >= 1 && n <= 40 && !s[n];
}

bool
parse_is_ascii(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] > '~')
			return false;
	return true;
}

size_t
parse_utf8(const char *s, size_t n, uint32_t *point)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char first = (unsigned char)(n ? *s : 0);
	size_t len = 0;
	uint32_t value;

	if (first >= 0xc0 && first < 0xf8)
		len = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
	if (!len || len > n)
		return 0;
	value = first & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (s[i] & 0x3f);
	}
	if (value < least[len] || value > 0x10ffff ||
	    (value >= 0xd800 && value <= 0xdfff))
		return 0;
	*point = value;
	return len;
}
