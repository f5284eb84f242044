/* One message into the mailboxes of its recipients: resolve all, stage all,
 * then commit all. What mbox-deliver and smtp-recv's own delivery are made of.
 *
 * Sequence: begin, target for each recipient, write..., commit, end; end alone
 * aborts. Everything handed over is borrowed until end, except the mailboxes
 * and recipients of deliver_target, which are copied. SIGPIPE and SIGXFSZ are
 * for the program to ignore. */
#ifndef DELIVER_H
#define DELIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "envelope.h"
#include "mailboxes.h"

struct delivery; /* opaque: the targets with their staged files */

struct deliver_options {
	const char *sender;  /* for Return-Path and From_, "" is <>; NULL: bare,
				nothing is added on top */
	const char *trace;   /* fields that come after Return-Path and
				Delivered-To, LF ended ("Received: ..."), or
				NULL */
	const char *mail_id; /* for programs and forwards; NULL: a new one */
	const char *const *env; /* for programs, besides MAIL_ID and MAIL_SIZE:
				   "NAME=value"..., NULL-ended; NULL: none */
	const char *spool;      /* for forwards; NULL: the default */
	bool become_owner;  /* as root: where all targets have one owner, the
			       process becomes that for good, else a child for
			       each; without it root serves only root's */
	bool create;        /* a maildir that is missing, in a folder that is
			       there; as root, an mbox in any folder */
	bool allow_program; /* else a program is 75 */
	bool last; /* the program ends behind it: no signal comes in between */
};

struct delivery *deliver_begin(const struct deliver_options *o);
/* Adds a target; rcpt (NULL for bare) is its Delivered-To. It is looked at (as
 * root only at the first write), nothing is made yet. A program must be the
 * only target. 0, or an exit code. */
int
deliver_target(struct delivery *d, const struct mailbox *m, const char *rcpt);
/* Octets of the message with LF line ends, in pieces of any size: a single
 * maildir gets them straight into its file. 0 or an exit code; 69 once the
 * header shows a loop: a Delivered-To of one of the recipients, or over 100
 * hops. */
int deliver_write(struct delivery *d, const void *data, size_t n);
/* Makes all durable and visible; a program is run here. 0, or an exit code:
 * then nothing is visible, except what was appended to an mbox, forwarded or
 * left to another owner's child before a later one failed. */
int deliver_commit(struct delivery *d);
/* Aborts what is not committed and frees; NULL is fine. */
void deliver_end(struct delivery *d);

/* After an exit code: the reason, without the program's name: "open DIR: No
 * such file or directory". Valid until deliver_end. */
const char *deliver_reason(struct delivery *d);
/* The reply that a handler's caller takes from stdout: "554 5.4.6 ..." or a
 * program's first line; "" for none. Without line end. */
const char *deliver_reply(struct delivery *d);

#endif
