/* A set of numbers from 1 to 2^32-1 as ascending ranges: UIDs are mostly one
 * behind the other, so that 100,000s take a few octets. */
#ifndef RANGES_H
#define RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

struct range {
	uint32_t first, last;
};

struct ranges {
	struct range *list; /* ascending, with a gap between any two */
	size_t n, cap;
};

/* Adding at the end is quick. */
void ranges_add(struct ranges *r, uint32_t first, uint32_t last);
/* Takes all up to and with last away, and says how many that were. */
uint64_t ranges_cut(struct ranges *r, uint32_t last);
/* Whether it was there. */
bool ranges_remove(struct ranges *r, uint32_t number);
bool ranges_has(const struct ranges *r, uint32_t number);
uint64_t ranges_count(const struct ranges *r);
/* The first number from 1 on that is missing; 0 when none is. */
uint32_t ranges_gap(const struct ranges *r);
/* Reads "N" or "N:M" (N <= M). 0 or -1. */
int ranges_parse(const char *s, size_t n, struct range *out);
void ranges_free(struct ranges *r);

#endif
