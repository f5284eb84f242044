/* Which system calls a confined process may still make, as a program for
 * seccomp(2): a search tree over the call's number, since the kernel runs it
 * once for each number that there is when it is loaded. */
#ifndef FILTER_H
#define FILTER_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define FILTER_MAX 128

/* Each beside the calls that any process needs: to use what is open, memory,
 * time, its own signals, to wait for its child and to end. */
enum filter_calls {
	FILTER_FILES = 1, /* open, make, link, lock and remove files */
	FILTER_PAIR = 2,  /* make a pair of Unix sockets, and move an end */
	FILTER_DROP = 4   /* setgroups, setgid, setuid */
};

/* Whether this machine's calls are. */
bool filter_known(void);
/* Fills code for the process pid and returns its length. Calls that are not
 * allowed are ENOSYS, so that libc does without them as under an older kernel;
 * EPERM where it is an argument; execution, tracing and the calls of another
 * architecture kill. */
size_t
filter_build(struct sock_filter code[FILTER_MAX], unsigned calls, pid_t pid);

#endif
