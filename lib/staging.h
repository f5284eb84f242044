/* The copies of one message: the body is written once, then a copy for each
 * target is staged, where all that can fail fails, then all are published.
 * Sequence: init, add..., open, write..., prepare, publish or undo, free. */
#ifndef STAGING_H
#define STAGING_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "atomic.h"
#include "buf.h"
#include "forward.h"
#include "maildir.h"
#include "target.h"

struct staging {
	/* As in deliver_options; borrowed. */
	const char *sender, *mail_id, *spool;
	bool create;

	struct target *targets;
	size_t n;
	int group;   /* whose targets this process handles */
	int body;    /* the file that holds the message, or -1 */
	off_t start; /* where in it begins what all targets share */
	bool direct; /* it is the first target's own, and will be its copy */
	struct maildir box; /* of the first target while it may be direct */
	struct atomic file; /* in it */
	struct forward forward;
	int code; /* the first failure and its reason */
	struct buf reason;
};

/* For all groups; the options are set by the caller. */
void staging_init(struct staging *s);
/* What failed; each returns the exit code, trouble 75 with errno's text. */
int __attribute__((format(printf, 3, 4)))
staging_fail(struct staging *s, int code, const char *fmt, ...);
int staging_trouble(struct staging *s, const char *action, const char *object);

/* All below: 0 or an exit code. */
struct target *
staging_add(struct staging *s, const struct mailbox *m, const char *rcpt);
/* Whether a target is there and fit. */
int staging_look(struct staging *s, const struct target *t);
/* Makes the file of the body, the only target's own if it is a maildir and
 * apart is false. */
int staging_open(struct staging *s, bool apart);
int staging_write(struct staging *s, const void *data, size_t n);
/* Both only for the targets of the group. prepare leaves files in tmp that no
 * signal handler knows, so signals should wait; likeliest failures of publish
 * come first. */
int staging_prepare(struct staging *s);
int staging_publish(struct staging *s);
/* Takes back what was prepared and not published. */
void staging_undo(struct staging *s);
void staging_free(struct staging *s);

#endif
