#include "maildrop.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "hash.h"
#include "parse.h"
#include "pop3.h"

#define BLOCK 32768

/* As root: the owner of the folder, before anything in it is opened. */
static int
become_owner(const char *dir)
{
	struct stat st;

	if (geteuid() != 0)
		return 0;
	if (stat(dir, &st) < 0)
		return -1;
	if (st.st_uid == 0)
		return 0;
	if (setgroups(0, NULL) < 0 || setgid(st.st_gid) < 0 ||
	    setuid(st.st_uid) < 0)
		return -1;
	return 0;
}

int
maildrop_open(struct maildrop *d, const char *dir)
{
	if (become_owner(dir) < 0)
		return -1;
	return maildir_open(&d->box, dir, false);
}

int
maildrop_lock(struct maildrop *d)
{
	int err;

	if (flock(d->box.dir, LOCK_EX | LOCK_NB) < 0)
		return -1;
	if (maildir_list(&d->box, &d->files, &d->n) < 0) {
		err = errno;
		d->n = 0;
		flock(d->box.dir, LOCK_UN);
		errno = err;
		return -1;
	}
	if (d->n > POP3_MESSAGES)
		d->n = POP3_MESSAGES;
	d->messages = xrealloc(NULL, (d->n + 1) * sizeof *d->messages);
	memset(d->messages, 0, (d->n + 1) * sizeof *d->messages);
	for (size_t i = 0; i < d->n; i++)
		d->messages[i].file = &d->files[i];
	return 0;
}

/* A regular file, whatever the name leads to by now; never waits. */
int
maildrop_read(
    struct maildrop *d, const struct maildrop_message *m, uint64_t *size)
{
	int fd = openat(m->file->in_new ? d->box.new : d->box.cur,
	    m->file->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		*size = (uint64_t)st.st_size;
		return fd;
	}
	close(fd);
	return -1;
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

/* Gives all but one of those that share a unique-id another one. */
static bool
spread(struct maildrop_message **sorted, size_t n)
{
	struct buf b = BUF_INIT;
	char hash[HASH_HEX];
	bool shared = false;

	qsort(sorted, n, sizeof *sorted, by_uid);
	for (size_t i = n; i-- > 1;) {
		struct maildrop_message *m = sorted[i];

		if (by_uid(&sorted[i - 1], &sorted[i]) != 0)
			continue;
		buf_reset(&b);
		buf_add(&b, m->uid, m->uid_len);
		buf_addf(&b, " %d %s", m->file->in_new, m->file->name);
		hash_hex(b.data, b.len, hash);
		m->uid = xstrdup(hash);
		m->uid_len = HASH_HEX - 1;
		shared = true;
	}
	buf_free(&b);
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
	while (spread(sorted, d->n))
		;
	free(sorted);
}

struct maildrop_message *
maildrop_find(struct maildrop *d, const char *arg, size_t n)
{
	struct maildrop_message *m;
	uint64_t number;

	if (parse_digits(arg, n, d->n, &number) < 0 || !number)
		return NULL;
	m = &d->messages[number - 1];
	return m->marked || m->gone ? NULL : m;
}

int
maildrop_update(struct maildrop *d)
{
	bool changed[2] = {false, false};
	int r = 0;

	for (size_t i = 0; i < d->n; i++) {
		const struct maildrop_message *m = &d->messages[i];
		int dir = m->file->in_new ? d->box.new : d->box.cur;

		if (!m->marked)
			continue;
		if (unlinkat(dir, m->file->name, 0) == 0) {
			changed[m->file->in_new] = true;
			d->removed++;
		} else if (errno != ENOENT)
			r = -1;
	}
	if (changed[0] && fsync(d->box.cur) < 0)
		r = -1;
	if (changed[1] && fsync(d->box.new) < 0)
		r = -1;
	flock(d->box.dir, LOCK_UN);
	return r;
}
