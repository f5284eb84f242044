/* One POP3 session of a fetcher, from behind the login to QUIT: what is new
 * goes through the barrier, and only what has passed it is deleted. Commands
 * are pipelined where the server announces that. */
#ifndef COLLECTOR_H
#define COLLECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "barrier.h"
#include "pop3wire.h"
#include "seen.h"
#include "sink.h"
#include "uidl.h"

struct collector {
	struct pop3wire wire; /* set what its line needs */
	struct sink *sink;    /* open; borrowed */
	struct seen *seen;    /* settled; borrowed. NULL afterwards where the
				 server gives no unique-ids */
	bool deletes;         /* there, what is safe here */
	bool progress;        /* shown on stderr, a terminal */

	int status;          /* exit code */
	struct uidl listing; /* what the server has */
	size_t wanted, fetched, had;

	/* its own */
	struct barrier barrier;
	size_t next;      /* of them, to ask for */
	uint32_t *doomed; /* numbers to delete */
	size_t n_doomed, next_doomed;
};

/* Notes an exit code: any permanent failure is 69, and shows only where
 * nothing temporary did. */
void collector_failed(struct collector *c, int code);
/* The session; each failure is logged and in status. */
void collector_run(struct collector *c);
/* Closes the connection, and frees. */
void collector_free(struct collector *c);

#endif
