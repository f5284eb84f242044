/* Where fetched messages go: a maildir, an mbox, an mbox stream on stdout, or
 * a command once a message (DESIGN 3). One message at a time is written; those
 * that are committed wait for sink_sync and sink_publish, up to sink_batch of
 * them. Only then may a server be told to forget them. */
#ifndef SINK_H
#define SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "atomic.h"
#include "buf.h"
#include "maildir.h"

#define SINK_BATCH 64

/* What is known of a message besides its octets. */
struct sink_label {
	uint32_t uid;   /* 0: none */
	char flags[8];  /* of maildir's, ascending */
	time_t arrived; /* 0: now */
};

enum sink_kind { SINK_MAILDIR, SINK_MBOX, SINK_STDOUT, SINK_COMMAND };

struct sink {
	enum sink_kind kind;
	const char *path;     /* of the maildir or mbox */
	char *const *command; /* its words, NULL-ended */

	/* its own */
	struct maildir box;
	int scratch; /* the message, where it is no maildir's */
	uint64_t size;
	struct atomic files[SINK_BATCH + 1];
	struct {
		char name[ATOMIC_NAME]; /* the one that it will have, */
		char flags[8];          /* with these behind it in cur/ */
	} names[SINK_BATCH];
	size_t n; /* of them committed; files[n] is being written */
	struct maildir_entry *there; /* for sink_has */
	size_t n_there;
};

/* Opens what kind, path and command name; a maildir is made when its parent
 * exists. An exit code; errno says why. */
int sink_open(struct sink *s);
/* The absolute path, or what stands for it, for the journal; free it. NULL
 * with errno. */
char *sink_name(const struct sink *s);
/* How many messages may be committed between two barriers. */
size_t sink_batch(const struct sink *s);
/* Whether a message stays when the machine stops: not in a pipe. */
bool sink_is_durable(const struct sink *s);

/* Each returns 0 or an exit code, with errno where a system call failed (else
 * 0), and has then dropped the message. */
int sink_begin(struct sink *s);
int sink_write(struct sink *s, const void *data, size_t n);
/* The message is whole. A command's exit code other than 0 is that of this
 * message alone, and errno is 0. *name is the file that it will be in a
 * maildir, but for its flags, else NULL. A maildir's name has ",U=UID" in it,
 * the file's time is that of arrival, and with any flag it goes to cur/; an
 * mbox has that time in its From_ line. label may be NULL. */
int
sink_commit(struct sink *s, const struct sink_label *label, const char **name);
void sink_abort(struct sink *s);

/* The barrier in two halves: contents durable, then names visible and durable.
 * 0 or an exit code with errno; after that call neither again. */
int sink_sync(struct sink *s);
int sink_publish(struct sink *s);
/* Whether a maildir has this file, in new/ or in cur/ with any flags. */
bool sink_has(struct sink *s, const char *name);
/* Tells of each file of a maildir. 0, or -1 with errno. */
int
sink_each(struct sink *s, void (*tell)(const char *name, void *arg), void *arg);
/* Drops what is not published. */
void sink_close(struct sink *s);

#endif
