/* The client of SMTP and LMTP (RFC 5321, 2033, 2920, 3030), pure:
 * the server's octets in, events and our octets out. Where chunks are offered
 * messages go out back to back, up to SMTP_WINDOW of them unanswered; else the
 * end of one goes out with the next envelope.
 *
 * Give it what was received (smtp_input, smtp_lost), take events until there
 * is none (smtp_next), begin a message when it wants one, then write its
 * output and tell how much the kernel took (smtp_written): a reply to what was
 * not yet sent ends the connection, and a message is unsure only once its last
 * octet was handed over.
 *
 * Who is refused with 452 or 552 behind a recipient that is accepted may be one
 * too many for this transaction: put off, for another message. A mailbox that
 * is full, by the enhanced code, has its result here. */
#ifndef SMTP_H
#define SMTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "batch.h"
#include "buf.h"
#include "esmtp.h"
#include "reply.h"

#define SMTP_WINDOW 64

struct smtp; /* opaque */

struct smtp_options {
	bool lmtp;
	bool greeting;        /* the server's greeting is still to come */
	bool no_chunks;       /* CHUNKING is not used, offered or not */
	const char *hostname; /* for EHLO, HELO or LHLO; copied */
	struct buf *trace;    /* the dialogue's lines are added, or NULL */
	/* What an EHLO before ours was answered, or NULL. It counts only for a
	 * server that takes no second one (503). */
	const struct esmtp_offer *before;
};

enum smtp_kind {
	SMTP_NONE,   /* nothing more before the next input */
	SMTP_BODY,   /* its text may be sent: smtp_body now */
	SMTP_RESULT, /* rcpt, fate and reply */
	SMTP_DONE,   /* the message's last event: all have their results, but
			who was put off */
	SMTP_AGAIN,  /* its last event too: those without a result were never
			handed over, reply says why */
	SMTP_OVER    /* nothing more on this connection, reply says why */
};

struct smtp_event {
	enum smtp_kind kind;
	const struct smtp_message *message;
	size_t rcpt;
	enum batch_fate fate;
	const struct reply *reply; /* until the next call; code 0: our words */
};

struct smtp *smtp_open(const struct smtp_options *o);
void smtp_close(struct smtp *s);

void smtp_input(struct smtp *s, const char *data, size_t n);
/* The connection is gone, or is given up, and why; what was received before
 * still counts. */
void smtp_lost(struct smtp *s, const char *why);
void smtp_next(struct smtp *s, struct smtp_event *e);

/* Whether a message may be begun: after EHLO was answered, and whenever no
 * other one's envelope or body is under way, be that one answered or not. */
bool smtp_wants(const struct smtp *s);
/* Whether the server takes no further one on this connection (RFC 9422). */
bool smtp_is_spent(const struct smtp *s);
/* Whether the server offered chunks and knew none: what ended with SMTP_AGAIN
 * is not to blame, and is to go over a connection without them. */
bool smtp_lacks_chunks(const struct smtp *s);
/* What the server offered, once smtp_wants. */
const struct esmtp_offer *smtp_offer(const struct smtp *s);
/* The message is the caller's, and stays as it is, until its last event. */
void smtp_begin(struct smtp *s, const struct smtp_message *m);
/* After SMTP_BODY: octets of the message with LF or CRLF line ends, without
 * NUL and bare CR; then its end. False: they are not as many as it said, and
 * the connection must be lost now. */
bool smtp_body(struct smtp *s, const char *data, size_t n);
bool smtp_body_end(struct smtp *s);
/* When all are answered; SMTP_OVER follows with the reply or the loss. */
void smtp_quit(struct smtp *s);

/* What is to be written, and that n octets of it were. */
const struct buf *smtp_output(const struct smtp *s);
void smtp_written(struct smtp *s, size_t n);
/* How long to wait for the next reply or for room to write, in seconds (RFC
 * 5321 4.5.3.2); 0 when nothing is awaited. */
unsigned smtp_seconds(const struct smtp *s);
/* Whole replies taken so far: a server that answers moves on. */
uint64_t smtp_replies(const struct smtp *s);
/* The first message that was begun and has not had its last event, or NULL. */
const struct smtp_message *smtp_oldest(const struct smtp *s);

#endif
