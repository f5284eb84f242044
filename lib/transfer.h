/* Messages in transfer: mail transactions from the client's side (RFC 5321
 * 3.3), how far each envelope is, and which of its recipients are still without
 * a result. */
#ifndef TRANSFER_H
#define TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "crlf.h"
#include "esmtp.h"
#include "pipeline.h"
#include "reply.h"

enum rcpt_state { PENDING, ACCEPTED, FINISHED };

struct transfer {
	struct transfer *next;
	const struct smtp_message *m;
	size_t step;      /* of its envelope: 0 MAIL, 1..n RCPT, n + 1 DATA */
	size_t accepted;  /* recipients that wait for the end of data */
	bool mail_failed; /* so that nothing is left to be reset */
	bool chunk;       /* its data are one, of m->size octets */
	bool answered;    /* whatever is still sent of it */
	struct crlf_wire wire;
	uint64_t sized; /* octets of data so far, without stuffing and end */
	uint64_t end;   /* of its data, in octets sent; 0: not yet */
	size_t given;   /* recipients that transfer_give has passed */
	unsigned char rcpt[]; /* enum rcpt_state */
};

/* Those begun and not done, in order. Start from {0}. */
struct transfers {
	struct transfer *first, *last;
	size_t n;
};

struct transfer *
transfer_add(struct transfers *all, const struct smtp_message *m);
void transfer_remove(struct transfers *all, struct transfer *t);

/* The next command of the envelope, without its line end: MAIL, one RCPT for
 * each recipient (whose number is *rcpt), DATA or, where chunks are offered,
 * BDAT, whose verb is END and whose data follow at once. */
bool transfer_has_more(const struct transfer *t);
enum verb transfer_command(
    struct transfer *t, int offered, struct buf *line, size_t *rcpt);
/* Octets of the message to the wire, and their end. False: there are more or
 * fewer than was said. */
void transfer_body_begin(struct transfer *t);
bool
transfer_body(struct transfer *t, const char *data, size_t n, struct buf *out);
bool transfer_body_end(struct transfer *t, struct buf *out);
/* A recipient's reply to RCPT. False when it is refused, which is then its
 * result; who is put off has none here. Not to be asked after transfer_give. */
bool transfer_rcpt(struct transfer *t, size_t rcpt, const struct reply *r);
/* What a reply makes of those it is for. */
enum batch_fate transfer_fate(const struct reply *r);
/* An accepted recipient without a result, who then has one. */
size_t transfer_next(struct transfer *t);
/* Finds a recipient without a result, who then has one. False when none is
 * left. */
bool transfer_give(struct transfer *t, size_t *rcpt);

#endif
