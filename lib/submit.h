/* A message enters the queue from a descriptor: what `spool add' and
 * `sendmail' have in common. */
#ifndef SUBMIT_H
#define SUBMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "envelope.h"
#include "queue.h"

#define SUBMIT_ANY UINT64_MAX

struct submission {
	struct envelope envelope; /* by submit_envelope; -t adds to it */
	struct queue_options options;
	bool collect;      /* -t: recipients from the header too */
	bool in_transit;   /* by submit_envelope; never altered */
	bool supply;       /* Date, Message-ID and From if missing */
	const char *name;  /* for that From, or NULL */
	struct buf params; /* of MAIL, and of each RCPT: lib/dsn.h */
	struct buf wishes;
	bool allow_empty;
	uint64_t size; /* octets that must come, or SUBMIT_ANY */
};

/* The envelope from the command line: sender as -f gives it, or NULL for the
 * default; rcpts end with NULL. With MAIL_ID in the environment the mail is in
 * transit and its addresses stay as they are. 0; else an exit code, and why has
 * the reason. */
int submit_envelope(struct submission *s, const char *sender,
    char *const rcpts[], struct buf *why);
/* Reads fd to its end, and logs. 0, the message is durable and id set: signals
 * that end a program are held from then on, and nothing is to fail. Else an
 * exit code, nothing is left of it, and why has the reason (for 69 it begins
 * with the SMTP reply). */
int submit(struct queue *q, struct submission *s, int fd, char id[QNAME_ID],
    struct buf *why);

#endif
