/* Buffered input and output with deadlines, over a socket or two pipes.
 * Output is flushed only before input is waited for: so pipelining is served
 * at full speed (RFC 2920). */
#ifndef CONN_H
#define CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "buf.h"

#define CONN_BUFFER 65536

struct conn {
	int in, out;
	unsigned seconds; /* each wait for input or output; 0: no limit */
	int64_t deadline; /* of all together, conn_now() terms; 0: none */
	bool eof;
	int error;          /* errno of a failed write; nothing is sent after */
	size_t start, end;  /* what is read and not taken: data[start..end) */
	char *data;         /* CONN_BUFFER octets */
	struct buf pending; /* output not yet written */
};

void conn_open(struct conn *c, int in, int out);
/* Frees the memory; the descriptors are the caller's. */
void conn_close(struct conn *c);
int64_t conn_now(void);              /* milliseconds, monotonic */
#define CONN_FOREVER (INT64_MAX / 2) /* of a time that is left: no limit */

/* Waits until something is readable: flushes, then reads what there is.
 * 1; 0 at end of file; -1 with errno (ETIMEDOUT for both kinds of limit). */
int conn_fill(struct conn *c);
/* The next piece up to LF: a whole line with its LF, or, when the line is
 * longer than max (at most CONN_BUFFER), max octets of it, or the last octets
 * before end of file. It stays valid until the next call. Octets, 0 at end of
 * file, -1 with errno. */
ssize_t conn_line(struct conn *c, char **line, size_t max);
/* Whatever is buffered, else what one fill brings; take it with conn_take. */
ssize_t conn_peek(struct conn *c, char **data);
void conn_take(struct conn *c, size_t n);

/* Queue output; it is written when 32 KiB wait or input is needed. An error
 * (a dead peer) shows at the next conn_flush or conn_fill. */
void conn_put(struct conn *c, const void *data, size_t n);
void conn_putf(struct conn *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* 0, or -1 with errno. */
int conn_flush(struct conn *c);

#endif
