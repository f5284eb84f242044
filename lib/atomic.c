#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "atomic.h"
#include "buf.h"

#define SWEEP_AGE (36 * 3600)
#define ROOM 65536

/* What is uncommitted, for the signal handler; changed only while the signals
 * are blocked, or by a store that the handler may see early or late. */
static struct entry {
	volatile sig_atomic_t live;
	int tmpdir;
	char name[ATOMIC_NAME];
} * entries;
static size_t entry_count;
static volatile pid_t owner; /* a fork's child cleans up nothing */
static bool armed;

static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
#define SIGNALS (sizeof signals / sizeof *signals)

static void
on_term(int sig)
{
	(void)sig;
	if (owner == getpid())
		for (size_t i = 0; i < entry_count; i++)
			if (entries[i].live)
				unlinkat(entries[i].tmpdir, entries[i].name, 0);
	_exit(EX_TEMPFAIL);
}

void
atomic_hold(sigset_t *old)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < SIGNALS; i++)
		sigaddset(&set, signals[i]);
	sigprocmask(SIG_BLOCK, &set, old);
}

void
atomic_on_term(void)
{
	struct sigaction sa = {.sa_handler = on_term}, old;

	for (size_t i = 0; i < SIGNALS; i++)
		sigaddset(&sa.sa_mask, signals[i]);
	armed = true;
	for (size_t i = 0; i < SIGNALS; i++)
		/* nohup stays nohup */
		if (sigaction(signals[i], NULL, &old) == 0 &&
		    old.sa_handler != SIG_IGN)
			sigaction(signals[i], &sa, NULL);
}

static size_t
free_slot(void)
{
	size_t i;

	if (owner != getpid()) {
		for (i = 0; i < entry_count; i++)
			entries[i].live = 0;
		owner = getpid();
	}
	for (i = 0; i < entry_count; i++)
		if (!entries[i].live)
			return i;
	entry_count = i * 2 + 8;
	entries = xrealloc(entries, entry_count * sizeof *entries);
	for (size_t j = i; j < entry_count; j++)
		entries[j].live = 0;
	return i;
}

static int
create(struct atomic *a, int tmpdir, const char *name, int flags, mode_t mode)
{
	struct entry *e;

	a->slot = free_slot();
	e = &entries[a->slot];
	a->fd = openat(tmpdir, name, flags | O_NOFOLLOW | O_CLOEXEC, mode);
	if (a->fd < 0)
		return -1;
	a->tmpdir = e->tmpdir = tmpdir;
	strcpy(a->tmpname, name);
	strcpy(e->name, name);
	e->live = 1;
	return 0;
}

static int
begin(struct atomic *a, int tmpdir, const char *name, int flags, mode_t mode)
{
	sigset_t old;
	int r, saved;

	a->fd = -1;
	if (strlen(name) >= ATOMIC_NAME) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (!armed)
		return create(a, tmpdir, name, flags, mode);
	atomic_hold(&old);
	r = create(a, tmpdir, name, flags, mode);
	saved = errno;
	sigprocmask(SIG_SETMASK, &old, NULL);
	errno = saved;
	return r;
}

int
atomic_begin(struct atomic *a, int tmpdir, const char *name, mode_t mode)
{
	return begin(a, tmpdir, name, O_RDWR | O_CREAT | O_EXCL, mode);
}

int
atomic_write(struct atomic *a, const void *data, size_t n)
{
	const char *p = data;
	ssize_t w;

	for (; n > 0; p += w, n -= (size_t)w) {
		w = write(a->fd, p, n);
		if (w < 0 && errno != EINTR)
			return -1;
		if (w < 0)
			w = 0;
	}
	return 0;
}

int
atomic_spill(struct atomic *a, struct buf *room)
{
	if (atomic_write(a, room->data, room->len) < 0)
		return -1;
	buf_reset(room);
	return 0;
}

int
atomic_gather(struct atomic *a, struct buf *room, const void *data, size_t n)
{
	if (n >= ROOM)
		return atomic_spill(a, room) < 0 ? -1
						 : atomic_write(a, data, n);
	buf_add(room, data, n);
	return room->len >= ROOM ? atomic_spill(a, room) : 0;
}

static int
sync_fd(int fd)
{
	int r;

	do
		r = fsync(fd);
	while (r < 0 && errno == EINTR);
	return r;
}

int
atomic_sync(struct atomic *a)
{
	return sync_fd(a->fd);
}

/* A network file system may answer EEXIST to its own repeated request: the
 * count of links tells. */
static int
link_name(const struct atomic *a, int dir, const char *name)
{
	struct stat st;

	if (linkat(a->tmpdir, a->tmpname, dir, name, 0) == 0)
		return 0;
	if (errno == EEXIST) {
		if (fstatat(a->tmpdir, a->tmpname, &st, AT_SYMLINK_NOFOLLOW) ==
			0 &&
		    st.st_nlink == 2)
			return 0;
		errno = EEXIST;
	}
	return -1;
}

/* One call where the file system has it; others need two names for a while. */
static int
move_name(const struct atomic *a, int dir, const char *name)
{
	int r = renameat2(a->tmpdir, a->tmpname, dir, name, RENAME_NOREPLACE);

	if (r == 0 || (errno != EINVAL && errno != ENOSYS))
		return r;
	r = link_name(a, dir, name);
	if (r == 0)
		unlinkat(a->tmpdir, a->tmpname, 0);
	return r;
}

/* A kill between the new name and the end of the program has the message
 * delivered twice, so nothing is done there that can be done before. */
int
atomic_link(struct atomic *a, int dir, const char *name)
{
	int r, saved;

	close(a->fd);
	a->fd = -1;
	r = move_name(a, dir, name);
	saved = errno;
	if (r != 0)
		unlinkat(a->tmpdir, a->tmpname, 0);
	entries[a->slot].live = 0;
	if (r == 0 && sync_fd(dir) < 0) {
		r = -1;
		saved = errno;
		unlinkat(dir, name, 0);
	}
	errno = saved;
	return r;
}

int
atomic_place(struct atomic *a, int dir, const char *name)
{
	int r = link_name(a, dir, name);

	atomic_abort(a);
	return r;
}

int
atomic_commit(struct atomic *a, int dir, const char *name)
{
	if (atomic_sync(a) < 0) {
		atomic_abort(a);
		return -1;
	}
	return atomic_link(a, dir, name);
}

void
atomic_aside(struct atomic *a)
{
	entries[a->slot].live = 0;
	close(a->fd);
	a->fd = -1;
}

int
atomic_take(struct atomic *a, int tmpdir, const char *name)
{
	return begin(a, tmpdir, name, O_RDONLY, 0);
}

void
atomic_abort(struct atomic *a)
{
	int saved = errno;

	if (a->fd < 0)
		return;
	unlinkat(a->tmpdir, a->tmpname, 0);
	entries[a->slot].live = 0;
	/* What mattered was synced. */
	close(a->fd);
	a->fd = -1;
	errno = saved;
}

int
atomic_sync_parent(const char *path)
{
	struct buf b = BUF_INIT;
	int fd, r;

	buf_adds(&b, path);
	buf_adds(&b, "/..");
	fd = open(buf_str(&b), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	buf_free(&b);
	if (fd < 0)
		return errno == EACCES ? 0 : -1;
	r = sync_fd(fd);
	close(fd);
	return r;
}

int
atomic_make_parents(char *path)
{
	int r = 0;

	for (char *p = path + 1; r == 0 && (p = strchr(p, '/')); p++) {
		*p = '\0';
		if (mkdir(path, 0700) == 0)
			r = atomic_sync_parent(path);
		else if (errno != EEXIST)
			r = -1;
		*p = '/';
	}
	return r;
}

int
atomic_scratch(void)
{
	const char *dir = getenv("TMPDIR");
	char path[4096];
	int fd;

	if (!dir || !*dir)
		dir = "/tmp";
	fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
		return fd;
	if (snprintf(path, sizeof path, "%s/mailpipe-XXXXXX", dir) >=
	    (int)sizeof path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	return fd;
}

void
atomic_sweep(int dir, time_t now)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	struct stat st;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((e = readdir(d)))
		if (fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode) && now - st.st_mtime > SWEEP_AGE)
			unlinkat(fd, e->d_name, 0);
	closedir(d);
}
