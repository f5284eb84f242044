/* mbox, mboxrd form: "From " lines inside a message get one '>' more. */
#ifndef MBOX_H
#define MBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "buf.h"

/* Streams a message into mboxrd form: the From_ line, the quoted message, a
 * final newline if it lacks one, an empty line. */
struct mbox_quote {
	bool bol;
	struct buf held; /* the '>'s and part of "From " at a line's start */
};
void mbox_begin(struct mbox_quote *q, const char *sender, time_t t,
    struct buf *out);
void mbox_feed(struct mbox_quote *q, const char *in, size_t n,
    struct buf *out);
void mbox_end(struct mbox_quote *q, struct buf *out);

/* An mbox file open and locked for one appended message. */
struct mbox {
	int fd;
	int dir;
	char name[256];
	long long size; /* before the append, where abort goes back to */
};

/* Opens PATH, creating it 0600: a regular file with one link that the user may
 * write, never through a link, never a FIFO or device (EINVAL). Locks it (OFD
 * and dot-lock) for up to 30 s; mends a missing final newline that a killed
 * writer left, so that the next From_ line stands alone. 0, or -1 with errno
 * (EAGAIN: locked by others). */
int mbox_open(struct mbox *m, const char *path);
/* Appends what fd body holds from its offset 0, after the octets of top (the
 * trace fields), then fsync. On -1 with errno the file has its old size. */
int mbox_append(struct mbox *m, const char *sender, time_t t,
    const struct buf *top, int body);
void mbox_close(struct mbox *m);

#endif
