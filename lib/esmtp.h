/* Service extensions of SMTP (RFC 5321 2.2): which of them a server offered,
 * and the parameters of MAIL and RCPT that go with them. */
#ifndef ESMTP_H
#define ESMTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "batch.h"
#include "buf.h"

enum esmtp {
	ESMTP_PIPELINING = 1,
	ESMTP_SIZE = 2,
	ESMTP_8BITMIME = 4,
	ESMTP_DSN = 8,
	ESMTP_SMTPUTF8 = 16,
	ESMTP_CHUNKING = 32
};

/* What a server offered, and its limits, 0 for none: octets of a message (RFC
 * 1870), messages on a connection, recipients of a message and their domains
 * (RFC 9422). */
struct esmtp_offer {
	int extensions; /* enum esmtp */
	uint64_t size, mails, rcpts, domains;
};

/* Takes in a line of the answer to EHLO; its first one names the server, and
 * is not to be given. */
void esmtp_offer(struct esmtp_offer *o, const char *line, size_t n);

/* A message with its envelope. */
struct smtp_message {
	const struct batch_path *sender;
	const struct batch_path *rcpts;
	size_t n;
	uint64_t size; /* octets on the wire, before dot-stuffing */
	bool eightbit;
};

/* Adds the command without its line end. A path's own parameters stay where
 * their extension was offered; SIZE, BODY and, where an address needs it, or
 * the message says it does and has 8-bit octets, SMTPUTF8 are made here. */
void esmtp_mail(int offered, const struct smtp_message *m, struct buf *line);
void esmtp_rcpt(int offered, const struct batch_path *rcpt, struct buf *line);
/* Whether the path can be said where that was offered (RFC 6531 3.2), and
 * whether a message with that sender and 8-bit octets in its header can. */
bool esmtp_takes(int offered, const struct batch_path *path);
bool esmtp_takes_header(int offered, const struct batch_path *sender);

#endif
