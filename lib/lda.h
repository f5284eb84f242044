/* The local delivery agent: the transport of `deliver' routes. Takes jobs as
 * smtp-send --batch does and runs a handler once for each recipient. */
#ifndef LDA_H
#define LDA_H

#include "queue.h"

/* Reads jobs from fd 0 and writes results to fd 1 until end of input, in a
 * process of its own. command is run by /bin/sh, and may keep q->lock.
 * Returns the exit status. */
int lda_run(struct queue *q, const char *command);

#endif
