/* mbox, mboxrd form: "From " lines inside a message get one '>' more. */
#ifndef MBOX_H
#define MBOX_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "buf.h"

/* Streams a message into mboxrd form: the From_ line, the quoted message, a
 * final newline if it lacks one, an empty line. */
struct mbox_quote {
	bool bol;         /* the last octet was a newline, or there is none */
	bool start;       /* only '>'s and the matched part so far in a line */
	unsigned matched; /* octets of "From " held back */
};
void
mbox_begin(struct mbox_quote *q, const char *sender, time_t t, struct buf *out);
void mbox_feed(struct mbox_quote *q, const char *in, size_t n, struct buf *out);
void mbox_end(struct mbox_quote *q, struct buf *out);

/* An mbox file open and locked for one appended message. */
struct mbox {
	int fd;
	int dir;
	char name[256];
	long long size;   /* before the append, where a failure goes back to */
	bool dotted;      /* PATH.lock is ours */
	sigset_t signals; /* SIGTERM, SIGINT, SIGHUP wait for mbox_close */
};

/* Opens PATH, creating it 0600: a regular file with one link that the user may
 * write, never through a link, never a FIFO or device (EINVAL). Locks it
 * (dot-lock where the folder allows one, then OFD) for up to 30 s each. 0, or
 * -1 with errno (EAGAIN: locked by others). */
int mbox_open(struct mbox *m, const char *path);
/* Whether mbox_open would refuse what is at PATH now (or its folder): nothing
 * is opened, made or locked. */
int mbox_check(const char *path);
/* Appends what fd body holds from its offset 0, after the octets of top (the
 * trace fields; NULL for none), then fsync. Where a killed writer left no empty
 * line at the end, it is added first, so that the next From_ line stands alone.
 * On -1 with errno the file has its old size. */
int mbox_append(struct mbox *m, const char *sender, time_t t,
    const struct buf *top, int body);
void mbox_close(struct mbox *m);

#endif
