/* The sessions of a listener: how many there may be, in all and for one
 * address, which is an IPv4 /32 or an IPv6 /64; Unix sockets count in all. */
#ifndef CROWD_H
#define CROWD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "peer.h"

/* One place for each of max sessions. */
struct crowd {
	unsigned max, per_addr, running;
	pid_t *pids;            /* 0: a free place */
	_Atomic uint64_t *from; /* whom each counts against; 0: nobody */
	bool shared;            /* with the sessions */
};

/* With shared, sessions may claim. 0, or -1 with errno. */
int crowd_begin(struct crowd *c, unsigned max, unsigned per_addr, bool shared);
void crowd_end(struct crowd *c);
/* A place for p (NULL: for nobody yet), or -1 where that would be too many. */
int crowd_place(struct crowd *c, const struct peer *p);
/* Comes next: who has it; -1: nobody, and it is free again. */
void crowd_fill(struct crowd *c, int place, pid_t pid);
/* False where that was no session. */
bool crowd_leave(struct crowd *c, pid_t pid);
/* In the session that has the place: it is p's from now on, and the others' no
 * longer its to see. False where p has as many already. */
bool crowd_claim(struct crowd *c, int place, const struct peer *p);

#endif
