/* Line ends: LF on disk, CRLF on the wire, and the dot-stuffed end of data
 * (RFC 5321 4.5.2, RFC 1939 3). Streams: pieces of any length. */
#ifndef CRLF_H
#define CRLF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

/* Reading a message: CRLF becomes LF, every other octet stays. */
struct crlf_text {
	uint64_t offset;       /* octets read */
	uint64_t nul, bare_cr; /* offset of the first + 1; 0 for none */
	bool cr;               /* a CR is held back */
};

void crlf_text(struct crlf_text *t, const char *in, size_t n, struct buf *out);
/* A CR at the very end comes out here, and counts as bare. */
void crlf_text_end(struct crlf_text *t, struct buf *out);

/* Writing to the wire: LF and CRLF become CRLF, a leading dot is doubled where
 * stuff is set. A message that has NUL or a bare CR must have been refused
 * before; here they pass. Start from {.bol = true}. */
struct crlf_wire {
	bool bol; /* at the start of a line */
	bool cr;
	bool stuff;
};

void crlf_wire(struct crlf_wire *w, const char *in, size_t n, struct buf *out);
/* Completes a missing last line end; the terminating dot is the caller's. */
void crlf_wire_end(struct crlf_wire *w, struct buf *out);

/* Reading from the wire up to CRLF.CRLF and to nothing else: leading dots are
 * unstuffed, CRLF becomes LF; NUL, bare CR and bare LF stay and are noted. */
struct crlf_data {
	int state;   /* 0: at the start of a line, where data begins */
	bool chunks; /* dots mean nothing and there is no end: what the client
			counts (RFC 3030) */
	bool nul, bare_cr, bare_lf;
};

/* Decodes up to n octets and returns how many were taken: fewer than n only
 * when the end of data was among them; *end tells. */
size_t crlf_data(
    struct crlf_data *d, const char *in, size_t n, struct buf *out, bool *end);
/* Behind the last chunk: a CR that is held back counts as bare. */
void crlf_data_end(struct crlf_data *d);

#endif
