/* The transport of `deliver' routes: takes jobs as smtp-send --batch does and
 * runs a handler once for each recipient (DESIGN 3). */
#ifndef COURIER_H
#define COURIER_H

#include "queue.h"

/* Reads jobs from fd 0 and writes results to fd 1 until end of input, in a
 * process of its own. command is run by /bin/sh, and may keep q->lock.
 * Returns the exit status. */
int courier(struct queue *q, const char *command);

#endif
