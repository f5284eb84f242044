/* Mail transactions of an SMTP client (RFC 5321 3.3): how far each envelope
 * is, and which of its recipients are still without a result. */
#ifndef TRANSACTION_H
#define TRANSACTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "esmtp.h"
#include "pipeline.h"

enum rcpt_state { PENDING, ACCEPTED, FINISHED };

struct transaction {
	struct transaction *next;
	const struct smtp_message *m;
	size_t step;      /* of its envelope: 0 MAIL, 1..n RCPT, n + 1 DATA */
	size_t accepted;  /* recipients that wait for the end of data */
	bool mail_failed; /* so that nothing is left to be reset */
	uint64_t end;     /* of its data, in octets sent; 0: not yet */
	size_t given;     /* recipients that transaction_give has passed */
	unsigned char rcpt[]; /* enum rcpt_state */
};

/* Those begun and not done, in order. Start from {0}. */
struct transactions {
	struct transaction *first, *last;
};

struct transaction *
transaction_add(struct transactions *all, const struct smtp_message *m);
void transaction_remove(struct transactions *all, struct transaction *t);

/* The next command of the envelope, without its line end: MAIL, one RCPT for
 * each recipient (whose number is *rcpt), DATA. */
bool transaction_has_more(const struct transaction *t);
enum verb transaction_command(
    struct transaction *t, int offered, struct buf *line, size_t *rcpt);
/* A recipient's reply to RCPT. False when it is refused, which is then its
 * result. Not to be asked after transaction_give. */
bool transaction_rcpt(struct transaction *t, size_t rcpt, int code);
/* Finds a recipient without a result, who then has one. False when none is
 * left. */
bool transaction_give(struct transaction *t, size_t *rcpt);

#endif
