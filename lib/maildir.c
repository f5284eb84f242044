#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"
#include "maildir.h"

#define FOLDER (O_RDONLY | O_DIRECTORY | O_CLOEXEC)

/* A link made by another user could lead anywhere that we may write. */
static int
open_folder(const char *path)
{
	char plain[4096];
	size_t n = strlen(path);
	struct stat st;
	int fd;

	/* The kernel follows "link/" whatever the flags say. */
	while (n > 1 && path[n - 1] == '/')
		n--;
	if (n >= sizeof(plain)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(plain, path, n);
	plain[n] = '\0';
	fd = open(plain, FOLDER | O_NOFOLLOW);
	if (fd >= 0 || (errno != ELOOP && errno != ENOTDIR))
		return fd;
	if (lstat(plain, &st) != 0)
		return -1;
	if (!S_ISLNK(st.st_mode) ||
	    (st.st_uid != 0 && st.st_uid != geteuid())) {
		errno = S_ISLNK(st.st_mode) ? EACCES : ENOTDIR;
		return -1;
	}
	return open(plain, FOLDER);
}

static int
open_part(int dir, const char *name, bool create)
{
	int fd = openat(dir, name, FOLDER | O_NOFOLLOW);

	if (fd >= 0 || errno != ENOENT || !create)
		return fd;
	if ((mkdirat(dir, name, 0700) != 0 && errno != EEXIST) ||
	    fsync(dir) != 0)
		return -1;
	return openat(dir, name, FOLDER | O_NOFOLLOW);
}

int
maildir_open(struct maildir *m, const char *path, bool create)
{
	*m = (struct maildir){-1, -1, -1, -1};
	m->dir = open_folder(path);
	if (m->dir < 0 && errno == ENOENT && create) {
		if ((mkdir(path, 0700) != 0 && errno != EEXIST) ||
		    atomic_sync_parent(path) != 0)
			return -1;
		m->dir = open_folder(path);
	}
	if (m->dir >= 0 && (m->tmp = open_part(m->dir, "tmp", create)) >= 0 &&
	    (m->new = open_part(m->dir, "new", create)) >= 0 &&
	    (m->cur = open_part(m->dir, "cur", create)) >= 0)
		return 0;
	maildir_close(m);
	return -1;
}

void
maildir_close(struct maildir *m)
{
	int fd[] = {m->dir, m->tmp, m->new, m->cur}, saved = errno;
	size_t i;

	for (i = 0; i < sizeof(fd) / sizeof(fd[0]); i++)
		if (fd[i] >= 0)
			close(fd[i]);
	*m = (struct maildir){-1, -1, -1, -1};
	errno = saved;
}

/* The host name is configured by people: it becomes at most 64 octets that
 * mean nothing in a file name. */
static void
host(char out[65])
{
	char name[256] = "";
	size_t i, n = 0;

	if (gethostname(name, sizeof(name) - 1) != 0 || name[0] == '\0')
		strcpy(name, "localhost");
	for (i = 0; name[i] && n < 60; i++) {
		if (name[i] == '/' || name[i] == ':' || name[i] == ',' ||
		    name[i] <= ' ' || name[i] > '~')
			n += (size_t)sprintf(
			    out + n, "\\%03o", (unsigned char)name[i]);
		else
			out[n++] = name[i];
	}
	out[n] = '\0';
}

void
maildir_name(char out[ATOMIC_NAME])
{
	unsigned long long noise;
	struct timespec now;
	char name[65];

	clock_gettime(CLOCK_REALTIME, &now);
	/* Two processes may share pid and host name, in two namespaces. */
	if (getrandom(&noise, sizeof(noise), 0) != sizeof(noise))
		noise = (unsigned long long)now.tv_nsec;
	host(name);
	snprintf(out, ATOMIC_NAME, "%lld.M%06ldP%dR%016llx.%s",
	    (long long)now.tv_sec, now.tv_nsec / 1000, (int)getpid(), noise,
	    name);
}

/* The folder's time is that of the last delivery: the first one of each hour
 * looks for what killed ones left. */
static void
sweep(struct maildir *m)
{
	time_t now = time(NULL);
	struct stat st;

	if (fstat(m->tmp, &st) == 0 && st.st_mtime / 3600 != now / 3600)
		atomic_sweep(m->tmp, now);
}

int
maildir_begin(struct maildir *m, struct atomic *a)
{
	char name[ATOMIC_NAME];

	sweep(m);
	maildir_name(name);
	return atomic_begin(a, m->tmp, name, 0600);
}

int
maildir_commit(struct maildir *m, struct atomic *a, const char *suffix)
{
	char name[ATOMIC_NAME];
	int n = snprintf(name, sizeof(name), "%s%s", a->tmpname, suffix);

	if (n < 0 || n >= (int)sizeof(name)) {
		atomic_abort(a);
		errno = ENAMETOOLONG;
		return -1;
	}
	return atomic_commit(a, m->new, name);
}

struct found {
	struct maildir_entry *list;
	size_t n, cap;
};

static int
list_part(int part, bool in_new, struct found *f)
{
	int fd = openat(part, ".", FOLDER);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *e;
	struct stat st;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	for (errno = 0; (e = readdir(dir)); errno = 0) {
		if (e->d_name[0] == '.')
			continue;
		if (e->d_type == DT_UNKNOWN &&
		    fstatat(part, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode))
			e->d_type = DT_REG;
		if (e->d_type != DT_REG)
			continue;
		if (f->n == f->cap) {
			f->cap = f->cap ? 2 * f->cap : 64;
			f->list = xrealloc(f->list, f->cap * sizeof(*f->list));
		}
		f->list[f->n].name = xstrdup(e->d_name);
		f->list[f->n++].in_new = in_new;
	}
	fd = errno;
	closedir(dir);
	errno = fd;
	return fd ? -1 : 0;
}

static int
by_name(const void *a, const void *b)
{
	const struct maildir_entry *x = a, *y = b;

	return strcmp(x->name, y->name);
}

int
maildir_list(struct maildir *m, struct maildir_entry **list, size_t *n)
{
	struct found f = {NULL, 0, 0};

	if (list_part(m->new, true, &f) != 0 ||
	    list_part(m->cur, false, &f) != 0) {
		maildir_list_free(f.list, f.n);
		return -1;
	}
	if (f.n)
		qsort(f.list, f.n, sizeof(*f.list), by_name);
	*list = f.list;
	*n = f.n;
	return 0;
}

/* The first entry that is not before base and then tail; *count is how many
 * are neither behind it. */
static size_t
search(const struct maildir_entry *list, size_t n, const char *base, size_t len,
    char tail, size_t *count)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const char *name = list[middle].name;
		int c = strncmp(name, base, len);

		if (c < 0 ||
		    (c == 0 && (unsigned char)name[len] < (unsigned char)tail))
			low = middle + 1;
		else
			high = middle;
	}
	*count = 0;
	while (low + *count < n &&
	    strncmp(list[low + *count].name, base, len) == 0 &&
	    list[low + *count].name[len] == tail)
		++*count;
	return low;
}

const struct maildir_entry *
maildir_find(const struct maildir_entry *list, size_t n, const char *base,
    size_t len, bool *alone)
{
	size_t bare, flagged;
	size_t i = search(list, n, base, len, '\0', &bare);
	size_t j = search(list, n, base, len, ':', &flagged);

	*alone = bare + flagged <= 1;
	if (bare + flagged == 0)
		return NULL;
	return &list[bare > 0 ? i : j];
}

void
maildir_list_free(struct maildir_entry *list, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		free(list[i].name);
	free(list);
}
