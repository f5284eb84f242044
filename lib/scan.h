/* What a message's octets say of it before it is sent, block by block. */
#ifndef SCAN_H
#define SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct scan {
	uint64_t octets, lf, cr;
	uint64_t offset;  /* of the first NUL or bare CR, + 1 */
	const char *what; /* "NUL" or "bare CR", NULL: neither */
	bool high;        /* an octet above 127 */
	bool high_header; /* and one before the first empty line */
	bool text, body;  /* in the line so far; behind that line */
	char last;
};

/* Start from {0}. */
void scan(struct scan *s, const char *data, size_t n);
/* A CR at the very end is bare. */
void scan_end(struct scan *s);
/* Octets on the wire with CRLF line ends, the last one completed, before
 * dot-stuffing: what MAIL's SIZE is (RFC 1870). For a message without a bare
 * CR. */
uint64_t scan_wire(const struct scan *s);

#endif
