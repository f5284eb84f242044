/* What a server does with a message it has received (DESIGN 3): hands it to a
 * command, into the queue, or into mailboxes of its own table. Sequence: begin,
 * write..., commit or abort; without commit nothing is delivered and nothing is
 * left behind. Where recipients have verdicts of their own (RFC 2033), instead
 * of commit: end, give for each, abort. */
#ifndef HANDOVER_H
#define HANDOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "deliver.h"
#include "envelope.h"
#include "mailboxes.h"
#include "queue.h"
#include "reply.h"
#include "starter.h"

#define HANDOVER_TEXT REPLY_CHOSEN
#define HANDOVER_ENV 16

enum handover_kind { HANDOVER_COMMAND, HANDOVER_QUEUE, HANDOVER_MAILBOXES };

/* All of it is borrowed until commit or abort. */
struct handover_message {
	const char *mail_id;
	const char *trace; /* fields for the top, LF ended */
	const struct envelope *envelope;
	const struct mailbox *targets; /* one a recipient: HANDOVER_MAILBOXES */
	bool each; /* end and give will follow; not for HANDOVER_QUEUE */
	const char *env[HANDOVER_ENV]; /* "NAME=value", NULL-ended; MAIL_ID and
					  MAIL_SIZE are added */
	const char *origin;            /* as in queue_options */
};

struct handover {
	struct starter *starter; /* for HANDOVER_COMMAND */
	struct queue *queue;     /* for HANDOVER_QUEUE */

	/* The reply to the client, without line end, after a failure of begin
	 * or write and after commit; and what the log should know: the reason
	 * of a failure, else the queue's id, or "". */
	char reply[HANDOVER_TEXT];
	char note[HANDOVER_TEXT];

	enum handover_kind kind;
	const struct handover_message *message;
	struct buf room; /* of scratch: not yet written */
	uint64_t size;
	int scratch;
	struct queue_add add;
	struct delivery *delivery;
};

/* All but give: 0, or -1, and then there is nothing to abort. */
int handover_begin(struct handover *h, enum handover_kind kind,
    const struct handover_message *m);
/* Octets of the message, LF line ends; the first call has its whole first
 * line, or 1,000 octets of it. */
int handover_write(struct handover *h, const void *data, size_t n);
/* On 0 someone else is responsible, durably, and reply is a 250. */
int handover_commit(struct handover *h);
int handover_end(struct handover *h);
/* The same for one recipient; on -1 the others may still be served. */
int handover_give(struct handover *h, size_t rcpt);
void handover_abort(struct handover *h);

#endif
