/* An SMTP client's connection: the engine over a dialled wire, and how long its
 * server may still be silent. */
#ifndef CONTACT_H
#define CONTACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "dial.h"
#include "smtp.h"

#define CONTACT_BLOCK 65536 /* octets of output that are enough for once */

/* All zero while there is none, but no_chunks. */
struct contact {
	bool no_chunks; /* are sent: a server that offered them knew none */
	struct dial *dial;
	struct smtp *smtp;
	bool lost, silent;
	bool more; /* may have come already */
	uint64_t replies;
	int64_t since; /* when it last moved on */
};

/* Connects, and greets there with options' hostname; with trace the dialogue's
 * lines are added. 0, or -1 as dial_open says. */
int contact_open(struct contact *k, struct url *place,
    const struct dial_options *options, bool lmtp, struct buf *trace,
    struct reply *why, int *exit_code);
void contact_close(struct contact *k);
/* It is given up; nothing is sent or received any more. */
void contact_lose(struct contact *k, const char *why);
/* Takes in what the server has sent, up to a bound. */
void contact_receive(struct contact *k);
/* Sends what there is, as far as the kernel takes it. */
void contact_flush(struct contact *k);
bool contact_is_full(const struct contact *k);
/* To be called when all events are taken: a server that answers moves on. */
void contact_took_all(struct contact *k);
/* Milliseconds until the server has been silent for too long: idle seconds,
 * unless that is 0, else the protocol's time or that of options; CONN_FOREVER
 * where nothing is awaited. */
int64_t contact_left(
    const struct contact *k, const struct dial_options *options, unsigned idle);

#endif
