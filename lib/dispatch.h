/* A group of messages on its way through one transport: a window of jobs, and
 * each result recorded as it comes (FORMATS 2). */
#ifndef DISPATCH_H
#define DISPATCH_H

#include <stdbool.h>
#include <time.h>

#include "batch.h"
#include "plan.h"
#include "transport.h"

struct dispatch_job {
	struct item *item;
	size_t *rcpts; /* indices of those without an answer */
	size_t left;
	uint64_t end; /* octets queued for the transport with its line */
};

struct dispatch {
	struct dispatch *next; /* of the group's */
	struct transport t;
	bool progress; /* it gave a result */
	time_t last;   /* start or last result */
	struct dispatch_job window[BATCH_WINDOW];
	size_t jobs;
};

/* Starts a transport for a group (command NULL: smtp-send). 0; -1 when that
 * failed: a group without any is deferred. */
int dispatch_start(struct plan *p, struct group *g, const char *command);
/* Keeps the window full; with stop only what is begun goes on. */
void
dispatch_feed(struct plan *p, struct group *g, struct dispatch *d, bool stop);
/* Whether the group has work that its transports have no room for. */
bool dispatch_wants_more(const struct group *g);
/* Reads what results there are. */
void dispatch_results(struct plan *p, struct group *g, struct dispatch *d);
/* The transport has ended with this wait status: what it left unanswered is
 * unsure, or still pending where it cannot have sent it. Frees d. */
void dispatch_finish(
    struct plan *p, struct group *g, struct dispatch *d, int status);
/* Notes for what the group did not come to why it waits. */
void dispatch_defer(struct plan *p, struct group *g, const char *why);

#endif
