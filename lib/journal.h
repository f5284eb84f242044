/* A text file of lines that is only added to: locked by its one user, read
 * when it is opened, made durable by a barrier, replaced by rename. Its first
 * lines, the head, say what it is for; without them it is another's. */
#ifndef JOURNAL_H
#define JOURNAL_H

#include <stddef.h>

#include "buf.h"

struct journal {
	int fd;
	char *path;
	struct buf head; /* set before journal_open */
	struct buf out;  /* lines not yet written: add to it */
};

/* Adds "NAME VALUE" to the head: control bytes and % become %XX. */
void journal_describe(struct journal *j, const char *name, const char *value);
/* Opens and locks path, which it copies, making the folders above it (0700) and
 * the file as needed, and hands over each line without its LF. One at the end
 * that was cut while it was written goes. 0, or -1 with errno: EAGAIN another
 * has it, EBADMSG it is no such journal; then journal_close. */
int journal_open(struct journal *j, const char *path,
    void (*line)(void *arg, const char *s, size_t n), void *arg);
/* Writes out; nothing of it stays in the file where that fails. sync makes all
 * of the file durable. 0, or -1 with errno. */
int journal_write(struct journal *j);
int journal_sync(struct journal *j);
/* The file is these lines from now on, out is dropped. 0, or -1 with errno:
 * nothing changed, except when only the barrier failed. */
int journal_replace(struct journal *j, const struct buf *lines);
/* Writes out, without a barrier, and frees. 0, or -1 with errno. */
int journal_close(struct journal *j);

#endif
