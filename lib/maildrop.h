/* A maildir as POP3 sees it (RFC 1939): numbered messages with their octets
 * and unique-ids, marks, and the update that removes what is marked. */
#ifndef MAILDROP_H
#define MAILDROP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "maildir.h"

struct maildrop_message {
	const struct maildir_entry *file;
	const char *uid; /* after maildrop_name */
	uint64_t octets; /* with CRLF, dots not doubled; after _measure */
	unsigned char uid_len;
	bool measured, marked;
	bool gone; /* it could not be read */
};

struct maildrop {
	struct maildir box;
	struct maildir_entry *files;
	size_t n_files;
	struct maildrop_message *messages;
	size_t n;
	bool named;
	/* as it is now, listed again for what another program moved */
	struct maildir_entry *again;
	size_t n_again;
	struct timespec stamp[2]; /* of new and cur before that */
	uint64_t removed;         /* by maildrop_update */
};

/* Opens DIR; as root the process becomes its owner first. 0, or -1 with errno.
 */
int maildrop_open(struct maildrop *d, const char *dir);
/* Locks it for one session, with flock(2) on DIR, and lists it. 0, or -1 with
 * errno: EWOULDBLOCK when another session has it. */
int maildrop_lock(struct maildrop *d);
/* The message with that number, from 1; NULL for none, for one that is marked,
 * and one that is gone. */
struct maildrop_message *maildrop_find(struct maildrop *d, uint64_t number);
/* A regular file, whatever the name leads to by now, and its size; never
 * waits. What another program moved or gave other flags is found again by the
 * part of its name that never changes. -1 when there is none. */
int maildrop_read(
    struct maildrop *d, const struct maildrop_message *m, uint64_t *size);
/* Counts the octets, once. */
void maildrop_measure(struct maildrop *d, struct maildrop_message *m);
/* Gives all messages their unique-ids: the part of the file name that never
 * changes, or a hash where that is none or not the only one. One that has been
 * another message's is not given to a message while both are there. */
void maildrop_name(struct maildrop *d);
/* Removes what is marked, durably and wherever another program has moved it;
 * what was removed by others counts as done.
 * 0, or -1 when something is left. Unlocks, so that a client that was answered
 * can come again at once. */
int maildrop_update(struct maildrop *d);

#endif
