/* The order in which fetched messages become safe (DESIGN 6): contents durable
 * in the sink, then their unique-ids in the journal, then their names in
 * place. Only after that may a server be told to forget them; several share
 * one such barrier. The journal knows the file names before they are there, so
 * that a run that is killed in between fetches nothing twice. */
#ifndef BARRIER_H
#define BARRIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seen.h"
#include "sink.h"

struct barrier {
	struct sink *sink;
	struct seen *seen;         /* NULL: no journal */
	uint32_t safe[SINK_BATCH]; /* what passed: take it, set n_safe to 0 */
	size_t n_safe;
	char why[512]; /* what failed, for people */
	bool broken;   /* the sink or the journal failed: begin no more */

	/* its own */
	bool shut; /* passing failed: what has not passed goes with the sink */
	struct {   /* what is whole and not safe yet */
		uint32_t number;
		const char *uid, *name;
	} whole[SINK_BATCH];
	size_t n_whole;
};

/* Each returns 0 or an exit code, with why. One message at a time: begin, write
 * what comes, end; uid, or NULL for none, is borrowed until it is safe. Where a
 * command refuses a message only that one has failed, and broken is unset. */
int barrier_begin(struct barrier *b);
int barrier_write(struct barrier *b, const void *data, size_t n);
int barrier_end(struct barrier *b, uint32_t number, const char *uid,
    const struct sink_label *label);
/* The message begun will not become whole. */
void barrier_abort(struct barrier *b);
/* Makes all that is whole safe; barrier_end does so when there is no room for
 * more, thus n_safe counts from one call to the next. */
int barrier_pass(struct barrier *b);

#endif
