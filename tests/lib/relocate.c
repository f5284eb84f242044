/*
 * Preloaded into an unpacked Dovecot, which has the folder of its modules
 * compiled in: /usr/lib/dovecot is sought below $PEERS_ROOT.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *
moved(const char *path, char *to, size_t size)
{
	static const char home[] = "/usr/lib/dovecot/";
	const char *root = getenv("PEERS_ROOT");

	if (!root || !path || strncmp(path, home, sizeof home - 1) != 0)
		return path;
	snprintf(to, size, "%s%s", root, path);
	return to;
}

DIR *
opendir(const char *path)
{
	DIR *(*real)(const char *);
	char to[PATH_MAX];

	*(void **)&real = dlsym(RTLD_NEXT, "opendir");
	return real(moved(path, to, sizeof to));
}

void *
dlopen(const char *path, int flags)
{
	void *(*real)(const char *, int);
	char to[PATH_MAX];

	*(void **)&real = dlsym(RTLD_NEXT, "dlopen");
	return real(moved(path, to, sizeof to), flags);
}
