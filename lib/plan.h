/* What a run has to try: the due messages, grouped by route and destination,
 * each group for transports of its own. */
#ifndef PLAN_H
#define PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "address.h"
#include "entry.h"
#include "queue.h"
#include "routes.h"
#include "settle.h"

#define PLAN_BUCKETS 1296
#ifndef PLAN_ITEMS       /* tests have fewer */
#define PLAN_ITEMS 50000 /* in work at once, so that memory is bounded */
#endif

/* A message that is to be tried. Several groups may have recipients of it;
 * they share the claim while they are at work, and the last one settles. */
struct item {
	struct item *chain; /* in its bucket */
	struct qname name;
	struct entry *entry; /* while users > 0 */
	unsigned groups;     /* that are not done with it */
	unsigned users;      /* that have it open */
	bool gone;           /* another runner's, or a group was cut short */
};

struct group {
	struct group *next;
	const struct route *route; /* NULL: no route, or only to settle */
	char domain[256];          /* for mx; else "" */
	struct item **items;
	size_t n, cap, at;           /* at: the next one to try, */
	size_t from;                 /* or its recipients from that one on */
	unsigned failures;           /* of its transports, in a row */
	struct dispatch *dispatches; /* its running transports */
	unsigned running;
};

struct plan {
	struct queue *q;
	const char *path; /* of the spool, absolute: jobs name files */
	const struct settle_options *settle;
	const char **own; /* our names, the host's first; ends with NULL */
	struct routes routes;
	struct group *groups;
	struct item *items[PLAN_BUCKETS]; /* in work, by ID */
	size_t n;                         /* of them */
	long long next_due;               /* as of the last scan */
	bool more;         /* is due than the scans so far took: */
	struct qname last; /* what comes behind this one, */
	long long now;     /* due when the first of them began */
	bool dirty;        /* names were removed, not yet synced */
	bool failed;       /* the queue itself did */
	bool tried;        /* something, since health was told */
	bool waiting;      /* as of the last scan something is not due */
	bool resolved;     /* DNS knew of some domain */
	char trouble[200]; /* local, for health */
	char unresolved[200];
};

/* Reads SPOOL/routes again; no group may refer to the old ones. -1: bad, said
 * in trouble, and the old ones stay. */
int plan_routes(struct plan *p);
/* Adds what is due now and not yet in work to the groups, the oldest first, as
 * many as there is room for; sets next_due. While there is more, the next scan
 * goes on behind it, so that each is taken once. What is no message of the
 * queue is set aside. */
void plan_scan(struct plan *p);
/* Whether there is more, and room for a good part of it. */
bool plan_has_room(const struct plan *p);
/* Forgets a group; what it did not come to stays due. */
void plan_drop(struct plan *p, struct group **g);

/* Claims an item for one more group: then plan_close; on -1 plan_skip. */
int plan_open(struct plan *p, struct item *i);
/* The group is done with it: the last one to be settles it. */
void plan_close(struct plan *p, struct item *i);
void plan_skip(struct plan *p, struct item *i);
/* The indices of a group's recipients in an open item, from g->from on; rcpts
 * has room for all of them. Returns how many. */
size_t plan_pick(const struct plan *p, const struct group *g,
    const struct entry *e, size_t *rcpts);
/* The path of recipient rcpt as its next hop gets it. */
void plan_path(const struct plan *p, const struct entry *e, size_t rcpt,
    struct address *a);

/* Something local is wrong: a log line, and what health says. */
void plan_trouble(struct plan *p, const char *text);
/* The queue itself failed (errno). */
void plan_failed(struct plan *p, const char *action, const char *id);
/* Leaves for health what was wrong, and begins anew. Where nothing was tried
 * and something waits, what was wrong may still be, and what is noted stays. */
void plan_tell(struct plan *p);
/* Makes removals durable. */
void plan_sync(struct plan *p);

#endif
