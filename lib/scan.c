#include "scan.h"

#include <string.h>

static void
note(struct scan *s, uint64_t offset, const char *what)
{
	s->what = what;
	s->offset = offset + 1;
}

/* The first NUL or bare CR. */
static void
find_offense(struct scan *s, const char *data, size_t n)
{
	const char *end = data + n, *nul = memchr(data, 0, n), *cr = data;

	while ((cr = memchr(cr, '\r', (size_t)(end - cr))) && cr + 1 < end &&
	    cr[1] == '\n')
		cr++;
	if (s->last == '\r' && *data != '\n')
		note(s, s->octets - 1, "bare CR");
	else if (cr && cr + 1 < end && (!nul || cr < nul))
		note(s, s->octets + (uint64_t)(cr - data), "bare CR");
	else if (nul)
		note(s, s->octets + (uint64_t)(nul - data), "NUL");
}

/* Up to 128 octets, whose counts fit in an octet: so compilers make it a few
 * wide instructions. */
static inline void
count(struct scan *s, const char *data, size_t n)
{
	unsigned char lf = 0, cr = 0, high = 0;

	for (size_t i = 0; i < n; i++) {
		lf += data[i] == '\n';
		cr += data[i] == '\r';
		high |= (unsigned char)data[i];
	}
	s->lf += lf;
	s->cr += cr;
	s->high |= high > 127;
}

static void
look_at_header(struct scan *s, const char *data, size_t n)
{
	for (size_t i = 0; i < n && !s->body; i++) {
		if (data[i] == '\n') {
			s->body = !s->text;
			s->text = false;
		} else if (data[i] != '\r') {
			s->text = true;
			s->high_header |= (unsigned char)data[i] > 127;
		}
	}
}

void
scan(struct scan *s, const char *data, size_t n)
{
	size_t i;

	if (!n)
		return;
	if (!s->what)
		find_offense(s, data, n);
	if (!s->body)
		look_at_header(s, data, n);
	for (i = 0; i + 128 <= n; i += 128)
		count(s, data + i, 128);
	count(s, data + i, n - i);
	s->octets += n;
	s->last = data[n - 1];
}

void
scan_end(struct scan *s)
{
	if (!s->what && s->last == '\r')
		note(s, s->octets - 1, "bare CR");
}

uint64_t
scan_wire(const struct scan *s)
{
	uint64_t n = s->octets + s->lf - s->cr;

	return s->octets && s->last != '\n' ? n + 2 : n;
}
