#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "date.h"
#include "lock.h"
#include "mbox.h"

#define LOCK_SECONDS 30
#define BLOCK 65536

void
mbox_begin(struct mbox_quote *q, const char *sender, time_t t, struct buf *out)
{
	char date[DATE_MAX];
	const char *p = sender && *sender ? sender : "MAILER-DAEMON";

	date_asctime(t, date);
	buf_adds(out, "From ");
	for (; *p; p++)
		buf_addc(out, (unsigned char)*p <= ' ' || *p == 127 ? '-' : *p);
	buf_addf(out, " %s\n", date);
	*q = (struct mbox_quote){.bol = true, .start = true, .matched = 0};
}

/* At the start of a line, '>'s pass and "From " is held back until it is sure
 * what it is: a further '>' fits anywhere among the others. */
void
mbox_feed(struct mbox_quote *q, const char *in, size_t n, struct buf *out)
{
	static const char from[] = "From ";
	const char *end = n ? in + n : in, *lf;

	while (in < end) {
		if (!q->start) {
			lf = memchr(in, '\n', (size_t)(end - in));
			q->start = q->bol = lf != NULL;
			lf = lf ? lf + 1 : end;
			buf_add(out, in, (size_t)(lf - in));
			in = lf;
		} else if (*in == from[q->matched]) {
			q->bol = false;
			in++;
			if (++q->matched < 5)
				continue;
			buf_adds(out, ">From ");
			q->start = false;
			q->matched = 0;
		} else if (*in == '>' && q->matched == 0) {
			q->bol = false;
			buf_addc(out, *in++);
		} else {
			buf_add(out, from, q->matched);
			q->start = false;
			q->matched = 0;
		}
	}
}

void
mbox_end(struct mbox_quote *q, struct buf *out)
{
	buf_add(out, "From ", q->matched);
	buf_adds(out, q->bol ? "\n" : "\n\n");
	q->matched = 0;
}

/* Splits PATH into its folder, opened, and its last part. */
static int
open_folder(struct mbox *m, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	char *folder;

	m->dir = -1;
	if (*name == '\0' || strlen(name) + sizeof(".lock") > sizeof(m->name)) {
		errno = *name ? ENAMETOOLONG : EISDIR;
		return -1;
	}
	strcpy(m->name, name);
	folder = xstrdup(slash ? path : ".");
	if (slash)
		folder[slash > path ? slash - path : 1] = '\0';
	m->dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(folder);
	return m->dir < 0 ? -1 : 0;
}

static int
is_plain(const struct stat *st)
{
	if (S_ISREG(st->st_mode) && st->st_nlink == 1)
		return 0;
	errno = EINVAL;
	return -1;
}

/* A lock file is a regular one; waiting for anything else is waiting for good.
 */
static int
check_lock(const struct mbox *m)
{
	char name[sizeof(m->name) + 8];
	struct stat st;

	snprintf(name, sizeof(name), "%s.lock", m->name);
	if (fstatat(m->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    !S_ISREG(st.st_mode)) {
		errno = EINVAL;
		return -1;
	}
	return 0;
}

/* Looked at before it is opened, since opening a device may move it. */
static int
open_file(struct mbox *m)
{
	struct stat st;
	int tries;

	for (tries = 0; tries < 10; tries++) {
		int flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;

		if (fstatat(m->dir, m->name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
			if (is_plain(&st) != 0)
				return -1;
		} else if (errno == ENOENT) {
			flags |= O_CREAT | O_EXCL;
		} else {
			return -1;
		}
		m->fd = openat(m->dir, m->name, flags, 0600);
		if (m->fd >= 0)
			return fstat(m->fd, &st) == 0 ? is_plain(&st) : -1;
		if (errno == ELOOP)
			errno = EINVAL;
		if (errno != EEXIST && errno != ENOENT)
			return -1;
	}
	errno = EAGAIN;
	return -1;
}

static void
drop(struct mbox *m)
{
	int saved = errno;

	if (m->fd >= 0)
		close(m->fd);
	m->fd = -1;
	errno = saved;
}

/* Whether the name still gives the file that is locked: a mail reader may have
 * put another in its place. */
static int
is_current(struct mbox *m)
{
	struct stat named, held;

	if (fstat(m->fd, &held) != 0 ||
	    fstatat(m->dir, m->name, &named, AT_SYMLINK_NOFOLLOW) != 0)
		return 0;
	m->size = held.st_size;
	return named.st_ino == held.st_ino && named.st_dev == held.st_dev;
}

/* From the lock to the unlock a signal would leave half a message. */
static void
hold_signals(struct mbox *m)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, &m->signals);
}

/* The dot-lock, then the kernel's: the order of Dovecot and procmail. */
static int
lock_file(struct mbox *m)
{
	int tries;

	m->dotted = lock_dot(m->dir, m->name, LOCK_SECONDS) == 0;
	hold_signals(m);
	if (!m->dotted && errno != EACCES && errno != EPERM && errno != EROFS)
		return -1;
	for (tries = 0; tries < 10; tries++) {
		if (open_file(m) != 0 ||
		    lock_wait(m->fd, 0, 0, LOCK_SECONDS) != 0)
			return -1;
		if (is_current(m))
			return 0;
		drop(m);
	}
	errno = EAGAIN;
	return -1;
}

int
mbox_check(const char *path)
{
	struct mbox m = {.fd = -1};
	int result = open_folder(&m, path);
	struct stat st;

	if (result == 0 &&
	    fstatat(m.dir, m.name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		result = is_plain(&st);
	if (result == 0)
		result = check_lock(&m);
	if (m.dir >= 0)
		close(m.dir);
	return result;
}

int
mbox_open(struct mbox *m, const char *path)
{
	int saved;

	m->fd = -1;
	m->dotted = false;
	if (open_folder(m, path) != 0)
		return -1;
	/* What is no mbox is refused before its folder gets a lock file. */
	if (check_lock(m) == 0 && open_file(m) == 0) {
		drop(m);
		if (lock_file(m) == 0)
			return 0;
		mbox_close(m);
		return -1;
	}
	saved = errno;
	drop(m);
	close(m->dir);
	m->dir = -1;
	errno = saved;
	return -1;
}

static int
write_all(int fd, struct buf *out)
{
	size_t done = 0;
	ssize_t n;

	while (done < out->len) {
		n = write(fd, out->data + done, out->len - done);
		if (n < 0 && errno != EINTR)
			return -1;
		done += n > 0 ? (size_t)n : 0;
	}
	buf_reset(out);
	return 0;
}

/* What a killed writer left ends without the empty line that sets the next
 * From_ line apart. */
static int
mend(const struct mbox *m, struct buf *out)
{
	char last[2] = {'\n', '\n'};
	int n = m->size < 2 ? (int)m->size : 2;

	if (pread(m->fd, last + 2 - n, (size_t)n, m->size - n) != n)
		return -1;
	if (n > 0 && last[1] != '\n')
		buf_adds(out, "\n\n");
	else if (n > 0 && last[0] != '\n')
		buf_adds(out, "\n");
	return lseek(m->fd, m->size, SEEK_SET) < 0 ? -1 : 0;
}

static int
copy_body(struct mbox *m, struct mbox_quote *q, int body, struct buf *out)
{
	char *block = xrealloc(NULL, BLOCK);
	off_t at = 0;
	ssize_t n;
	int result = 0;

	while (result == 0 && (n = pread(body, block, BLOCK, at)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			result = -1;
			break;
		}
		at += n;
		mbox_feed(q, block, (size_t)n, out);
		if (out->len >= BLOCK)
			result = write_all(m->fd, out);
	}
	free(block);
	return result;
}

int
mbox_append(struct mbox *m, const char *sender, time_t t, const struct buf *top,
    int body)
{
	struct buf out = BUF_INIT;
	struct mbox_quote q;
	int result = mend(m, &out), saved;

	mbox_begin(&q, sender, t, &out);
	if (top)
		mbox_feed(&q, top->data, top->len, &out);
	if (result == 0)
		result = copy_body(m, &q, body, &out);
	mbox_end(&q, &out);
	if (result == 0 && (write_all(m->fd, &out) != 0 || fsync(m->fd) != 0))
		result = -1;
	/* A new file needs its name on the disk too. */
	if (result == 0 && m->size == 0 && fsync(m->dir) != 0)
		result = -1;
	saved = errno;
	if (result != 0 && ftruncate(m->fd, m->size) == 0)
		fsync(m->fd);
	buf_free(&out);
	errno = saved;
	return result;
}

void
mbox_close(struct mbox *m)
{
	int saved = errno;

	drop(m);
	if (m->dotted)
		lock_undot(m->dir, m->name);
	close(m->dir);
	m->dir = -1;
	sigprocmask(SIG_SETMASK, &m->signals, NULL);
	errno = saved;
}
