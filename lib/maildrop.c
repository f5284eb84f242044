#include "maildrop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "hash.h"
#include "owner.h"
#include "pop3.h"

#define BLOCK 32768

int
maildrop_open(struct maildrop *d, const char *dir)
{
	struct owner owner;

	if (geteuid() == 0 &&
	    (owner_of(dir, OWNER_FOLDER, &owner) < 0 ||
		owner_become(&owner) < 0))
		return -1;
	return maildir_open(&d->box, dir, false);
}

int
maildrop_lock(struct maildrop *d)
{
	int err;

	if (flock(d->box.dir, LOCK_EX | LOCK_NB) < 0)
		return -1;
	if (maildir_list(&d->box, &d->files, &d->n_files) < 0) {
		err = errno;
		flock(d->box.dir, LOCK_UN);
		errno = err;
		return -1;
	}
	d->n = d->n_files < POP3_MESSAGES ? d->n_files : POP3_MESSAGES;
	d->messages = xrealloc(NULL, (d->n + 1) * sizeof *d->messages);
	memset(d->messages, 0, (d->n + 1) * sizeof *d->messages);
	for (size_t i = 0; i < d->n; i++)
		d->messages[i].file = &d->files[i];
	return 0;
}

static int
open_message(struct maildrop *d, const struct maildir_entry *e, uint64_t *size)
{
	int fd = openat(e->in_new ? d->box.new : d->box.cur, e->name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		*size = (uint64_t)st.st_size;
		return fd;
	}
	close(fd);
	errno = EIO;
	return -1;
}

static bool
is_same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/* 1 when it was; 0 when nothing has changed since the last time; -1 with
 * errno. */
static int
list_again(struct maildrop *d)
{
	struct stat new, cur;

	if (fstat(d->box.new, &new) < 0 || fstat(d->box.cur, &cur) < 0)
		return -1;
	if (is_same_time(new.st_mtim, d->stamp[0]) &&
	    is_same_time(cur.st_mtim, d->stamp[1]))
		return 0;
	maildir_list_free(d->again, d->n_again);
	d->again = NULL;
	d->n_again = 0;
	d->stamp[0] = d->stamp[1] = (struct timespec){0};
	if (maildir_list(&d->box, &d->again, &d->n_again) < 0)
		return -1;
	d->stamp[0] = new.st_mtim;
	d->stamp[1] = cur.st_mtim;
	return 1;
}

/* Where a message is by the new list. NULL when it is not there; and when
 * another shares what does not change of its name, for then *alone is false:
 * it is not to be taken for that one. */
static const struct maildir_entry *
find_moved(
    const struct maildrop *d, const struct maildrop_message *m, bool *alone)
{
	const char *base = m->file->name;
	size_t len = strcspn(base, ":");
	const struct maildir_entry *e;

	maildir_find(d->files, d->n_files, base, len, alone);
	if (!*alone)
		return NULL;
	e = maildir_find(d->again, d->n_again, base, len, alone);
	return *alone ? e : NULL;
}

static int
open_moved(struct maildrop *d, const struct maildrop_message *m, uint64_t *size)
{
	bool alone;
	const struct maildir_entry *e = find_moved(d, m, &alone);

	errno = ENOENT;
	return e ? open_message(d, e, size) : -1;
}

int
maildrop_read(
    struct maildrop *d, const struct maildrop_message *m, uint64_t *size)
{
	int fd = open_message(d, m->file, size);

	if (fd < 0 && errno == ENOENT)
		fd = open_moved(d, m, size);
	if (fd < 0 && errno == ENOENT && list_again(d) > 0)
		fd = open_moved(d, m, size);
	return fd;
}

/* One LF more for each that has no CR before it. */
static uint64_t
wire_octets(const char *p, size_t n, char *last)
{
	const char *q = p, *end = p + n, *lf;
	uint64_t octets = n;

	while ((lf = memchr(q, '\n', (size_t)(end - q)))) {
		if ((lf > p ? lf[-1] : *last) != '\r')
			octets++;
		q = lf + 1;
	}
	*last = end[-1];
	return octets;
}

/* What RETR will send, dots not doubled: the same count as crlf_wire's. */
void
maildrop_measure(struct maildrop *d, struct maildrop_message *m)
{
	char block[BLOCK], last = '\n';
	uint64_t left;
	ssize_t n = 0;
	int fd;

	if (m->measured || m->gone)
		return;
	fd = maildrop_read(d, m, &left);
	m->gone = fd < 0;
	if (fd < 0)
		return;
	for (m->octets = 0; left; left -= (uint64_t)n) {
		n = read(fd, block, left < BLOCK ? (size_t)left : BLOCK);
		if (n <= 0)
			break;
		m->octets += wire_octets(block, (size_t)n, &last);
	}
	if (last != '\n')
		m->octets += last == '\r' ? 1 : 2;
	close(fd);
	m->gone = left > 0;
	m->measured = !m->gone;
}

/* The part of a file name that never changes. Where that is no unique-id, or
 * not the only one, its hash is. */
static void
set_uid(struct maildrop_message *m, const char *text, size_t n)
{
	char hash[HASH_HEX];

	if (pop3_is_uid(text, n)) {
		m->uid = text;
		m->uid_len = (unsigned char)n;
		return;
	}
	hash_hex(text, n, hash);
	m->uid = xstrdup(hash);
	m->uid_len = HASH_HEX - 1;
}

static int
by_uid(const void *a, const void *b)
{
	const struct maildrop_message *x = *(struct maildrop_message *const *)a;
	const struct maildrop_message *y = *(struct maildrop_message *const *)b;
	size_t n = x->uid_len < y->uid_len ? x->uid_len : y->uid_len;
	int c = memcmp(x->uid, y->uid, n);

	if (c == 0)
		c = (x->uid_len > y->uid_len) - (x->uid_len < y->uid_len);
	return c;
}

/* The inode stays when flags change; two names of one file tell themselves
 * apart in the second round. */
static void
set_another_uid(struct maildrop *d, struct maildrop_message *m, bool first)
{
	int dir = m->file->in_new ? d->box.new : d->box.cur;
	struct buf b = BUF_INIT;
	char hash[HASH_HEX];
	struct stat st;

	buf_add(&b, m->uid, m->uid_len);
	if (first && fstatat(dir, m->file->name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		buf_addf(&b, " %ju", (uintmax_t)st.st_ino);
	else
		buf_addf(&b, " %d %s", m->file->in_new, m->file->name);
	hash_hex(b.data, b.len, hash);
	buf_free(&b);
	if (m->uid != m->file->name)
		free((char *)m->uid);
	m->uid = xstrdup(hash);
	m->uid_len = HASH_HEX - 1;
}

/* Of those that share a unique-id none keeps it: a client that once knew it
 * would take the wrong one for fetched. */
static bool
spread(struct maildrop *d, struct maildrop_message **sorted, bool first)
{
	bool shared = false;

	qsort(sorted, d->n, sizeof *sorted, by_uid);
	for (size_t i = 0, end; i < d->n; i = end) {
		for (end = i + 1; end < d->n; end++)
			if (by_uid(&sorted[i], &sorted[end]) != 0)
				break;
		if (end - i == 1)
			continue;
		shared = true;
		for (size_t k = i; k < end; k++)
			set_another_uid(d, sorted[k], first);
	}
	return shared;
}

void
maildrop_name(struct maildrop *d)
{
	struct maildrop_message **sorted;

	if (d->named || !d->n)
		return;
	d->named = true;
	sorted = xrealloc(NULL, d->n * sizeof *sorted);
	for (size_t i = 0; i < d->n; i++) {
		const char *name = d->messages[i].file->name;

		sorted[i] = &d->messages[i];
		set_uid(sorted[i], name, strcspn(name, ":"));
	}
	for (bool first = true; spread(d, sorted, first);)
		first = false;
	free(sorted);
}

struct maildrop_message *
maildrop_find(struct maildrop *d, uint64_t number)
{
	struct maildrop_message *m;

	if (number < 1 || number > d->n)
		return NULL;
	m = &d->messages[number - 1];
	return m->marked || m->gone ? NULL : m;
}

/* 1 when it was there; 0 when not; -1 with errno. */
static int
remove_entry(struct maildrop *d, const struct maildir_entry *e, bool changed[2])
{
	if (unlinkat(e->in_new ? d->box.new : d->box.cur, e->name, 0) < 0)
		return errno == ENOENT ? 0 : -1;
	changed[e->in_new] = true;
	d->removed++;
	return 1;
}

/* Marks stay on what is not where it was. 0, or -1. */
static int
remove_marked(struct maildrop *d, bool changed[2], size_t *missing)
{
	int r = 0, done;

	for (size_t i = 0; i < d->n; i++) {
		struct maildrop_message *m = &d->messages[i];

		if (!m->marked)
			continue;
		done = remove_entry(d, m->file, changed);
		*missing += done == 0;
		m->marked = done == 0;
		if (done < 0)
			r = -1;
	}
	return r;
}

/* What moved once more, or cannot be told from another, is left, and the client
 * hears of it. */
static int
remove_moved(struct maildrop *d, bool changed[2])
{
	int r = 0;

	if (list_again(d) < 0)
		return -1;
	for (size_t i = 0; i < d->n; i++) {
		const struct maildrop_message *m = &d->messages[i];
		const struct maildir_entry *e;
		bool alone;

		if (!m->marked)
			continue;
		e = find_moved(d, m, &alone);
		if (!alone || (e && remove_entry(d, e, changed) <= 0))
			r = -1;
	}
	return r;
}

int
maildrop_update(struct maildrop *d)
{
	bool changed[2] = {false, false};
	size_t missing = 0;
	int r = remove_marked(d, changed, &missing);

	if (missing && remove_moved(d, changed) < 0)
		r = -1;
	if (changed[0] && fsync(d->box.cur) < 0)
		r = -1;
	if (changed[1] && fsync(d->box.new) < 0)
		r = -1;
	flock(d->box.dir, LOCK_UN);
	return r;
}
