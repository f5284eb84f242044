/* `spool run': what is due, grouped by route and destination, each group
 * through transports of its own, each result recorded as it comes. */
#ifndef RUNNER_H
#define RUNNER_H

#include <stdbool.h>
#include <stdint.h>

#include "queue.h"
#include "settle.h"

struct runner_options {
	const char *transport; /* run by /bin/sh; NULL: smtp-send */
	const char *const
	    *locals;       /* ours too in source routes; ends with NULL */
	unsigned jobs;     /* transports at once */
	unsigned per_host; /* of them, for one destination */
	uint64_t seconds;  /* without a result until one is killed */
	bool watch;        /* go on as more becomes due */
	struct settle_options settle; /* hostname NULL: the system's */
};

#define RUNNER_OPTIONS_INIT                                   \
	{                                                     \
		.jobs = 8, .per_host = 1, .seconds = 4 * 3600 \
	}

/* Tries each message that is due once; with watch, until SIGTERM. Opens
 * q->lock, and leaves there what health reads. 0 when every outcome is
 * recorded; 75 when the queue itself failed or a signal ended it early; 78
 * for a bad SPOOL/routes, or a path that no job can name. */
int runner_run(struct queue *q, const struct runner_options *o);

#endif
