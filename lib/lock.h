/* Locks that end with their holder: F_OFD_SETLK, never a file left behind. */
#ifndef LOCK_H
#define LOCK_H

#include <stdbool.h>
#include <sys/types.h>

/* Locks one byte of fd for writing, or 0 octets from 0 for all of the file.
 * 0; -1 with errno EAGAIN when another holds it. */
int lock_try(int fd, off_t offset, off_t length);
/* The same, waiting up to seconds. */
int lock_wait(int fd, off_t offset, off_t length, unsigned seconds);
void lock_drop(int fd, off_t offset, off_t length);

/* PATH.lock beside an mbox, as its other readers and writers make it, waiting
 * up to seconds; one that is older than 5 minutes or names a dead pid of this
 * host is stale. 0, or -1 with errno (EACCES where the folder allows none). */
int lock_dot(int dirfd, const char *name, unsigned seconds);
void lock_undot(int dirfd, const char *name);

#endif
