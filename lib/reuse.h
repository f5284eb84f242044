/* Processes of a listener that serve the connections of one address one after
 * another: where a session ended well, its process rests for the next one from
 * there, and from nowhere else, so that what a client could do to its process
 * meets those alone who share its address. Such a process is not trusted: it
 * can say that it is free, over a pipe, and be given a connection, over a
 * socket that it cannot send on. */
#ifndef REUSE_H
#define REUSE_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crowd.h"
#include "peer.h"

#define REUSE_MAX 128      /* processes that may be used again, at once */
#define REUSE_TIMES 100    /* sessions of one */
#define REUSE_REST_MS 2000 /* that it rests */

struct reuse {
	struct crowd *crowd; /* borrowed */
	struct reuse_place {
		int says, takes; /* -1: it ends with its session */
		unsigned served;
		int64_t until; /* while it rests */
		char addr[sizeof((struct peer *)0)->addr];
	} places[REUSE_MAX];
};

/* The process's ends of those, or -1. */
struct reuse_ends {
	int says, takes;
};

void reuse_begin(struct reuse *r, struct crowd *c);
/* Before the fork, for who has the place: the ends, for the caller to close;
 * some have none. */
struct reuse_ends reuse_open(struct reuse *r, int place, const struct peer *p);
void reuse_close_ends(const struct reuse_ends *ends);
/* In the process: the listener's ends are not its to hold. */
void reuse_leave(const struct reuse *r);
/* It ends with its session, or has ended. */
void reuse_close(struct reuse *r, int place);
/* A place that rests for p, or -1. */
int reuse_find(const struct reuse *r, const struct peer *p);
/* It serves fd, which is still the caller's. False: it is gone, or p has as
 * many sessions as it may. */
bool reuse_give(struct reuse *r, int place, const struct peer *p, int fd);
/* None is used again; those that rest are killed, as they have nothing to lose.
 */
void reuse_retire(struct reuse *r);

/* What to wait for: fills p with room for REUSE_MAX, and returns how many. */
size_t reuse_poll(const struct reuse *r, struct pollfd *p);
/* Takes what they then say. */
void reuse_hear(struct reuse *r, const struct pollfd *p, size_t n);
/* Milliseconds until reuse_expire has something to end; -1: it never has. */
int reuse_wait(const struct reuse *r);
void reuse_expire(struct reuse *r);

/* In the process, where SIGPIPE is ignored: says that it is free and rests. The
 * next connection, which is p's, is then on descriptors 0 and 1 in place of the
 * last one; or false: none comes. */
bool reuse_next(const struct reuse_ends *ends, struct peer *p);

#endif
