/* Runs the configured command for a session that itself may not (DESIGN 7):
 * forked before the session reads its first byte, it takes requests over a
 * socketpair and ends when the session does. */
#ifndef STARTER_H
#define STARTER_H

#include <stddef.h>
#include <sys/types.h>

#include "buf.h"

struct starter {
	int fd; /* the session's end; -1 when there is none */
	pid_t pid;
};

/* Forks. command is what may be run, nothing else ever is. 0, or -1 with
 * errno. */
int starter_begin(struct starter *s, char *const command[], unsigned seconds);
/* Runs COMMAND args... with body as fd 0 and env ("NAME=value") added. The
 * exit code, 75 where the starter is gone; line as in child_run. args and env
 * are NULL-ended, a million octets together at most. */
int starter_run(struct starter *s, char *const args[], const char *const env[],
    int body, struct buf *line);
/* Closes and reaps. */
void starter_end(struct starter *s);

#endif
