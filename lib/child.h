/* Other programs: found in the folder of /proc/self/exe first, then in PATH;
 * executed directly, or by /bin/sh for the CMD of an option. */
#ifndef CHILD_H
#define CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "buf.h"
#include "owner.h"

struct child {
	char *const *argv;
	int in;                 /* becomes fd 0; -1: /dev/null */
	int out;                /* becomes fd 1; -1: fd 2's; see child_run */
	const char *const *env; /* "NAME=value"..., NULL-ended, or NULL */
	unsigned seconds;       /* limit for child_run; 0: none */
	size_t line;            /* octets it keeps of a line; 0: 1,000 */
	const char *chdir;      /* or NULL */
	int keep;               /* stays open under its number; 0: none */
	const int *pass;        /* become fds 3, 4...: instead of keep; each is
				   above those numbers */
	size_t passes;
	const struct owner *as; /* becomes it first; NULL: nobody else */
	bool exact;             /* child_run: 126 and 127, not 75 for them */
};

/* Puts the folder of the running program in front of PATH; once, from main. */
void child_path(void);
/* Starts it in its own process group with signals at their defaults and only
 * fds 0, 1, 2, keep and pass open. The pid, or -1 with errno; what cannot be
 * executed exits 126 or 127. */
pid_t child_start(const struct child *c);
/* Starts, waits, and collects the first stdout line, up to a number of octets
 * (NULL: stdout goes where fd 2 goes). What runs over its time is killed with
 * its group and counts as 75. Returns the exit code (verdict_exit_of_wait). */
int child_run(const struct child *c, struct buf *line);
/* Waits for what child_start started, or for an octet on fd, whichever is
 * first: the exit code, or -1 where it has said something and goes on. What
 * takes longer than seconds is ended as in child_run: 75. */
int child_await(pid_t pid, int fd, unsigned seconds);
/* The argument vector of "CMD \"$@\"" with args as "$@"; free() it. */
char **child_shell(const char *cmd, char *const args[]);

#endif
