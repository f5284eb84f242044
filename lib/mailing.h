/* A server's mail transaction: a sender, recipients, and the message, whose
 * octets come after DATA or in chunks (RFC 3030); or a chunk that comes without
 * one. Pure. */
#ifndef MAILING_H
#define MAILING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "command.h"
#include "content.h"

/* Starts as zero but for the first three. */
struct mailing {
	bool lmtp;         /* each recipient has a reply to the message */
	uint64_t max_size; /* as in content */
	bool normalize;
	bool open;         /* it has a sender */
	bool utf8;         /* MAIL said SMTPUTF8 */
	bool tried;        /* some RCPT came, or its MAIL was refused */
	unsigned rcpts;    /* accepted */
	unsigned answered; /* of those, at the message's end */
	bool receiving;    /* a message has begun, and is neither answered nor
			      given up */
	bool spoiled;      /* one in chunks, and that was told */
	struct content content;
};

enum mailing_end {
	MAILING_WHOLE,   /* the message is to be answered */
	MAILING_REFUSED, /* it is answered, for the first time */
	MAILING_CHUNKED  /* the chunk is answered */
};

void mailing_reset(struct mailing *m);
/* The reply that says what a message needs before it; NULL if that is there. */
const char *mailing_missing(const struct mailing *m);
/* The octets begin that c, DATA or BDAT, announced. refusal is the reply to
 * them whatever they are, or NULL; without a message they have one. */
void mailing_begin(struct mailing *m, const struct command *c, bool message,
    const char *refusal);
/* The next chunk of that message. */
void mailing_go_on(struct mailing *m, const struct command *c);
/* As content_take; *body: there is something to take. */
size_t mailing_take(
    struct mailing *m, const char *in, size_t n, bool *body, bool *end);
/* At the end of a message, or of a chunk of one: its replies, if they need
 * nobody else, are added to out. */
enum mailing_end mailing_end(struct mailing *m, struct buf *out);
void mailing_free(struct mailing *m);

#endif
