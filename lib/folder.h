/* Fetching one IMAP folder, in a session that is logged in: what is new goes
 * through the barrier, and only what has passed it is deleted. */
#ifndef FOLDER_H
#define FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "barrier.h"
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
	bool progress;         /* shown on stderr, a terminal */

	int status; /* exit code */
	size_t wanted, fetched, had;

	/* its own */
	struct barrier barrier;
	char uids[SINK_BATCH][12];
	bool writing;          /* a message that has begun */
	uint32_t *listed;      /* UIDs on the server, ascending */
	size_t n_listed, next; /* next of them, to ask for */
	struct ranges asked;   /* and not yet here */
	uint64_t missing;      /* of those asked for */
	bool whole;            /* all of the folder is listed */
	bool refused;          /* by the sink, some message */
};

/* Whether nothing is there to be done, from what STATUS or SELECT said. */
bool folder_is_done(const struct folder *f, const struct imap_counts *c);
/* Selects it, fetches and deletes. 0; -1 when the connection is of no more
 * use. Each failure is logged and in status. */
int folder_run(struct folder *f);
void folder_free(struct folder *f);

#endif
