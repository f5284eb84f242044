/* Maildir: one message a file, tmp then new, no locks. Held by descriptors,
 * so that a folder swapped meanwhile misleads nobody. */
#ifndef MAILDIR_H
#define MAILDIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "atomic.h"

struct maildir {
	int dir, tmp, new, cur;
};

/* Opens DIR (O_DIRECTORY; a symbolic link as the last part is followed only
 * when its owner is root or the user); with create makes DIR, when its parent
 * exists, and what is missing in it (0700). 0, or -1 with errno. */
int maildir_open(struct maildir *m, const char *path, bool create);
void maildir_close(struct maildir *m);
/* A name that no other host, process or call makes: time, micro-seconds, pid
 * and random, host ('/', ':' and ',' as \057, \072 and \054). */
void maildir_name(char out[ATOMIC_NAME]);
/* atomic_begin in tmp with such a name, mode 0600. The first one in each hour
 * sweeps tmp. */
int maildir_begin(struct maildir *m, struct atomic *a);
/* atomic_commit into new, under the temporary name and suffix (",U=7", ""). */
int maildir_commit(struct maildir *m, struct atomic *a, const char *suffix);

/* What is there: regular files of new and cur whose names do not start with a
 * dot, sorted by name. */
struct maildir_entry {
	char *name;
	bool in_new;
};
int maildir_list(struct maildir *m, struct maildir_entry **list, size_t *n);
/* The entry named base, of len octets, alone or before a colon and flags; NULL
 * when none is, and *alone false when several are. */
const struct maildir_entry *maildir_find(const struct maildir_entry *list,
    size_t n, const char *base, size_t len, bool *alone);
void maildir_list_free(struct maildir_entry *list, size_t n);

#endif
