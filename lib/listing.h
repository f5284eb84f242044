/* The queue as `spool list', `mailq' and scripts see it (FORMATS 1). */
#ifndef LISTING_H
#define LISTING_H

#include <stdbool.h>
#include <stdio.h>

#include "entry.h"
#include "queue.h"

/* Prints a line a message and an indented one for each recipient that is
 * pending or unsure; or, for scripts, a line of JSON a message. In no order,
 * with constant memory. 0, or -1 with errno where the queue cannot be read. */
int listing_write(struct queue *q, bool json, FILE *out);
/* Prints the message itself, byte for byte, or with control bytes escaped. 0,
 * or -1 with errno. */
int listing_message(const struct entry *e, bool escape, FILE *out);

#endif
