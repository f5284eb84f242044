/* POP3 (RFC 1939, 2449) as a client speaks it once it has logged in, and the
 * grammar that a server shares with it. Pure: octets in, events and octets
 * out; all limits are here. */
#ifndef POP3_H
#define POP3_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "crlf.h"

#define POP3_UID 70           /* octets of a unique-id, 0x21 to 0x7E */
#define POP3_LINE 2048        /* of a reply or a listing, with its CRLF */
#define POP3_COMMAND 255      /* with its CRLF (RFC 2449 4) */
#define POP3_MESSAGES 1000000 /* in a maildrop */
#define POP3_WINDOW 64        /* commands without an answer */

/* --- the client --- */
enum pop3_verb {
	POP3_CAPA,
	POP3_UIDL,
	POP3_LIST,
	POP3_RETR,
	POP3_DELE,
	POP3_RSET,
	POP3_QUIT
};

enum pop3_event {
	POP3_MORE,  /* all input is taken; more is needed */
	POP3_OK,    /* +OK to verb and number; a listing or message follows
		       for CAPA, UIDL, LIST and RETR */
	POP3_ERR,   /* -ERR to them: text, and code where it has one */
	POP3_ITEM,  /* a line of UIDL or LIST: item, text (what follows) */
	POP3_DATA,  /* a piece of the message, in data */
	POP3_END,   /* the listing or message is complete */
	POP3_BROKEN /* the server does not speak POP3: text says how. Final. */
};

struct pop3 {
	struct buf out;      /* octets to send, see pop3_sent */
	struct buf data;     /* POP3_DATA: LF line ends, dots unstuffed */
	enum pop3_verb verb; /* what the event belongs to */
	uint32_t number;
	uint32_t item;
	char text[POP3_LINE + 1]; /* may hold any octet but NUL, CR and LF */
	size_t text_len;
	char code[32]; /* "IN-USE", "SYS/TEMP" (RFC 2449, 3206), or "" */
	bool has_pipelining, has_uidl, has_top; /* after CAPA */

	/* the engine's own */
	int state;
	struct crlf_data body;
	struct buf line;
	struct {
		enum pop3_verb verb;
		uint32_t number;
	} asked[POP3_WINDOW];
	size_t first, waiting, unsent;
	uint32_t items;
};

/* Adds a command to out; number is RETR's and DELE's. Needs room: waiting <
 * POP3_WINDOW. */
void pop3_ask(struct pop3 *p, enum pop3_verb verb, uint32_t number);
/* n octets of out have been handed to the kernel: drops them. A reply that
 * comes before its command was sent is POP3_BROKEN. */
void pop3_sent(struct pop3 *p, size_t n);
/* Reads up to n octets; *taken says how many. Call again with the rest after
 * each event but POP3_MORE. */
enum pop3_event
pop3_read(struct pop3 *p, const char *in, size_t n, size_t *taken);
/* How many commands have no complete answer yet. */
size_t pop3_waiting(const struct pop3 *p);
void pop3_free(struct pop3 *p);

/* --- the grammar --- */
/* 1 to 70 octets of 0x21 to 0x7E. */
bool pop3_is_uid(const char *s, size_t n);

struct pop3_command {
	char verb[9]; /* upper case; "" for what is no command */
	char *arg;    /* behind the first blank, in the line; NULL for none */
};
/* Takes apart a command line of n octets with its LF or CRLF, in place: the
 * arguments end with a NUL. 0; -1 for a line that is too long, has no line
 * end, or holds a NUL, CR or control byte (tabs in arguments excepted). */
int pop3_command(char *line, size_t n, struct pop3_command *c);

/* TOP: where the header has ended, lines of the body are counted. Start from
 * {.bol = true, .lines = wanted}. */
struct pop3_top {
	bool in_body, bol;
	uint64_t lines;
};
/* How many of the n octets still belong to it: fewer than n at its end. */
size_t pop3_top(struct pop3_top *t, const char *p, size_t n);

#endif
