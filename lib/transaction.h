/* Mail transactions of one session, one after the other: from MAIL over its
 * recipients to the hand-over of the message, each with a line in the log. */
#ifndef TRANSACTION_H
#define TRANSACTION_H

#include <stdbool.h>

#include "accept.h"
#include "handover.h"
#include "peer.h"
#include "smtpd.h"
#include "supply.h"

#define TRANSACTION_RCPTS 1000 /* no session may allow more recipients */

struct transaction {
	/* Borrowed, and set by the caller, as are handover.queue and
	 * handover.starter; all else starts as zero. */
	struct smtpd *smtpd;
	const struct accept *accept;
	const struct peer *peer;
	const char *hostname;
	const char *version, *cipher; /* of TLS, while it is on */
	enum handover_kind sink;
	bool rcpt_check; /* the starter is asked about local recipients */

	struct handover handover;
	bool open; /* the hand-over of message id has begun */
	char id[21];
	struct envelope envelope;
	struct mailbox targets[TRANSACTION_RCPTS]; /* of our own mailboxes */
	/* LMTP: whose place in the envelope each accepted RCPT has, and of
	 * each such the first digit of its reply, or 0. */
	unsigned short place[TRANSACTION_RCPTS];
	char verdicts[TRANSACTION_RCPTS];
	struct handover_message message;
	struct supply supply; /* of a submission */
	struct buf trace, origin, env, params;
	char protocol[16];
};

/* Does what an event of smtpd asks for, and answers it there. True when a
 * message was taken over. */
bool transaction_handle(struct transaction *t, enum smtpd_event event);
/* Gives up what is not handed over, and frees. */
void transaction_end(struct transaction *t);

#endif
