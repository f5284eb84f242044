/* The durable queue (FORMATS 1, mailpipe-queue(5)). */
#ifndef QUEUE_H
#define QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "atomic.h"
#include "buf.h"
#include "envelope.h"

#define QUEUE_ID 21	 /* with its NUL */
#define QUEUE_LIFE 432000 /* seconds: five days */

struct queue {
	int dir, tmp, queue, dead, corrupt;
	int lock; /* -1 until queue_locks */
};

/* -d, else $MAILPIPE_SPOOL, else root's or the user's own folder. */
void queue_default_path(struct buf *out);
/* Opens DIR. With create: made 0700 when its parent exists, as is what is
 * missing in it. Without, a missing folder is ENOENT. As root the process
 * becomes the folder's owner first (EPERM where that fails). 0, or -1 with
 * errno. */
int queue_open(struct queue *q, const char *path, bool create);
void queue_close(struct queue *q);

/* --- adding: begin, write..., commit or abort --- */
struct queue_add {
	struct queue *q;
	struct atomic file;
	uint64_t size;	  /* octets written by queue_write so far */
	uint64_t offset;  /* where the message starts */
	char id[QUEUE_ID];
	time_t due;
	bool held;
	struct buf room;  /* output not yet written */
};

struct queue_options {
	time_t due;	     /* 0: now */
	time_t expires;	     /* 0: due + QUEUE_LIFE */
	bool held;
	const char *mail_id; /* NULL: the queue's own ID */
	const char *origin;  /* "192.0.2.1 esmtp mail.example.net", or NULL */
};

int queue_begin(struct queue *q, struct queue_add *a, const struct envelope *e,
    const struct queue_options *o);
int queue_write(struct queue_add *a, const void *data, size_t n);
/* On 0 the message is durable and a->id is its name for life. */
int queue_commit(struct queue_add *a);
void queue_abort(struct queue_add *a);

/* --- what is there --- */
struct queue_name {
	long long due;
	char id[QUEUE_ID];
	char state; /* 'q' or 'h' */
};
/* "DUE.ID.S" to its parts; -1 for a foreign name. */
int queue_name_parse(const char *file, struct queue_name *n);
void queue_name_write(const struct queue_name *n, char out[64]);

struct queue_rcpt {
	char mark;	 /* . + - ! ? w */
	int code;	 /* 0: none */
	char text[121];
	char *address;
	char *params;
	off_t at;	 /* of the mark in the file */
};

struct queue_message {
	struct queue_name name;
	int fd;
	ino_t inode;
	time_t created, expires;
	unsigned tries;
	char *trace;	 /* MAIL_ID and where it came from */
	char *sender, *params;
	struct queue_rcpt *rcpts;
	size_t n;
	uint64_t offset, size;
};

/* Calls each for every message name, in no order; foreign names are passed
 * over. Stops when it returns non-zero. 0, or -1 with errno. */
int queue_each(struct queue *q,
    int (*each)(const struct queue_name *n, void *arg), void *arg);
/* Finds the current name of an ID. 0, or -1 with ENOENT. */
int queue_find(struct queue *q, const char *id, struct queue_name *n);
/* Opens and checks a message. 0; -1 with errno: EBADMSG for a corrupt one
 * (set aside with queue_corrupt), ENOENT when it is gone. */
int queue_read(struct queue *q, const struct queue_name *n,
    struct queue_message *m, bool writable);
void queue_message_free(struct queue_message *m);
int queue_corrupt(struct queue *q, const struct queue_name *n);

/* --- working on one --- */
/* Opens SPOOL/lock; before any transport is started, which inherits it. */
int queue_locks(struct queue *q);
/* Claims, then looks again: the name still gives this inode. 0; -1 with errno
 * EAGAIN (another has it), ENOENT, EBADMSG. Release with queue_unclaim. */
int queue_claim(struct queue *q, const struct queue_name *n,
    struct queue_message *m);
void queue_unclaim(struct queue *q, struct queue_message *m);
/* Overwrites mark, code and text of recipient i, durable. */
int queue_mark(struct queue_message *m, size_t i, char mark, int code,
    const char *text);
int queue_tries(struct queue_message *m, unsigned tries);
/* New due time or state by rename; m->name follows. */
int queue_rename(struct queue *q, struct queue_message *m, long long due,
    char state);
int queue_remove(struct queue *q, struct queue_message *m);
/* Moves it to dead/. */
int queue_bury(struct queue *q, struct queue_message *m);

#endif
