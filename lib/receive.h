/* One SMTP session with a client: the dialogue, TLS and logins, whom it may
 * write to, and the hand-over of its messages, with limits of time and a line
 * in the log for each message and refusal. */
#ifndef RECEIVE_H
#define RECEIVE_H

#include <stdbool.h>

#include "accept.h"
#include "handover.h"
#include "peer.h"
#include "queue.h"
#include "smtpd.h"
#include "starter.h"
#include "transaction.h"

/* All is borrowed. */
struct receive {
	struct smtpd_config smtp; /* sync and starttls are found out; max_rcpts
				     is at most TRANSACTION_RCPTS */
	int tls;       /* starttls_open's; -1: no TLS. Closed once it is on */
	bool implicit; /* TLS begins before the greeting */
	struct accept accept;
	struct peer peer;
	enum handover_kind sink;
	struct queue *queue;     /* for HANDOVER_QUEUE */
	struct starter *starter; /* for HANDOVER_COMMAND, for programs among
				    the mailboxes, for logins and for: */
	bool rcpt_check;         /* it is asked about local recipients */
	unsigned timeout;        /* seconds, for each command */
	bool verbose;            /* the dialogue through log_error */
};

/* A session, one at a time in a process. Returns at QUIT, end of file, or what
 * ended it; true: the client said QUIT, there was no TLS, and nothing was put
 * off that another process might have done, so that this one may serve another
 * session without --auth. SIGTERM ends it with 421: at once between commands,
 * in a message after that, or, when it takes over 30 s more, with status 75 and
 * nothing left behind. */
bool receive_session(const struct receive *r, int in, int out);

#endif
