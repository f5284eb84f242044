/* The server's side of an SMTP or LMTP dialogue (RFC 5321, RFC 2033, with
 * PIPELINING, SIZE, 8BITMIME, ENHANCEDSTATUSCODES, CHUNKING of RFC 3030,
 * SMTPUTF8 of RFC 6531, DSN of RFC 3461, STARTTLS of RFC 3207 and AUTH of RFC
 * 4954). Pure: octets in, events and replies out, in pieces of any length with
 * the same result. */
#ifndef SMTPD_H
#define SMTPD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "command.h"
#include "commandline.h"
#include "mailing.h"
#include "sasl.h"

#define SMTPD_LOGINS 3      /* that failed; the next gets 421 */
#define SMTPD_ERRORS 20     /* refused commands; the next one gets 421 */
#define SMTPD_REFUSALS 1000 /* recipients refused by an answer, likewise */

struct smtpd_config {
	const char *hostname;
	bool lmtp;         /* RFC 2033 */
	uint64_t max_size; /* octets of a message, LF line ends; 0: no limit */
	unsigned max_rcpts;
	bool normalize;  /* a bare LF in a message ends a line; else 550 */
	bool dsn;        /* is offered */
	bool starttls;   /* likewise */
	bool auth;       /* is offered, under TLS */
	bool auth_clear; /* and without */
	bool submission; /* mail is taken after a login alone (RFC 6409) */
	bool sync; /* on a socket: commands sent together before EHLO announced
		      PIPELINING end the session with 554 */
};

enum smtpd_event {
	SMTPD_MORE,     /* all input is taken: flush, wait, come back */
	SMTPD_REPLIED,  /* a command is answered */
	SMTPD_MAIL,     /* a sender, command.path: smtpd_answer */
	SMTPD_RCPT,     /* a recipient, command.path: smtpd_answer */
	SMTPD_STARTTLS, /* smtpd_answer: after 220 all input is dropped until
			   smtpd_secure */
	SMTPD_LOGIN,    /* sasl.user, sasl.password: smtpd_answer */
	SMTPD_DATA,     /* a message comes: smtpd_answer, 354 to have it */
	SMTPD_CHUNK,    /* octets come: of that message, or to be dropped */
	SMTPD_BODY,     /* take mailing.content.body, and reset it; the first
			   time it has the whole first line, or 1,000 octets */
	SMTPD_END,     /* the message is whole: smtpd_answer; over LMTP once for
			  each recipient, mailing.answered has its number */
	SMTPD_SPOILED, /* it is refused; mailing.content.fault was the answer */
	SMTPD_CHUNKED, /* a chunk's end is reached and answered */
	SMTPD_QUIT,    /* flush and close, as the client asked */
	SMTPD_CLOSE    /* flush and close: 421 or 554 */
};

enum smtpd_state {
	SMTPD_IN_COMMAND,
	SMTPD_IN_AUTH,      /* a challenge awaits its response */
	SMTPD_IN_HANDSHAKE, /* input before it counts for nothing */
	SMTPD_IN_CONTENT,   /* of a message, or of a chunk without one */
	SMTPD_AT_END,       /* of it, which the caller does not know yet */
	SMTPD_CLOSED
};

struct smtpd {
	const struct smtpd_config *config;
	enum smtpd_state state;
	char name[COMMAND_NAME + 1]; /* of HELO, fit for a field; "" before */
	bool esmtp;                  /* that was EHLO */
	bool pipelining;             /* has been announced */
	bool tls;
	bool deferred;            /* some reply was a temporary failure */
	char user[SASL_PAIR + 1]; /* who is logged in, or "" */
	unsigned failed;          /* logins */
	struct mailing mailing;
	unsigned errors, refusals;
	struct commandline line;
	struct command command;
	struct sasl sasl;
	enum smtpd_event asked; /* the event that waits for an answer */
	struct buf out;         /* replies: take them and reset */
};

/* Starts the dialogue; out has the greeting. config is borrowed. */
void smtpd_begin(struct smtpd *s, const struct smtpd_config *config);
/* Takes a command or a piece of a message out of the n octets at in; n may be
 * 0. Returns how many were taken; all at SMTPD_MORE. Call it again with the
 * rest, and wait for input only after SMTPD_MORE. */
size_t
smtpd_take(struct smtpd *s, const char *in, size_t n, enum smtpd_event *event);
/* Answers an event with "250 2.1.5 text", without line end; the code says what
 * becomes of the transaction, of a login or of TLS. */
void smtpd_answer(struct smtpd *s, const char *reply);
/* The client's octets are deciphered from here on: all that was said before is
 * forgotten (RFC 3207 4.2), its errors excepted. */
void smtpd_secure(struct smtpd *s);
/* Octets that are no command are awaited, or more chunks. */
bool smtpd_in_message(const struct smtpd *s);
/* Between commands: nothing of a command or message has come. */
bool smtpd_idle(const struct smtpd *s);
void smtpd_free(struct smtpd *s);

#endif
