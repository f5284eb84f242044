/* Trace fields on top of a message that passes by: whether an empty line must
 * follow them, and whether the message has been here before. Pure: bytes in,
 * bytes out. */
#ifndef TRACE_H
#define TRACE_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "header.h"

#define TRACE_HOPS 100

/* Start from {.rcpts = ..., .n = ...}. */
struct trace {
	const char *const *rcpts; /* whose Delivered-To is a loop */
	size_t n;
	unsigned hops; /* Received and Delivered-To fields so far */
	bool done;     /* the header is over: all else passes as it is */
	bool begun, delivered;
	struct header header;
	struct buf line, value;
};

/* Takes n octets (LF line ends) and adds them to out, with an empty line first
 * where what they begin with would become part of the header above it. Some
 * may be held back until the next call. 0; -1 for a loop or too many hops,
 * with the reason in *why. */
int trace_feed(struct trace *t, const char *in, size_t n, struct buf *out,
    const char **why);
int trace_end(struct trace *t, struct buf *out, const char **why);
void trace_free(struct trace *t);

#endif
