/* What a process gives up, for good, before it reads what strangers send
 * (DESIGN 7): new privileges, all files but some folders (landlock), TCP and
 * signals to others (newer landlock), all system calls but some (seccomp).
 * Sequence: probe in main; begin, folder..., enter in each session. */
#ifndef CONFINE_H
#define CONFINE_H

#include <stdbool.h>

#include "filter.h"

enum confine_rights {
	CONFINE_LIST = 1,    /* open and list the folder */
	CONFINE_READ = 2,    /* read files */
	CONFINE_WRITE = 4,   /* make and write them */
	CONFINE_REMOVE = 8,  /* remove them */
	CONFINE_LINK = 16,   /* link them to other folders that have this */
	CONFINE_FOLDERS = 32 /* make folders */
};

struct confine {
	int ruleset; /* -1: none */
	int error;   /* of the first step that failed */
};

/* Finds out what this kernel has; what is missing is done without, and a line
 * in the log unless quiet. links: CONFINE_LINK will be asked for, which the
 * first landlock did not have. */
void confine_probe(bool links, bool quiet);

void confine_begin(struct confine *c);
/* Below the folder at path, or open as fd, all rights stay. What is not there
 * gets none. */
void confine_folder(struct confine *c, const char *path, unsigned rights);
void confine_open_folder(struct confine *c, int fd, unsigned rights);
/* The same for one file: CONFINE_READ, CONFINE_WRITE. */
void confine_file(struct confine *c, const char *path, unsigned rights);
/* Gives up all else; calls: of filter_calls. What the log needs is opened
 * first. Nothing may be forked after it. 0, or -1 with errno, and then the
 * process must not go on. */
int confine_enter(struct confine *c, unsigned calls);

#endif
