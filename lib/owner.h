/* As root: whose a target is, and becoming that user before it is opened. */
#ifndef OWNER_H
#define OWNER_H

#include <stddef.h>
#include <sys/types.h>

struct owner {
	uid_t uid;
	gid_t gid;
};

enum owner_kind {
	OWNER_FOLDER, /* a folder, or a link to it */
	OWNER_FILE,   /* a file, never a link */
	OWNER_MAILBOX /* the same, but what is missing must not be in a folder
			 that several users may write, such as /var/mail: whose
			 it would be cannot be known */
};

/* Of what is at path; while that is missing, of the folder it would be in.
 * EPERM for what is root's behind a part of path that is another's. 0, or -1
 * with errno. */
int owner_of(const char *path, enum owner_kind kind, struct owner *o);
/* Of what is open. */
int owner_of_fd(int fd, struct owner *o);
/* NAME, UID or UID:GID of --user; UID alone is a group's number too, and no
 * number needs a look at the system's users. Never root, nor its group; as
 * another than root only oneself. 0, or -1 with the reason. */
int owner_named(const char *text, struct owner *o, char *why, size_t size);
/* setgroups, setgid, setuid, for good; nothing for root and oneself. 0, or -1
 * with errno. */
int owner_become(const struct owner *o);

#endif
