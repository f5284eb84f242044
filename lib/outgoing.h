/* A message on its way to the wire: read once to be checked and counted, and
 * once more to be sent, when it must still be the same. */
#ifndef OUTGOING_H
#define OUTGOING_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "reply.h"
#include "scan.h"

#define OUTGOING_BLOCK 65536

struct outgoing {
	int fd; /* -1: not open */
	uint64_t offset, size;
	struct scan checked, sent;
	/* The block last read: a message that fits in one is read once. */
	char *block;
	uint64_t at;
	size_t n;
};

/* Opens path, or takes fd unless that is -1: the size octets from offset on,
 * UINT64_MAX for the whole file. 0, or -1 with the reason: code 554 for what
 * can never be sent (RFC 5321 2.3.8), 0 for what cannot be read. Either way
 * outgoing_close ends it. */
int outgoing_open(struct outgoing *o, int fd, const char *path, uint64_t offset,
    uint64_t size, struct reply *why);
/* From the start again. */
void outgoing_rewind(struct outgoing *o);
/* Gives back memory, while nothing of it is needed. */
void outgoing_rest(struct outgoing *o);
/* The next octets, in *data until the next call: their number, 0 at the end,
 * -1 when the message has changed. */
ssize_t outgoing_next(struct outgoing *o, const char **data);
void outgoing_close(struct outgoing *o);

#endif
