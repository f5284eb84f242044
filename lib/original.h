/* What an answer takes from the message that it answers (RFC 5322 3.6.4). */
#ifndef ORIGINAL_H
#define ORIGINAL_H

#include <stddef.h>

#include "buf.h"

/* Values as they stand there, unfolded, control octets made blanks; empty
 * where the field is missing. Start from {0}. */
struct original {
	struct buf id, references, in_reply_to, subject, from, reply_to;
};

/* Reads the message's first n octets; a header that is longer is cut. */
void original_read(struct original *o, const char *head, size_t n);
/* Adds the message id to id, and what References shall be: those of the
 * original, of many the first and the last ones, and its own. */
void
original_references(struct original *o, struct buf *id, struct buf *references);
void original_free(struct original *o);

#endif
