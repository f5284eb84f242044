/* A checkpassword command (FORMATS 6): CMD by /bin/sh, with what it is to run
 * as its arguments and `NAME NUL PASSWORD NUL NUL` on fd 3. */
#ifndef CHECKER_H
#define CHECKER_H

#include <stddef.h>
#include <sys/types.h>

#define CHECKER_SECONDS 30
#define CHECKER_OCTETS 512
/* Of name and password together. */
#define CHECKER_PAIR (CHECKER_OCTETS - 3)

struct checker {
	const char *command;
	const char *name, *password;

	/* For checker_start: what CMD runs, with fd 0 and 1 the wire and fd 4
	 * the n octets that were read ahead of it. */
	char *const *session;
	const int *wire;
	const void *ahead;
	size_t n;
};

/* Runs CMD true. 0 right, 1 wrong, 75 for all else, an over-long pair and
 * CHECKER_SECONDS included. */
int checker_check(const struct checker *c);
/* Starts CMD SESSION..., in the shell's place where CMD is a simple command,
 * with AUTH_USER=NAME in its environment; the session writes one octet to fd 5
 * once it has its rights. *pid, and the other end of fd 5; or -1 with errno. */
int checker_start(const struct checker *c, pid_t *pid);

#endif
