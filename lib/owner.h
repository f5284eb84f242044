/* As root: whose a target is, and becoming that user before it is opened. */
#ifndef OWNER_H
#define OWNER_H

#include <stdbool.h>
#include <sys/types.h>

struct owner {
	uid_t uid;
	gid_t gid;
};

/* Of the folder at path, or, for a file, of the file (never through a link);
 * while that is missing, of the folder it would be in: for a file EPERM where
 * several users may write there. EPERM too for what is root's behind a part of
 * path that is another's. 0, or -1 with errno. */
int owner_of(const char *path, bool file, struct owner *o);
/* setgroups, setgid, setuid, for good; nothing for root. 0, or -1 with
 * errno. */
int owner_become(const struct owner *o);

#endif
