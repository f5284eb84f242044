/* What a walk prints, and what the EXPECT of a subject says to it. */
#ifndef REPORT_H
#define REPORT_H

#include "walker.h"

enum column { LOST, PARTIAL, BLOCKED, DUP, CODE, LEFT, BOTH, COLUMNS };

/* The points of one kind: how many there are, were taken, came to their call,
 * and were bad. */
struct tally {
	size_t all, taken;
	long visited, sum[COLUMNS];
};

const char *kind_name(enum kind kind);
bool expects(const struct subject *s, const char *word);
/* Whether n is over the limit of EXPECT: 3 for dup, else 0, unless it says so.
 */
bool more_than(const struct subject *s, const char *key, long n);
bool excess(const struct subject *s, enum kind kind, enum column c, long n);
long sample_size(const struct subject *s, enum kind kind, long sample);
void
report_kind(const struct subject *s, enum kind kind, const struct tally *tally);
void report_offender(const struct subject *s, enum kind kind, enum column c,
    const struct outcome *o);
bool
report_verdict(const struct subject *s, bool fell, const long total[COLUMNS]);

#endif
