/* What an operator does to queued messages: hold, release, retry and rm, each
 * on a message that it has claimed, so never on one that is being sent. */
#ifndef CONTROL_H
#define CONTROL_H

#include "queue.h"

/* action is "hold", "release", "retry" or "rm"; ids are checked and end with
 * NULL. What fails is logged, and the others are done; the exit status is that
 * of the first that failed. Both open q->lock. */
int control_each(struct queue *q, const char *action, char *const ids[]);
/* All that is queued is due now. */
int control_retry(struct queue *q);

#endif
