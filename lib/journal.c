#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "atomic.h"
#include "lock.h"

void
journal_describe(struct journal *j, const char *name, const char *value)
{
	buf_addf(&j->head, "%s ", name);
	for (; *value; value++)
		if ((unsigned char)*value < ' ' || *value == '%' ||
		    *value == 127)
			buf_addf(&j->head, "%%%02X", (unsigned char)*value);
		else
			buf_addc(&j->head, *value);
	buf_addc(&j->head, '\n');
}

static int
read_all(int fd, struct buf *b)
{
	ssize_t n;

	do {
		n = read(fd, buf_room(b, 65536), 65536);
		if (n > 0)
			b->len += (size_t)n;
	} while (n > 0 || (n < 0 && errno == EINTR));
	return n < 0 ? -1 : 0;
}

static int
write_all(int fd, const struct buf *b)
{
	size_t done = 0;
	ssize_t n;

	while (done < b->len) {
		n = write(fd, b->data + done, b->len - done);
		if (n < 0 && errno != EINTR)
			return -1;
		if (n > 0)
			done += (size_t)n;
	}
	return 0;
}

/* Makes the name of a new or renamed file durable. */
static int
sync_folder(const char *path)
{
	char *dir = xstrdup(path);
	int fd, r, err;

	*strrchr(dir, '/') = 0;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(dir);
	if (fd < 0)
		return -1;
	r = fsync(fd);
	err = errno;
	close(fd);
	errno = err;
	return r;
}

/* What a crash left of a head is begun anew. */
static int
write_head(struct journal *j)
{
	if (ftruncate(j->fd, 0) < 0 || write_all(j->fd, &j->head) < 0 ||
	    fsync(j->fd) < 0)
		return -1;
	return sync_folder(j->path);
}

static bool
is_head(const struct journal *j, const struct buf *b, size_t n)
{
	return b->len >= n && (n == 0 || memcmp(b->data, j->head.data, n) == 0);
}

static int
read_lines(struct journal *j, const struct buf *b,
    void (*line)(void *arg, const char *s, size_t n), void *arg)
{
	size_t at = j->head.len, n;
	const char *lf;

	while (at < b->len && (lf = memchr(b->data + at, '\n', b->len - at))) {
		n = (size_t)(lf - b->data) - at;
		line(arg, b->data + at, n);
		at += n + 1;
	}
	return at < b->len ? ftruncate(j->fd, (off_t)at) : 0;
}

static int
load(struct journal *j, void (*line)(void *arg, const char *s, size_t n),
    void *arg)
{
	struct buf b = BUF_INIT;
	int r = read_all(j->fd, &b);

	if (r == 0 && is_head(j, &b, j->head.len))
		r = read_lines(j, &b, line, arg);
	else if (r == 0 && b.len < j->head.len && is_head(j, &b, b.len))
		r = write_head(j);
	else if (r == 0) {
		errno = EBADMSG;
		r = -1;
	}
	buf_free(&b);
	return r;
}

/* Opens and locks what the path names now: the file may have been replaced
 * between the two. */
static int
open_locked(const char *path)
{
	struct stat a, b;
	int fd, err;

	for (;;) {
		fd = open(path,
		    O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK |
			O_CLOEXEC,
		    0600);
		if (fd < 0)
			return -1;
		if (lock_try(fd, 0, 0) < 0 || fstat(fd, &a) < 0)
			break;
		if (!S_ISREG(a.st_mode)) {
			errno = EBADMSG;
			break;
		}
		if (lstat(path, &b) == 0 && a.st_ino == b.st_ino &&
		    a.st_dev == b.st_dev)
			return fd;
		close(fd);
	}
	err = errno;
	close(fd);
	errno = err;
	return -1;
}

int
journal_open(struct journal *j, const char *path,
    void (*line)(void *arg, const char *s, size_t n), void *arg)
{
	j->fd = -1;
	j->path = xstrdup(path);
	if (atomic_make_parents(j->path) < 0)
		return -1;
	j->fd = open_locked(j->path);
	return j->fd < 0 ? -1 : load(j, line, arg);
}

/* A part of a line would make another one of what is added next time. */
int
journal_write(struct journal *j)
{
	struct stat st;
	int r, err;

	if (!j->out.len)
		return 0;
	r = fstat(j->fd, &st);
	if (r == 0 && (r = write_all(j->fd, &j->out)) < 0) {
		err = errno;
		if (ftruncate(j->fd, st.st_size) == 0)
			errno = err;
	}
	buf_reset(&j->out);
	return r;
}

int
journal_sync(struct journal *j)
{
	return journal_write(j) < 0 ? -1 : fdatasync(j->fd);
}

/* The new file is locked before it gets the name: nobody can come between. */
int
journal_replace(struct journal *j, const struct buf *lines)
{
	struct buf tmp = BUF_INIT;
	int fd, err;

	buf_addf(&tmp, "%s.new", j->path);
	unlink(buf_str(&tmp));
	fd = open(buf_str(&tmp),
	    O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
	if (fd >= 0 && write_all(fd, &j->head) == 0 &&
	    write_all(fd, lines) == 0 && fsync(fd) == 0 &&
	    lock_try(fd, 0, 0) == 0 && rename(buf_str(&tmp), j->path) == 0) {
		close(j->fd);
		j->fd = fd;
		buf_reset(&j->out);
		fd = sync_folder(j->path);
	} else {
		err = errno;
		if (fd >= 0)
			close(fd);
		unlink(buf_str(&tmp));
		errno = err;
		fd = -1;
	}
	buf_free(&tmp);
	return fd;
}

int
journal_close(struct journal *j)
{
	int r = 0;

	if (j->fd >= 0) {
		r = journal_write(j);
		if (close(j->fd) < 0)
			r = -1;
	}
	free(j->path);
	buf_free(&j->head);
	buf_free(&j->out);
	return r;
}
