/* One message into the mailboxes of its recipients: resolve all, stage all,
 * then commit all. What mbox-deliver and smtp-recv's own delivery are. */
#ifndef DELIVER_H
#define DELIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "envelope.h"
#include "mailboxes.h"

struct delivery; /* opaque: the targets with their staged files */

struct deliver_options {
	const char *sender;	/* for Return-Path and From_; NULL: bare */
	const char *mail_id;	/* handed to programs and forwards */
	const char *spool;	/* for forwards; NULL: the default */
	bool become_owner;	/* as root: of each target */
	bool allow_program;
};

/* Starts from explicit targets or a table's answers: one call of
 * deliver_target each, then write, then commit or abort. */
struct delivery *deliver_begin(const struct deliver_options *o);
/* Adds a target and stages it; rcpt (NULL for bare) is its Delivered-To. 0, or
 * an exit code with the reason in deliver_reason(). */
int deliver_target(struct delivery *d, const struct mailbox *m,
    const char *rcpt);
/* Message octets, LF line ends. trace comes before the message but after
 * Return-Path and Delivered-To and may be empty ("Received: ..."); it is
 * written first. 0 or an exit code. */
int deliver_write(struct delivery *d, const void *data, size_t n);
/* Makes all durable and visible. 0, or an exit code and the reason; after a
 * failure the delivery is aborted. Frees d in every case. */
int deliver_commit(struct delivery *d, char *reason, size_t size);
void deliver_abort(struct delivery *d);
const char *deliver_reason(const struct delivery *d);

#endif
