/* An IMAP folder as the server shows it, in a session that is logged in: what
 * is in it, and which of that the journal knows. */
#ifndef FOLDER_H
#define FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "imapwire.h"
#include "ranges.h"
#include "seen.h"
#include "sink.h"

struct folder {
	struct imapwire *wire; /* borrowed, as all of these */
	struct sink *sink;     /* open */
	struct seen *seen;     /* of numbers, settled */
	const char *name;      /* for people */
	const char *quoted;    /* for commands */
	bool deletes;          /* there, what is safe here */
	bool rebuild;          /* the journal from the maildir's names */

	int status; /* exit code: the worst of what was logged */

	/* after folder_list */
	uint32_t *listed; /* UIDs on the server, ascending */
	size_t n_listed;
	bool whole; /* all of the folder is listed */
};

/* Whether nothing is there to be done, from what STATUS or SELECT said. */
bool folder_is_done(const struct folder *f, const struct imap_counts *c);
/* Selects it. 0; 1 when the server refuses; -1 when the connection is of no
 * more use, as for all below. */
int folder_choose(struct folder *f);
/* Brings the journal to what SELECT said of the UIDs. 0, or -1. */
int folder_validate(struct folder *f);
/* Lists UIDs from the first that may be new to the last, 0: whatever it is, of
 * a folder of so many messages. 0, 1 or -1. */
int folder_list(struct folder *f, uint32_t last, uint32_t messages);
/* Whether the journal knows all up to last. */
bool folder_covers(const struct folder *f, uint32_t last);
/* Adds UIDs listed at *at and behind it that were seen, or were not, to the set
 * for one command until it is full, and to taken. The last of them, 0 for none.
 */
uint32_t folder_set(const struct folder *f, bool seen, size_t *at,
    struct buf *set, struct ranges *taken);
void folder_free(struct folder *f);

/* The next event, or -1, logged. */
int folder_event(struct folder *f);
/* Adds an exit code to status. */
void folder_note(struct folder *f, int code);
/* The same with a line: -1. */
int folder_failed(struct folder *f, int code, const char *why);
/* Logs that the server has refused a command, by IMAP_NO or IMAP_BAD. */
void folder_refused(struct folder *f, const char *command, int event);

#endif
