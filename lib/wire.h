/* A client's engine over a dialled connection: what both directions share. */
#ifndef WIRE_H
#define WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "dial.h"

#define WIRE_INPUT 65536

struct wire {
	struct dial *dial; /* from dial_open; the caller closes it */
	unsigned timeout;  /* seconds of silence, or for 1,024 octets; 0: 300;
			      an hour at most between two wire_restart */
	bool verbose;      /* the dialogue on stderr */

	char in[WIRE_INPUT]; /* octets received and not read: in[start..end) */
	size_t start, end;

	/* its own */
	int64_t deadline, latest;
	size_t credit; /* octets since the deadline was set */
};

/* With verbose: side and the octets, escaped, as a line on stderr. */
void wire_show(const struct wire *w, const char *side, const char *s, size_t n);
/* A reply or message begins: from now on the server has all its time again. */
void wire_restart(struct wire *w);
/* Once in is read: sends what out holds, as far as it goes, telling sent of
 * it, and receives something. 1, 0 at the end, -1 with errno. */
int wire_exchange(struct wire *w, const struct buf *out,
    void (*sent)(void *engine, size_t n), void *engine);

#endif
