/* IMAP (RFC 3501, 9051) as a client that fetches speaks it once it has logged
 * in. Pure: octets in, events and octets out; all limits are here. A response
 * is held in memory up to a bound, a message's body never: it is passed on in
 * pieces, before or after what else is said of it. */
#ifndef IMAP_H
#define IMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "buf.h"
#include "crlf.h"

#define IMAP_LINE 65536 /* of a response, with its short literals */
#define IMAP_TEXT 1000
#define IMAP_WINDOW 16 /* commands without an answer */
#define IMAP_FLAGS 7   /* "DFPRST" and a NUL */

enum imap_verb {
	IMAP_CAPABILITY,
	IMAP_LIST,
	IMAP_STATUS,
	IMAP_SELECT,
	IMAP_FETCH,   /* UID FETCH */
	IMAP_STORE,   /* UID STORE */
	IMAP_EXPUNGE, /* UID EXPUNGE */
	IMAP_LOGOUT
};

enum imap_event {
	IMAP_MORE,    /* all input is taken; more is needed */
	IMAP_OK,      /* the tagged answer to verb and number: text, code */
	IMAP_NO,      /* likewise: refused */
	IMAP_BAD,     /* likewise: not understood */
	IMAP_OTHER,   /* an untagged response that asks for nothing */
	IMAP_MAILBOX, /* of LIST: name, separator, selectable */
	IMAP_COUNTS,  /* of STATUS: name, and the numbers in counts */
	IMAP_DATA,    /* a piece of the message, in data, with LF line ends */
	IMAP_MESSAGE, /* of FETCH: uid and what follows it below. Where has_body
			 is set, the pieces before it were this message's */
	IMAP_BYE,     /* the server hangs up, unless LOGOUT was sent: text */
	IMAP_BROKEN /* the server does not speak IMAP: text says how. Final. */
};

/* 0 where the server did not say. */
struct imap_counts {
	uint32_t messages, uidnext, uidvalidity;
	bool has_exists; /* messages is what the selected folder has */
};

struct imap {
	struct buf out;  /* octets to send, see imap_sent */
	struct buf data; /* IMAP_DATA */
	struct buf line; /* the response that the event is from */
	enum imap_verb verb;
	uint32_t number;
	char text[IMAP_TEXT + 1]; /* cut; no NUL, CR or LF */
	char code[32]; /* "EXPUNGEISSUED", "READ-ONLY" (RFC 5530), or "" */
	struct buf name;
	char separator; /* 0: none */
	bool selectable;
	struct imap_counts counts; /* of SELECT, too */
	uint64_t expunged;         /* messages, since then */
	uint32_t uid;              /* 0: not said */
	char flags[IMAP_FLAGS];    /* as a maildir has them, ascending */
	bool has_body, has_date;
	time_t date;                       /* INTERNALDATE */
	bool has_uidplus, has_list_status; /* after CAPABILITY */

	/* the engine's own */
	int state;
	uint64_t left;      /* octets of a literal */
	size_t part;        /* where in line behind the last literal */
	size_t body_at;     /* where the body's literal was announced */
	bool body, reading; /* there was one; a response is in line */
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
