/* A running transport: jobs go in, results come out (FORMATS 2). */
#ifndef TRANSPORT_H
#define TRANSPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "buf.h"
#include "queue.h"
#include "routes.h"

struct transport {
	pid_t pid;
	int in, out;     /* our ends of its pipes, non-blocking; -1: closed */
	struct buf to;   /* jobs not yet written */
	struct buf from; /* results, of which the first are taken */
	size_t taken;
	uint64_t queued;  /* octets of jobs given to transport_put */
	uint64_t written; /* of them, handed to the kernel */
};

/* Starts command (NULL: smtp-send) with --batch and what the route says, for
 * mx with our names too, or the local delivery agent of a deliver route. own
 * is our host name, then others; it ends with NULL. It inherits q->lock. 0, or
 * -1 with errno. */
int transport_start(struct transport *t, struct queue *q, const struct route *r,
    const char *const *own, const char *command);
void transport_put(struct transport *t, const struct buf *job);
/* Writes what the pipe takes; a transport that reads no more has its input
 * closed. */
void transport_flush(struct transport *t);
/* Lets it finish: its input ends. */
void transport_end(struct transport *t);
/* Reads once. 1; 0 at end of file, when out is closed. */
int transport_fill(struct transport *t);
/* The next whole line without its LF (a NUL takes its place), valid until the
 * next call; NULL: none yet. *n is its length. */
char *transport_line(struct transport *t, size_t *n);
/* Kills it with its process group. */
void transport_kill(struct transport *t);
/* Its wait status once it has ended; false: not yet. */
bool transport_ended(struct transport *t, int *status);
/* Frees what is left after that. */
void transport_close(struct transport *t);

#endif
