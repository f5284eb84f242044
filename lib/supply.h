/* Where a user's message enters (RFC 6409 8): Date, Message-ID and From are
 * supplied where they are missing, Bcc and Resent-Bcc taken out. */
#ifndef SUPPLY_H
#define SUPPLY_H

#include <stdbool.h>

#include "buf.h"
#include "intake.h"

/* Who it is from, and where its Message-ID is made. */
struct supply_from {
	const char *sender; /* "" is <>, then From is MAILER-DAEMON */
	const char *name;   /* for From, or NULL */
	const char *host;   /* NULL: the system's name */
};

/* Adds what in has not seen on top of out, which has all of the header, but
 * below a From_ line. */
void supply_fields(
    const struct intake *in, const struct supply_from *from, struct buf *out);

/* The same for a message that comes in pieces, whose header is held until it
 * is complete: the caller bounds it. Start from {.from = ...}. */
struct supply {
	struct supply_from from;
	struct intake in;
	struct buf out; /* what may go on: take it, and reset it */
	struct buf held;
	bool done; /* with the header */
};

/* Octets with LF line ends; the first ones that get out are a whole first line
 * or the first 1,000 octets of it. */
void supply_take(struct supply *s, const struct buf *data);
/* The rest is in out. */
void supply_end(struct supply *s);
void supply_free(struct supply *s);

#endif
