#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lock.h"
#include "parse.h"

#define STALE_AGE 300
#define DOT_TEXT 128

static int
set_lock(int fd, short type, off_t offset, off_t length)
{
	struct flock l = {.l_type = type,
	    .l_whence = SEEK_SET,
	    .l_start = offset,
	    .l_len = length};
	int r;

	do
		r = fcntl(fd, F_OFD_SETLK, &l);
	while (r < 0 && errno == EINTR);
	if (r < 0 && errno == EACCES)
		errno = EAGAIN;
	return r;
}

int
lock_try(int fd, off_t offset, off_t length)
{
	return set_lock(fd, F_WRLCK, offset, length);
}

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Sleeps, longer each time, to a tenth of a second; false when it is time to
 * give up. */
static bool
pause_until(int64_t until, long *ms)
{
	struct timespec t = {0, 0};
	int64_t left = until - now_ms();

	if (left <= 0)
		return false;
	if (*ms > left)
		*ms = (long)left;
	t.tv_nsec = *ms * 1000000;
	nanosleep(&t, NULL);
	*ms = *ms < 50 ? *ms * 2 : 100;
	return true;
}

int
lock_wait(int fd, off_t offset, off_t length, unsigned seconds)
{
	int64_t until = now_ms() + (int64_t)seconds * 1000;
	long ms = 1;

	while (lock_try(fd, offset, length) < 0) {
		if (errno != EAGAIN)
			return -1;
		if (!pause_until(until, &ms)) {
			errno = EAGAIN;
			return -1;
		}
	}
	return 0;
}

void
lock_drop(int fd, off_t offset, off_t length)
{
	set_lock(fd, F_UNLCK, offset, length);
}

static int
dot_name(const char *name, char out[256])
{
	if (snprintf(out, 256, "%s.lock", name) < 256)
		return 0;
	errno = ENAMETOOLONG;
	return -1;
}

/* "PID:HOST", as Dovecot writes it; liblockfile reads the number. */
static size_t
dot_text(char text[DOT_TEXT])
{
	char host[65] = "";

	gethostname(host, sizeof host - 1);
	return (size_t)snprintf(
	    text, DOT_TEXT, "%ld:%s\n", (long)getpid(), host);
}

static int
dot_write(int fd)
{
	char text[DOT_TEXT];
	size_t n = dot_text(text);
	ssize_t w = write(fd, text, n);

	if (w == (ssize_t)n)
		return 0;
	if (w >= 0)
		errno = ENOSPC;
	return -1;
}

/* Where the file system cannot do what dot_create does. */
static int
dot_create_plain(int dirfd, const char *lock)
{
	int fd = openat(dirfd, lock,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	int saved, r;

	if (fd < 0)
		return -1;
	r = dot_write(fd);
	saved = errno;
	if (r < 0)
		unlinkat(dirfd, lock, 0);
	close(fd); /* only its existence counts */
	errno = saved;
	return r;
}

/* The lock has its text from the start: an empty one, left by a process that
 * was killed, would be nobody's and hold all others until it is old. */
static int
dot_create(int dirfd, const char *lock)
{
	int fd = openat(dirfd, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0644);
	char path[40];
	int saved, r;

	if (fd < 0)
		return dot_create_plain(dirfd, lock);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	r = dot_write(fd);
	if (r == 0) {
		r = linkat(AT_FDCWD, path, dirfd, lock, AT_SYMLINK_FOLLOW);
		if (r < 0 && errno != EEXIST)
			r = dot_create_plain(dirfd, lock);
	}
	saved = errno;
	close(fd);
	errno = saved;
	return r;
}

/* The lock file, only where it is a regular one: never followed, never waited
 * for. text holds its first line. -1 otherwise. */
static int
dot_open(int dirfd, const char *lock, struct stat *st, char text[DOT_TEXT])
{
	int fd = openat(dirfd, lock,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	if (fstat(fd, st) < 0 || !S_ISREG(st->st_mode) ||
	    (n = pread(fd, text, DOT_TEXT - 1, 0)) < 0) {
		close(fd);
		return -1;
	}
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return fd;
}

/* Whether "PID" or "PID:HOST" is a process of this host that has ended. */
static bool
holder_is_dead(const char *text)
{
	char host[65] = "";
	size_t digits = strspn(text, "0123456789");
	uint64_t pid;

	if (parse_digits(text, digits, INT32_MAX, &pid) < 0 || pid == 0)
		return false;
	gethostname(host, sizeof host - 1);
	if (text[digits] == ':' && strcmp(text + digits + 1, host) != 0)
		return false;
	return kill((pid_t)pid, 0) < 0 && errno == ESRCH;
}

/* Removes a stale lock, and says whether it did. Of two that see one and the
 * same, only the holder of flock removes it, and only while the name is still
 * that file's: or the slow one would remove the quick one's new lock. */
static bool
break_stale(int dirfd, const char *lock)
{
	struct stat st, named;
	char text[DOT_TEXT];
	int fd = dot_open(dirfd, lock, &st, text);
	bool gone;

	if (fd < 0)
		return false;
	gone = (time(NULL) - st.st_mtime > STALE_AGE || holder_is_dead(text)) &&
	    flock(fd, LOCK_EX | LOCK_NB) == 0 &&
	    fstatat(dirfd, lock, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	    named.st_ino == st.st_ino && named.st_dev == st.st_dev &&
	    unlinkat(dirfd, lock, 0) == 0;
	close(fd);
	return gone;
}

int
lock_dot(int dirfd, const char *name, unsigned seconds)
{
	int64_t until = now_ms() + (int64_t)seconds * 1000;
	char lock[256];
	long ms = 1;

	if (dot_name(name, lock) < 0)
		return -1;
	while (dot_create(dirfd, lock) < 0) {
		if (errno != EEXIST)
			return -1;
		if (break_stale(dirfd, lock))
			continue;
		if (!pause_until(until, &ms)) {
			errno = EAGAIN;
			return -1;
		}
	}
	return 0;
}

void
lock_undot(int dirfd, const char *name)
{
	char lock[256], text[DOT_TEXT], ours[DOT_TEXT];
	struct stat st;
	int fd;

	if (dot_name(name, lock) < 0)
		return;
	fd = dot_open(dirfd, lock, &st, text);
	if (fd < 0)
		return;
	ours[dot_text(ours) - 1] = '\0';
	/* Another's, if we held it so long that it was taken for stale. */
	if (strcmp(text, ours) == 0)
		unlinkat(dirfd, lock, 0);
	close(fd);
}
