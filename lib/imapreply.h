/* What an IMAP server says in one response (RFC 3501 7), read whole from memory
 * but for the literal of a message. Pure. */
#ifndef IMAPREPLY_H
#define IMAPREPLY_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "buf.h"
#include "imapdata.h"

#define IMAP_TEXT 1000
#define IMAP_FLAGS 7 /* "DFPRST" and a NUL */

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

struct imapreply {
	struct buf data; /* IMAP_DATA */
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

	/* how to read the next one */
	int current; /* enum imap_verb that the server answers; -1: none */
	bool body;   /* a message's literal was passed on */
};

/* One behind "* ", without CRLF. IMAP_DATA is a message in quotes, whose
 * IMAP_MESSAGE is for the caller to give next. */
enum imap_event imapreply_untagged(struct imapreply *p, struct imapdata *d);
/* Behind OK, NO, BAD or BYE: text and code. -1 for a code's wrong number. */
int imapreply_text(struct imapreply *p, struct imapdata *d);
/* IMAP_BROKEN, with text. */
enum imap_event imapreply_broken(struct imapreply *p, const char *why);

#endif
