#include "qname.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "parse.h"

int
qname_parse(const char *file, struct qname *n)
{
	uint64_t due;
	size_t len = strlen(file);

	if (len != 34 || file[11] != '.' || file[32] != '.' ||
	    strspn(file + 12, "0123456789abcdefghijklmnopqrstuvwxyz") != 20 ||
	    (file[33] != 'q' && file[33] != 'h') ||
	    parse_digits(file, 11, 99999999999, &due))
		return -1;
	n->due = (long long)due;
	memcpy(n->id, file + 12, 20);
	n->id[20] = '\0';
	n->state = file[33];
	return 0;
}

void
qname_write(const struct qname *n, char out[QNAME])
{
	snprintf(out, QNAME, "%011lld.%s.%c", n->due, n->id, n->state);
}

int
qname_each(int folder,
    int (*each)(const char *file, const struct qname *n, void *arg), void *arg)
{
	struct qname n;
	struct dirent *e;
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0,
	    saved;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while (r == 0 && (errno = 0, e = readdir(d))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		r = each(
		    e->d_name, qname_parse(e->d_name, &n) ? NULL : &n, arg);
	}
	saved = errno;
	if (r == 0 && saved)
		r = -1;
	closedir(d);
	errno = saved;
	return r;
}

struct search {
	const char *id;
	struct qname *found;
};

static int
match(const char *file, const struct qname *n, void *arg)
{
	struct search *s = arg;

	(void)file;
	if (!n || strcmp(n->id, s->id))
		return 0;
	*s->found = *n;
	return 1;
}

int
qname_find(int folder, const char *id, struct qname *n)
{
	struct search s = {id, n};

	switch (qname_each(folder, match, &s)) {
	case 1:
		return 0;
	case 0:
		errno = ENOENT;
		return -1;
	default:
		return -1;
	}
}
