/* A durable file: nothing of it is seen before atomic_commit, and after that
 * it survives a power cut. Sequence: begin, write..., commit or abort.
 * A killed program leaves at most a file in the temporary folder; SIGTERM
 * leaves none where atomic_on_term() was called. */
#ifndef ATOMIC_H
#define ATOMIC_H

#include <signal.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

#include "buf.h"

#define ATOMIC_NAME 256

struct atomic {
	int fd;     /* of the new file, read and write; -1 when there is none */
	int tmpdir; /* borrowed; stays open until commit or abort */
	size_t slot; /* where the signal handler finds it */
	char tmpname[ATOMIC_NAME];
};

/* Creates tmpdir/name (O_EXCL, O_NOFOLLOW). 0, or -1 with errno. */
int atomic_begin(struct atomic *a, int tmpdir, const char *name, mode_t mode);
/* All n octets, or -1 with errno. The file offset is that of the last write. */
int atomic_write(struct atomic *a, const void *data, size_t n);
/* The same, but what is little gathers in room first; spill writes what is
 * there. */
int
atomic_gather(struct atomic *a, struct buf *room, const void *data, size_t n);
int atomic_spill(struct atomic *a, struct buf *room);
/* fsync, close, rename to dir/name (EEXIST if it is there), fsync dir. On -1
 * with errno nothing is visible and the file is aborted. */
int atomic_commit(struct atomic *a, int dir, const char *name);
/* The two halves of commit, for several files that become visible together:
 * sync all, then link all; a failed link still leaves what was linked. A failed
 * sync aborts nothing, a failed link its own file. */
int atomic_sync(struct atomic *a);
int atomic_link(struct atomic *a, int dir, const char *name);
/* atomic_link without the fsync of dir, for many files in one dir: durable
 * only once the caller has synced dir. */
int atomic_place(struct atomic *a, int dir, const char *name);
/* For many files at once: aside closes a synced file and keeps its name in
 * tmpdir, without a hold on tmpdir and without SIGTERM's care; take opens it
 * again, for link or abort. 0, or -1 with errno. */
void atomic_aside(struct atomic *a);
int atomic_take(struct atomic *a, int tmpdir, const char *name);
/* Removes the temporary name and closes; fine when there is none. */
void atomic_abort(struct atomic *a);
/* From here on SIGTERM, SIGINT and SIGHUP remove what is uncommitted and exit
 * with 75. */
void atomic_on_term(void);
/* Blocks these: behind a commit they would make a message that is safe look as
 * if it were not. old is for sigprocmask. */
void atomic_hold(sigset_t *old);
/* Makes the name of a folder that was just made durable; of one whose parent
 * may not be read nothing is asked. 0, or -1 with errno. */
int atomic_sync_parent(const char *path);
/* Makes what is missing of the folders above the path's last slash, 0700 and
 * durable. 0, or -1 with errno. */
int atomic_make_parents(char *path);
/* An unlinked file in $TMPDIR or /tmp, or -1 with errno. */
int atomic_scratch(void);
/* Removes regular files in dir that are older than 36 hours. */
void atomic_sweep(int dir, time_t now);

#endif
