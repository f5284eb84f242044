/* The sessions of a listener: how many there may be, in all and for one
 * address, which is an IPv4 /32 or an IPv6 /64; Unix sockets count in all. A
 * process whose session is over may keep its place for the same address' next
 * one: it rests, and does not count. */
#ifndef CROWD_H
#define CROWD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "peer.h"

/* One place for each of max sessions. */
struct crowd {
	unsigned max, per_addr, running, resting;
	pid_t *pids;            /* 0: a free place */
	_Atomic uint64_t *from; /* whom each counts against; 0: nobody */
	uint64_t *kept;         /* for whom it rests; 0: it does not */
	bool shared;            /* with the sessions */
};

/* With shared, sessions may claim. 0, or -1 with errno. */
int crowd_begin(struct crowd *c, unsigned max, unsigned per_addr, bool shared);
void crowd_end(struct crowd *c);
/* A place for p (NULL: for nobody yet), or -1 where that would be too many or
 * those that rest have all that are left. */
int crowd_place(struct crowd *c, const struct peer *p);
/* Comes next: who has it; -1: nobody, and it is free again. */
void crowd_fill(struct crowd *c, int place, pid_t pid);
/* The place that is free again, or -1 where that was no session. */
int crowd_leave(struct crowd *c, pid_t pid);
/* It rests, for whom it counts against: somebody. */
void crowd_rest(struct crowd *c, int place);
/* The first place that rests for p, or -1. */
int crowd_resting(const struct crowd *c, const struct peer *p);
/* It ends, and rests for nobody until it has left. */
void crowd_dismiss(struct crowd *c, int place);
/* It counts again. False, and it rests on, where that would be too many. */
bool crowd_wake(struct crowd *c, int place);
/* In the session that has the place: it is p's from now on, and the others' no
 * longer its to see. False where p has as many already. */
bool crowd_claim(struct crowd *c, int place, const struct peer *p);

#endif
