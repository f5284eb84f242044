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
	struct envelope envelope; /* checked; -t adds to it */
	struct queue_options options;
	bool collect;         /* -t: recipients from the header too */
	bool in_transit;      /* never altered */
	bool supply;          /* Date, Message-ID and From if missing */
	const char *name;     /* for that From, or NULL */
	const char *notify;   /* parameters of recipients found by -t, or "" */
	const char *hostname; /* for that Message-ID */
	bool allow_empty;
	uint64_t size; /* octets that must come, or SUBMIT_ANY */
};

/* Reads fd to its end. 0, the message is durable and id set; else an exit
 * code, nothing is left of it, and why has the reason (for 69 it begins with
 * the SMTP reply). */
int submit(struct queue *q, struct submission *s, int fd, char id[QNAME_ID],
    struct buf *why);

#endif
