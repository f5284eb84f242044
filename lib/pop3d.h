/* The server's side of a POP3 dialogue (RFC 1939, 2449, 2595, 3206, 5034).
 * Pure: octets in, events and replies out, in pieces of any length with the
 * same result. The maildrop is the caller's. */
#ifndef POP3D_H
#define POP3D_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "pop3.h"
#include "sasl.h"

#define POP3D_TRIES 3   /* passwords */
#define POP3D_ERRORS 20 /* commands that are none */
#define POP3D_LINE 2048 /* octets of a SASL response, with its CRLF */

enum pop3d_event {
	POP3D_MORE,    /* all input is taken: flush, wait, come back */
	POP3D_REPLIED, /* a command is answered */
	/* These are pop3d_answer's. */
	POP3D_STLS,  /* whether TLS is there; after POP3D_DONE see below */
	POP3D_LOGIN, /* user and password */
	POP3D_STAT,
	POP3D_LIST, /* number, or all */
	POP3D_UIDL, /* likewise */
	POP3D_RETR, /* number; 0 is no message's, here and elsewhere */
	POP3D_TOP,  /* number, and how many lines of the body */
	POP3D_DELE, /* number */
	POP3D_RSET,
	POP3D_UPDATE, /* QUIT after a login: what is marked goes */
	POP3D_CLOSE   /* flush and close */
};

/* What the caller did with an event. */
enum pop3d_answer {
	POP3D_DONE, /* says +OK, and means it */
	POP3D_SAID, /* the caller has sent the reply itself, behind out */
	POP3D_NO_MESSAGE,
	POP3D_UNREADABLE, /* the message */
	POP3D_NO_TLS,
	POP3D_DENIED,    /* the password */
	POP3D_NO_LOGIN,  /* for now */
	POP3D_HANDED_ON, /* the client to another process, which answers */
	POP3D_IN_USE,    /* by another session */
	POP3D_NO_MAILBOX,
	POP3D_NOT_REMOVED,
	POP3D_CUT /* within a reply: nothing more may be said */
};

struct pop3d {
	/* set before pop3d_begin */
	bool clear;     /* logins are taken without TLS too */
	bool starttls;  /* there is STLS */
	bool tls;       /* it is there from the start; then by pop3d_secure */
	struct buf out; /* replies: take them and reset */

	/* of the event */
	char user[SASL_PAIR + 1];
	const char *password; /* until the answer, which wipes it */
	bool all;
	uint64_t number, lines;

	/* its own */
	bool has_user, in, closed;
	bool in_sasl;      /* the next line is a response */
	bool in_handshake; /* all input is dropped until pop3d_secure */
	unsigned tries, errors;
	struct sasl sasl;
	char line[POP3D_LINE + 1]; /* a command so far */
	size_t len;
	bool overlong;
	enum pop3d_event asked;
};

/* Starts the dialogue; out has the greeting. */
void pop3d_begin(struct pop3d *p);
/* Starts it where another process left it: the login is to be answered. */
void pop3d_resume(struct pop3d *p);
/* The handshake that follows POP3D_DONE for POP3D_STLS is done. What was said
 * before it is forgotten. */
void pop3d_secure(struct pop3d *p);
/* Takes up to a command out of the n octets at in and returns how many were
 * taken; all at POP3D_MORE. After POP3D_CLOSE it takes nothing. */
size_t
pop3d_take(struct pop3d *p, const char *in, size_t n, enum pop3d_event *event);
/* Answers an event. */
void pop3d_answer(struct pop3d *p, enum pop3d_answer answer);
/* The reply, with CRLF. */
const char *pop3d_reply(enum pop3d_answer answer);
void pop3d_free(struct pop3d *p);

#endif
