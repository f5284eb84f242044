/* The durable queue (FORMATS 1, mailpipe-queue(5)): its folder, and adding a
 * message. entry.h reads and works on what is there. */
#ifndef QUEUE_H
#define QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "atomic.h"
#include "buf.h"
#include "envelope.h"
#include "qname.h"

#define QUEUE_LIFE 432000 /* seconds: five days */
#define QUEUE_TEXT 120    /* of a recipient's last reply */

struct queue {
	int dir, tmp, queue, dead, corrupt; /* the last two -1 until needed */
	int lock;                           /* -1 until queue_locks */
};

/* $MAILPIPE_SPOOL, else root's or the user's own folder. */
void queue_default_path(struct buf *out);
/* Opens DIR, or the default where path is NULL (the user's own with its
 * parents). With create: made 0700 when its parent exists, as is what is
 * missing in it. Without, a missing folder is ENOENT. As root the process
 * becomes the folder's owner first (EPERM where that fails). 0, or -1 with
 * errno. */
int queue_open(struct queue *q, const char *path, bool create);
void queue_close(struct queue *q);
/* Opens SPOOL/lock; before any transport is started, which inherits it. */
int queue_locks(struct queue *q);
/* dead/ and corrupt/, made if missing (dead/ with create only): a descriptor,
 * or -1 with errno. */
int queue_dead(struct queue *q, bool create);
int queue_corrupt(struct queue *q);
/* Moves queue/FILE to corrupt/, under another name if that one is taken. */
int queue_set_aside(struct queue *q, const char *file);

/* --- adding: begin, write..., commit or abort --- */
struct queue_add {
	struct queue *q;
	struct atomic file;
	uint64_t size;   /* octets written by queue_write so far */
	uint64_t offset; /* where the message starts */
	char id[QNAME_ID];
	time_t due;
	bool held;
	struct buf room; /* output not yet written */
};

struct queue_options {
	time_t due;    /* 0: now */
	uint64_t life; /* seconds from due; 0: QUEUE_LIFE */
	bool held;
	const char *mail_id; /* NULL: the queue's own ID */
	const char *origin;  /* "192.0.2.1 esmtp mail.example.net", or NULL */
};

/* 0, or -1 with errno: EINVAL for an envelope without recipients or with an
 * address or parameter that is none. */
int queue_begin(struct queue *q, struct queue_add *a, const struct envelope *e,
    const struct queue_options *o);
/* 0, or -1 with errno; then abort. */
int queue_write(struct queue_add *a, const void *data, size_t n);
/* On 0 the message is durable and a->id is its name for life. On -1 with
 * errno nothing is left of it. */
int queue_commit(struct queue_add *a);
/* Fine after a failed begin or commit. */
void queue_abort(struct queue_add *a);

#endif
