/* The sessions of a listener: how many there may be, in all and for one
 * address, which is an IPv4 /32 or an IPv6 /64; Unix sockets count in all. Some
 * processes may rest besides, whose session is over: they do not count. */
#ifndef CROWD_H
#define CROWD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "peer.h"

#define CROWD_RESTING 32

/* A place for each of max sessions, and of those that rest. */
struct crowd {
	unsigned max, per_addr, running, resting;
	pid_t *pids;            /* 0: a free place */
	_Atomic uint64_t *from; /* whom each counts against; 0: nobody */
	bool *rests;
	bool shared; /* from, with the sessions */
};

/* With shared, sessions may claim. 0, or -1 with errno. */
int crowd_begin(struct crowd *c, unsigned max, unsigned per_addr, bool shared);
void crowd_end(struct crowd *c);
unsigned crowd_places(const struct crowd *c);
/* A place for p (NULL: for nobody yet), or -1 where that would be too many. */
int crowd_place(struct crowd *c, const struct peer *p);
/* Comes next: who has it; -1: nobody, and it is free again. */
void crowd_fill(struct crowd *c, int place, pid_t pid);
/* The place of a process, or -1. */
int crowd_find(const struct crowd *c, pid_t pid);
void crowd_leave(struct crowd *c, int place);
/* It rests from now on. False, and it counts on, where enough do. */
bool crowd_rest(struct crowd *c, int place);
/* It counts again, for p. False, and it rests on, where that would be too many.
 */
bool crowd_wake(struct crowd *c, int place, const struct peer *p);
/* In the session that has the place: it is p's from now on, and the others' no
 * longer its to see. False where p has as many already. */
bool crowd_claim(struct crowd *c, int place, const struct peer *p);

#endif
