/* Messages in transfer: mail transactions from the client's side (RFC 5321
 * 3.3), how far each envelope is, and which of its recipients are still without
 * a result. */
#ifndef TRANSFER_H
#define TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "esmtp.h"
#include "pipeline.h"

enum rcpt_state { PENDING, ACCEPTED, FINISHED };

struct transfer {
	struct transfer *next;
	const struct smtp_message *m;
	size_t step;      /* of its envelope: 0 MAIL, 1..n RCPT, n + 1 DATA */
	size_t accepted;  /* recipients that wait for the end of data */
	bool mail_failed; /* so that nothing is left to be reset */
	uint64_t end;     /* of its data, in octets sent; 0: not yet */
	size_t given;     /* recipients that transfer_give has passed */
	unsigned char rcpt[]; /* enum rcpt_state */
};

/* Those begun and not done, in order. Start from {0}. */
struct transfers {
	struct transfer *first, *last;
};

struct transfer *
transfer_add(struct transfers *all, const struct smtp_message *m);
void transfer_remove(struct transfers *all, struct transfer *t);

/* The next command of the envelope, without its line end: MAIL, one RCPT for
 * each recipient (whose number is *rcpt), DATA. */
bool transfer_has_more(const struct transfer *t);
enum verb transfer_command(
    struct transfer *t, int offered, struct buf *line, size_t *rcpt);
/* A recipient's reply to RCPT. False when it is refused, which is then its
 * result. Not to be asked after transfer_give. */
bool transfer_rcpt(struct transfer *t, size_t rcpt, int code);
/* Finds a recipient without a result, who then has one. False when none is
 * left. */
bool transfer_give(struct transfer *t, size_t *rcpt);

#endif
