/* The trace field of a message that is taken over (RFC 5321 4.4, RFC 3848). */
#ifndef RECEIVED_H
#define RECEIVED_H

#include <time.h>

#include "buf.h"

struct received {
	const char *name;             /* the client's, as it says */
	const char *address;          /* a literal, or a word of ours */
	const char *version, *cipher; /* of TLS; version NULL: none */
	const char *by, *protocol, *id;
	const char *rcpt; /* the only one, or NULL */
	time_t at;
};

/* Adds it, folded and LF ended. No part of it that the client chose could pass
 * for ours. */
void received_write(const struct received *r, struct buf *out);

#endif
