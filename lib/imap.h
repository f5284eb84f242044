/* IMAP (RFC 3501, 9051) as a client that fetches speaks it once it has logged
 * in. Pure: octets in, events and octets out; all limits are here. A response
 * is held in memory up to a bound, a message's body never: it is passed on in
 * pieces, before or after what else is said of it. */
#ifndef IMAP_H
#define IMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "crlf.h"
#include "imapreply.h"

#define IMAP_LINE 65536 /* of a response, with its short literals */
#define IMAP_WINDOW 16  /* commands without an answer */

struct imap {
	struct buf out;        /* octets to send, see imap_sent */
	struct buf line;       /* the response that the event is from */
	struct imapreply said; /* and what it says */

	/* the engine's own */
	int state;
	uint64_t left;  /* octets of a literal */
	size_t part;    /* where in line behind the last literal */
	size_t body_at; /* where the body's literal was announced */
	bool reading;   /* a response is in line */
	struct crlf_text crlf;
	struct {
		enum imap_verb verb;
		uint32_t number;
	} asked[IMAP_WINDOW];
	size_t first, waiting, unsent;
	uint32_t tag;       /* of the last that was asked */
	uint32_t responses; /* since the last reply */
};

/* Adds a command to out, with its arguments if it has any; number is the
 * caller's. Needs room: imap_waiting < IMAP_WINDOW. */
void imap_ask(struct imap *i, enum imap_verb verb, uint32_t number,
    const char *arguments);
/* Adds a quoted string. -1 for octets that none can hold (NUL, CR, LF). */
int imap_quote(struct buf *out, const char *s, size_t n);
/* n octets of out have been handed to the kernel: drops them. A reply that
 * comes before its command was sent is IMAP_BROKEN. */
void imap_sent(struct imap *i, size_t n);
/* Reads up to n octets; *taken says how many. Call again with the rest after
 * each event but IMAP_MORE. */
enum imap_event
imap_read(struct imap *i, const char *in, size_t n, size_t *taken);
/* How many commands have no answer yet. */
size_t imap_waiting(const struct imap *i);
void imap_free(struct imap *i);

#endif
