/* `spool run': what is due, grouped by route and destination, each group
 * through a transport of its own, each result recorded as it comes. */
#ifndef RUNNER_H
#define RUNNER_H

#include <stdbool.h>

#include "queue.h"
#include "settle.h"

struct runner_options {
	const char *path;          /* of the spool, absolute: jobs name files */
	const char *transport;     /* run by /bin/sh; NULL: smtp-send */
	const char *const *locals; /* our own names in routes, NULL-ended */
	unsigned jobs;             /* transports at once */
	unsigned seconds;          /* without a result until one is killed */
	bool watch;                /* go on as more becomes due */
	struct settle_options settle;
};

/* Tries each message that is due once; with watch, until SIGTERM. q->lock is
 * open. Leaves what health reads in SPOOL/lock. 0 when every outcome is
 * recorded; 75 when the queue itself failed or a signal ended it early; 78
 * for a bad SPOOL/routes. */
int runner_run(struct queue *q, const struct runner_options *o);

#endif
