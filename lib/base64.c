#include "base64.h"

#include <string.h>

static int
value(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *p = c ? strchr(digits, c) : NULL;

	return p ? (int)(p - digits) : -1;
}

/* Four digits, the last pad of them `='. -1, or 24 bits. */
static long
group(const char *text, size_t pad)
{
	long bits = 0;
	int v;

	for (size_t i = 0; i < 4; i++) {
		v = i < 4 - pad ? value(text[i]) : 0;
		if (v < 0)
			return -1;
		bits = bits << 6 | v;
	}
	return bits;
}

ssize_t
base64_decode(const char *text, size_t n, void *out, size_t room)
{
	unsigned char *to = out;
	size_t done = 0, pad;
	long bits;

	if (n % 4 != 0)
		return -1;
	for (; n > 0; text += 4, n -= 4) {
		pad = n > 4 || text[3] != '=' ? 0 : text[2] != '=' ? 1 : 2;
		bits = group(text, pad);
		if (bits < 0 || (bits & ((1L << 8 * pad) - 1)) != 0 ||
		    room - done < 3 - pad)
			return -1;
		for (size_t i = 0; i < 3 - pad; i++)
			to[done++] = (unsigned char)(bits >> (16 - 8 * i));
	}
	return (ssize_t)done;
}
