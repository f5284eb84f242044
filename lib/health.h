/* Whether a queue needs care. The last run leaves a line in SPOOL/lock. */
#ifndef HEALTH_H
#define HEALTH_H

#include <stdint.h>

#include "buf.h"
#include "queue.h"

/* Notes how a run ended: trouble is "" or one line. q->lock is open. */
void health_note(struct queue *q, const char *trouble);
/* Adds one line without LF to out. 0 when all is well; 1 when something is
 * due for longer than older seconds, the last run met local trouble or
 * corrupt/ is not empty; -1 with errno. */
int health_check(struct queue *q, uint64_t older, struct buf *out);

#endif
