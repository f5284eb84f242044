#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "owner.h"
#include "parse.h"

/* A link in a folder of another's could name any file of root's. Each part is
 * looked at as it is written, links included. */
static int
check_parts(const char *path)
{
	char *part = xstrdup(path), *p, kept;
	struct stat st;
	int result = 0;

	for (p = part, kept = '/'; result == 0 && kept != '\0'; p++) {
		kept = *p;
		if (p == part || (kept != '/' && kept != '\0'))
			continue;
		*p = '\0';
		result = lstat(part, &st);
		if (result == 0 && st.st_uid != 0) {
			errno = EPERM;
			result = -1;
		}
		*p = kept;
	}
	free(part);
	return result;
}

static int
folder_of(const char *path, struct stat *st)
{
	char *folder = xstrdup(path);
	size_t n = strlen(folder);
	int result;

	while (n > 1 && folder[n - 1] == '/')
		n--;
	while (n > 0 && folder[n - 1] != '/')
		n--;
	folder[n] = '\0';
	result = stat(n ? folder : ".", st);
	free(folder);
	return result;
}

/* root's group is no group for another's mail. */
static int
set_owner(const struct stat *st, struct owner *o)
{
	struct passwd *pw;

	*o = (struct owner){st->st_uid, st->st_gid};
	if (o->uid == 0 || o->gid != 0)
		return 0;
	pw = getpwuid(o->uid);
	if (!pw || pw->pw_gid == 0) {
		errno = EPERM;
		return -1;
	}
	o->gid = pw->pw_gid;
	return 0;
}

int
owner_of(const char *path, enum owner_kind kind, struct owner *o)
{
	struct stat st;
	bool missing;

	missing =
	    kind == OWNER_FOLDER ? stat(path, &st) != 0 : lstat(path, &st) != 0;
	if (missing && (errno != ENOENT || folder_of(path, &st) != 0))
		return -1;
	if (missing && kind == OWNER_MAILBOX &&
	    st.st_mode & (S_IWGRP | S_IWOTH)) {
		errno = EPERM;
		return -1;
	}
	if (set_owner(&st, o) != 0)
		return -1;
	if (o->uid == 0 && check_parts(path) != 0 &&
	    !(missing && errno == ENOENT))
		return -1;
	return 0;
}

int
owner_of_fd(int fd, struct owner *o)
{
	struct stat st;

	return fstat(fd, &st) != 0 ? -1 : set_owner(&st, o);
}

static bool
parse_ids(const char *text, struct owner *o)
{
	size_t n = strcspn(text, ":");
	uint64_t uid, gid;

	if (parse_digits(text, n, UINT32_MAX - 1, &uid) < 0)
		return false;
	gid = uid;
	if (text[n] && parse_number(text + n + 1, UINT32_MAX - 1, &gid) < 0)
		return false;
	*o = (struct owner){(uid_t)uid, (gid_t)gid};
	return true;
}

int
owner_named(const char *text, struct owner *o, char *why, size_t size)
{
	const struct passwd *pw;
	const char *fault = NULL;

	if (!parse_ids(text, o)) {
		pw = getpwnam(text);
		if (pw)
			*o = (struct owner){pw->pw_uid, pw->pw_gid};
		else
			fault = "no such user";
	}
	if (!fault && (o->uid == 0 || o->gid == 0))
		fault = "root is no user to become";
	if (!fault && geteuid() != 0 && geteuid() != o->uid)
		fault = "only root can become another user";
	if (fault)
		snprintf(why, size, "user %s: %s", text, fault);
	return fault ? -1 : 0;
}

int
owner_become(const struct owner *o)
{
	if (o->uid == 0 || o->uid == geteuid())
		return 0;
	if (setgroups(0, NULL) != 0 || setgid(o->gid) != 0 ||
	    setuid(o->uid) != 0)
		return -1;
	if (setuid(0) == 0) {
		errno = EPERM;
		return -1;
	}
	return 0;
}
