/* The lines by which a client commands a server of SMTP: bounded, and what of
 * them may be shown, which is never a password or what may be one (RFC 4954).
 * Pure: octets in pieces of any length with the same result. */
#ifndef COMMANDLINE_H
#define COMMANDLINE_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

#define COMMANDLINE_MAX \
	2048 /* octets, line end included; of one of AUTH's: SASL_LINE */

/* Starts as zero. */
struct commandline {
	struct buf text; /* so far; the last one, its secrets taken out */
	bool complete;   /* text is to be forgotten */
	bool overlong;   /* of it text has the verb, of a response nothing; the
			    caller resets this */
};

/* Adds input up to the line's end, and says in *n how much that was. True when
 * the line is complete: text is without its line end, CR LF or LF. response: it
 * is one to a challenge of AUTH. */
bool commandline_take(
    struct commandline *l, const char *in, size_t *n, bool response);
/* A verb of four letters, in any case. */
bool commandline_begins(const struct commandline *l, const char *verb);
/* Wipes what must not be shown: of a response everything, as of what was
 * refused as no command, since that may be a response behind an AUTH that was
 * refused. refusal: the reply to it, or NULL. */
void
commandline_hide(struct commandline *l, bool response, const char *refusal);
/* Between lines: nothing of one has come. */
bool commandline_idle(const struct commandline *l);

#endif
