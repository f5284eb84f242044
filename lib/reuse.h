/* Processes of a listener that serve one address' connections one after
 * another: where a session ended well, its process waits for the next one from
 * there, and from nowhere else, so that what a client could do to its process
 * meets that client alone. Each has a channel, over which it says that it is
 * free and is given connections; it is not trusted with more. */
#ifndef REUSE_H
#define REUSE_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crowd.h"
#include "peer.h"

#define REUSE_MAX 256       /* processes that have a channel */
#define REUSE_TIMES 100     /* sessions that one serves */
#define REUSE_REST_MS 2000  /* that it waits for its client */
#define REUSE_LEAVE_MS 1000 /* that it takes to end when told to */

struct reuse {
	struct crowd *crowd; /* borrowed */
	struct reuse_place {
		int channel; /* -1: this one ends with its session */
		unsigned served;
		int64_t until; /* while it rests */
	} places[REUSE_MAX];
};

void reuse_begin(struct reuse *r, struct crowd *c);
/* Before the fork, for who has the place: the process's end of its channel, for
 * the caller to close, or -1: it will serve one session. */
int reuse_open(struct reuse *r, int place);
/* In the process: ours are not its to hold. */
void reuse_leave(struct reuse *r);
/* It is gone. */
void reuse_close(struct reuse *r, int place);
/* A process that rests for p serves fd, which is still the caller's. False:
 * there is none, or p has as many sessions as it may. */
bool reuse_give(struct reuse *r, const struct peer *p, int fd);
/* Ends one that rests, if they have all places that are left. */
void reuse_make_room(struct reuse *r);
/* None goes on after its session, and those that rest end. */
void reuse_retire(struct reuse *r);

/* What to wait for: fills p with room for REUSE_MAX, and returns how many. */
size_t reuse_poll(const struct reuse *r, struct pollfd *p);
/* Takes what they then say. */
void reuse_hear(struct reuse *r, const struct pollfd *p, size_t n);
/* Milliseconds until reuse_expire has something to end; -1: it never has. */
int reuse_wait(const struct reuse *r);
void reuse_expire(struct reuse *r);

/* In the process, over its end: says that it is free and waits. The next
 * connection, which is p's, is then on descriptors 0 and 1 in place of the last
 * one; or false: none comes, and those are closed. */
bool reuse_next(int channel, struct peer *p);

#endif
