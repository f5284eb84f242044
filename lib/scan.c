#include "scan.h"

void
scan(struct scan *s, const char *data, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)data[i];
		if (!s->what && (c == 0 || (s->last == '\r' && c != '\n'))) {
			s->what = c == 0 ? "NUL" : "bare CR";
			s->offset = s->octets + i + (c == 0);
		}
		s->lf += c == '\n';
		s->crlf += c == '\n' && s->last == '\r';
		s->high |= c > 127;
		s->last = c;
	}
	s->octets += n;
}

void
scan_end(struct scan *s)
{
	if (s->what || s->last != '\r')
		return;
	s->what = "bare CR";
	s->offset = s->octets;
}

uint64_t
scan_wire(const struct scan *s)
{
	uint64_t n = s->octets + s->lf - s->crlf;

	return s->octets && s->last != '\n' ? n + 2 : n;
}
