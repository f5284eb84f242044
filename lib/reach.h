/* The folders that all maildirs and mboxes of a mailbox table are in: few, so
 * that landlock (confine.h) can be told them for each session. */
#ifndef REACH_H
#define REACH_H

#include <stdbool.h>
#include <stddef.h>

#include "table.h"

#define REACH_MAX 32

struct reach {
	char *path[REACH_MAX];
	size_t n;
	size_t depth;  /* parts that no path has more of */
	bool forwards; /* some target is one */
};

/* For each target the folder it is made in, of a pattern the last one before
 * its `%'; where a literal path leads through a symbolic link, also the one
 * that it leads into. Those that are in another are left out, and so many that
 * they do not fit become the folders above them. */
void reach_of(const struct table *t, struct reach *f);
void reach_free(struct reach *f);

#endif
