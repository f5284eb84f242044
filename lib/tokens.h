/* A set of short strings without NUL, that knows which of them were asked for.
 */
#ifndef TOKENS_H
#define TOKENS_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

struct tokens {
	void *tree;
	size_t count, used;
};

void tokens_add(struct tokens *t, const char *s, size_t n, bool used);
/* Whether it is there; it is used from then on. */
bool tokens_has(struct tokens *t, const char *s, size_t n);
void tokens_remove(struct tokens *t, const char *s, size_t n);
/* Adds all, or those used, as lines, ascending. */
void tokens_lines(const struct tokens *t, bool all, struct buf *out);
void tokens_free(struct tokens *t);

#endif
