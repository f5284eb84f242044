/* As root: a message's targets belong to users, and each is written by a
 * process that has become its owner. */
#ifndef OWNERS_H
#define OWNERS_H

#include "staging.h"

/* Finds the owner of each target. Where all have one, the process becomes that
 * for good, looks at the targets, and *groups is 0; else *groups is for commit.
 * 0 or an exit code. */
int owners_settle(struct staging *s, int *groups);
/* Prepares and publishes each group in a child of its own; nothing is published
 * before all are prepared. 0 or an exit code. */
int owners_commit(struct staging *s, int groups);

#endif
