/* Fetching one IMAP folder: what is new goes through the barrier, and only what
 * has passed it is deleted. */
#ifndef RETRIEVAL_H
#define RETRIEVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "barrier.h"
#include "folder.h"
#include "ranges.h"

struct retrieval {
	struct folder folder; /* to be filled in */
	bool progress;        /* shown on stderr, a terminal */

	size_t wanted, fetched, had;

	/* its own */
	struct barrier barrier;
	char uids[SINK_BATCH][12];
	bool writing;        /* a message that has begun */
	size_t next;         /* of those listed, to ask for */
	struct ranges asked; /* and not yet here */
	uint64_t missing;    /* of those asked for */
	bool refused;        /* by the sink, some message */
};

/* Selects the folder, fetches and deletes. 0; -1 when the connection is of no
 * more use. Each failure is logged and in the folder's status. */
int retrieval_run(struct retrieval *t);
void retrieval_free(struct retrieval *t);

#endif
