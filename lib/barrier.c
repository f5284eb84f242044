#include "barrier.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "verdict.h"

static int
fail(struct barrier *b, const char *action, int code)
{
	b->broken = true;
	snprintf(b->why, sizeof b->why, "%s %s: %s", action,
	    b->sink->path ? b->sink->path : "message", strerror(errno));
	return code;
}

int
barrier_begin(struct barrier *b)
{
	int code = sink_begin(b->sink);

	return code ? fail(b, "write", code) : 0;
}

int
barrier_write(struct barrier *b, const void *data, size_t n)
{
	int code = sink_write(b->sink, data, n);

	return code ? fail(b, "write", code) : 0;
}

void
barrier_abort(struct barrier *b)
{
	sink_abort(b->sink);
}

static int
note_whole(struct barrier *b)
{
	if (!b->seen)
		return 0;
	for (size_t i = 0; i < b->n_whole; i++) {
		const char *uid = b->whole[i].uid;

		if (uid &&
		    seen_add(b->seen, uid, strlen(uid), b->whole[i].name) < 0)
			return -1;
	}
	return seen_sync(b->seen);
}

static int
pass(struct barrier *b)
{
	int code = sink_sync(b->sink);

	if (code)
		return fail(b, "sync", code);
	if (note_whole(b) < 0) {
		b->broken = true;
		snprintf(b->why, sizeof b->why, "write the journal: %s",
		    strerror(errno));
		return EX_TEMPFAIL;
	}
	code = sink_publish(b->sink);
	if (code)
		return fail(b, "link into", code);
	if (b->seen)
		seen_confirm(b->seen);
	for (size_t i = 0; i < b->n_whole; i++)
		b->safe[b->n_safe++] = b->whole[i].number;
	b->n_whole = 0;
	return 0;
}

int
barrier_pass(struct barrier *b)
{
	int code;

	if (!b->n_whole || b->shut)
		return 0;
	code = pass(b);
	b->shut = code != 0;
	return code;
}

int
barrier_end(struct barrier *b, uint32_t number, const char *uid,
    const struct sink_label *label)
{
	const char *name;
	int code = sink_commit(b->sink, label, &name);

	if (code && errno)
		return fail(b, "write", code);
	if (code) {
		snprintf(b->why, sizeof b->why, "message %u: %s: exit %d",
		    number, b->sink->command[0], code);
		return code;
	}
	b->whole[b->n_whole].number = number;
	b->whole[b->n_whole].uid = uid;
	b->whole[b->n_whole++].name = name;
	return b->n_whole == sink_batch(b->sink) ? barrier_pass(b) : 0;
}
