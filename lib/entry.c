#include "entry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "address.h"
#include "lock.h"
#include "parse.h"
#include "reply.h"

/* mailpipe-queue 1 OFFSET SIZE / created / expires / tries, all of fixed
 * width, so that tries can be overwritten. */
#define FIRST 43
#define TIME_LINE 20
#define TRIES_AT (FIRST + 2 * TIME_LINE + 6)
#define TRACE_AT (TRIES_AT + 6)
/* "R . 000 TEXT <": what comes before an address. */
#define RCPT_AT (9 + QUEUE_TEXT)
#define MARK_SIZE (6 + QUEUE_TEXT)
#define ANY_FORM (ADDRESS_NULL | ADDRESS_BARE | ADDRESS_UTF8)

static int
fail(int err)
{
	errno = err;
	return -1;
}

/* --- reading --- */

static int
read_all(int fd, char *data, size_t n, off_t at)
{
	ssize_t r;

	for (; n > 0; data += r, n -= (size_t)r, at += r) {
		r = pread(fd, data, n, at);
		if (r < 0 && errno == EINTR)
			r = 0;
		else if (r <= 0)
			return r ? -1 : fail(EBADMSG);
	}
	return 0;
}

static int
parse_first(struct entry *e, const char *line, uint64_t length)
{
	if (memcmp(line, "mailpipe-queue 1 ", 17) || line[25] != ' ' ||
	    line[FIRST - 1] != '\n' ||
	    parse_digits(line + 17, 8, UINT64_MAX, &e->offset) ||
	    parse_digits(line + 26, 16, UINT64_MAX, &e->size) ||
	    e->offset < TRACE_AT + 10 || e->offset > length ||
	    length - e->offset != e->size)
		return fail(EBADMSG);
	return 0;
}

/* "LABEL digits" with its line end: n octets at s. */
static int
parse_fixed(const char *s, const char *label, size_t n, uint64_t *out)
{
	size_t k = strlen(label);

	if (memcmp(s, label, k) || s[n - 1] != '\n')
		return -1;
	return parse_digits(s + k, n - k - 1, 99999999999, out);
}

/* "<path>[ params]" at s becomes two strings in place. */
static int
parse_path(char *s, const char **path, const char **params)
{
	struct address a;
	int n = address_parse_path(&a, s, strlen(s), ANY_FORM);

	if (n < 2 || (s[n] != '\0' && s[n] != ' '))
		return -1;
	*params = s[n] ? s + n + 1 : "";
	s[n - 1] = '\0';
	*path = s + 1;
	return 0;
}

static int
parse_rcpt(struct entry *e, char *line)
{
	struct entry_rcpt *r = &e->rcpts[e->n];
	uint64_t code;
	size_t len;

	if (strlen(line) < RCPT_AT + 1 || !line[2] ||
	    !strchr(ENTRY_MARKS, line[2]) || line[3] != ' ' || line[7] != ' ' ||
	    line[RCPT_AT - 1] != ' ' || parse_digits(line + 4, 3, 999, &code) ||
	    parse_path(line + RCPT_AT, &r->address, &r->params))
		return -1;
	r->at = line + 2 - e->head;
	r->mark = line[2];
	r->code = (int)code;
	for (len = QUEUE_TEXT; len > 0 && line[7 + len] == ' '; len--)
		;
	memcpy(r->text, line + 8, len);
	r->text[len] = '\0';
	e->n++;
	return 0;
}

static int
parse_trace(struct entry *e, char *line)
{
	char *blank;

	if (strncmp(line, "trace ", 6))
		return -1;
	e->mail_id = line + 6;
	blank = strchr(line + 6, ' ');
	if (blank)
		*blank = '\0';
	e->origin = blank ? blank + 1 : "";
	return parse_is_mail_id(e->mail_id) ? 0 : -1;
}

/* The lines from trace to the empty one that ends the envelope. */
static int
parse_lines(struct entry *e)
{
	char *line = e->head + TRACE_AT, *end = e->head + e->offset, *next;
	size_t number, cap = 0;

	for (number = 0; line < end - 1; line = next, number++) {
		next = memchr(line, '\n', (size_t)(end - line));
		if (!next)
			return -1;
		*next++ = '\0';
		if (e->n == cap) {
			cap = cap ? 2 * cap : 4;
			e->rcpts = xrealloc(e->rcpts, cap * sizeof *e->rcpts);
		}
		if (number == 0 ? parse_trace(e, line)
			: number == 1
			? strncmp(line, "F ", 2) ||
			    parse_path(line + 2, &e->sender, &e->params)
			: strncmp(line, "R ", 2) || parse_rcpt(e, line))
			return -1;
	}
	return line == end - 1 && *line == '\n' && e->n ? 0 : -1;
}

static int
parse_head(struct entry *e)
{
	uint64_t created, expires, tries;

	if (parse_fixed(e->head + FIRST, "created ", TIME_LINE, &created) ||
	    parse_fixed(
		e->head + FIRST + TIME_LINE, "expires ", TIME_LINE, &expires) ||
	    parse_fixed(e->head + TRIES_AT - 6, "tries ", 12, &tries) ||
	    memchr(e->head, '\0', e->offset) || parse_lines(e))
		return fail(EBADMSG);
	e->created = (time_t)created;
	e->expires = (time_t)expires;
	e->tries = (unsigned)tries;
	return 0;
}

static int
read_head(struct entry *e)
{
	char first[4096];
	struct stat st;
	size_t n = sizeof first;

	if (fstat(e->fd, &st))
		return -1;
	if (!S_ISREG(st.st_mode) || st.st_size < TRACE_AT + 10)
		return fail(EBADMSG);
	if ((size_t)st.st_size < n)
		n = (size_t)st.st_size;
	if (read_all(e->fd, first, n, 0))
		return -1;
	if (parse_first(e, first, (uint64_t)st.st_size))
		return fail(EBADMSG);
	e->head = xrealloc(NULL, e->offset + 1);
	if (e->offset <= n)
		memcpy(e->head, first, e->offset);
	else if (read_all(e->fd, e->head, e->offset, 0))
		return -1;
	e->head[e->offset] = '\0';
	return parse_head(e);
}

static int
open_name(int folder, const struct qname *n, int flags, struct entry *e)
{
	char file[QNAME];
	struct stat st;

	*e = (struct entry){.name = *n};
	qname_write(n, file);
	e->fd =
	    openat(folder, file, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (e->fd < 0) /* a link, a folder, a socket */
		return errno == ELOOP || errno == EISDIR || errno == ENXIO
		    ? fail(EBADMSG)
		    : -1;
	if (fstat(e->fd, &st))
		return -1;
	e->inode = st.st_ino;
	return 0;
}

int
entry_open(int folder, const struct qname *n, struct entry *e)
{
	int saved;

	if (!open_name(folder, n, O_RDONLY, e) && !read_head(e))
		return 0;
	saved = errno;
	entry_close(e);
	return fail(saved);
}

int
entry_find(struct queue *q, const char *id, struct entry *e)
{
	struct qname n;

	if (!qname_find(q->queue, id, &n))
		return entry_open(q->queue, &n, e);
	if (queue_dead(q, false) < 0 || qname_find(q->dead, id, &n))
		return -1;
	return entry_open(q->dead, &n, e);
}

void
entry_close(struct entry *e)
{
	if (e->fd >= 0)
		close(e->fd);
	e->fd = -1;
	free(e->rcpts);
	free(e->head);
	e->rcpts = NULL;
	e->head = NULL;
}

/* --- claiming --- */

static off_t
lock_byte(const struct entry *e)
{
	return (off_t)(e->inode & 0x3fffffffffffffff);
}

static int
still_there(struct queue *q, const struct entry *e)
{
	char file[QNAME];
	struct stat st;

	qname_write(&e->name, file);
	if (fstatat(q->queue, file, &st, AT_SYMLINK_NOFOLLOW))
		return -1;
	return st.st_ino == e->inode ? 0 : fail(ENOENT);
}

int
entry_claim(struct queue *q, const struct qname *n, struct entry *e)
{
	int saved;

	if (!open_name(q->queue, n, O_RDWR, e) &&
	    !lock_try(q->lock, lock_byte(e), 1)) {
		if (!still_there(q, e) && !read_head(e))
			return 0;
		saved = errno;
		entry_release(q, e);
		return fail(saved);
	}
	saved = errno;
	entry_close(e);
	return fail(saved);
}

void
entry_release(struct queue *q, struct entry *e)
{
	lock_drop(q->lock, lock_byte(e), 1);
	entry_close(e);
}

/* --- working on it --- */

static int
overwrite(struct entry *e, const char *data, size_t n, off_t at)
{
	ssize_t w;

	for (; n > 0; data += w, n -= (size_t)w, at += w) {
		w = pwrite(e->fd, data, n, at);
		if (w < 0 && errno == EINTR)
			w = 0;
		else if (w < 0)
			return -1;
	}
	return fdatasync(e->fd);
}

/* Escaped and cut, not within a character of UTF-8. */
static void
set_text(struct entry_rcpt *r, const char *text)
{
	char whole[4 * QUEUE_TEXT];
	size_t n = reply_escape(text, strlen(text), whole, sizeof whole);

	if (n > QUEUE_TEXT)
		for (n = QUEUE_TEXT; n > 0 && (whole[n] & 0xc0) == 0x80; n--)
			;
	while (n > 0 && whole[n - 1] == ' ')
		n--;
	memcpy(r->text, whole, n);
	r->text[n] = '\0';
}

void
entry_note(struct entry *e, size_t i, char mark, int code, const char *text)
{
	struct entry_rcpt *r = &e->rcpts[i];

	r->mark = mark;
	r->code = code >= 0 && code <= 999 ? code : 0;
	if (text != r->text)
		set_text(r, text);
}

int
entry_mark(struct entry *e, size_t i, char mark, int code, const char *text)
{
	struct entry_rcpt *r = &e->rcpts[i];
	char data[MARK_SIZE + 1];

	entry_note(e, i, mark, code, text);
	snprintf(data, sizeof data, "%c %03d %-*s", mark, r->code, QUEUE_TEXT,
	    r->text);
	return overwrite(e, data, MARK_SIZE, r->at);
}

int
entry_tries(struct entry *e, unsigned tries)
{
	char digits[12];

	e->tries = tries > 99999 ? 99999 : tries;
	snprintf(digits, sizeof digits, "%05u", e->tries);
	return overwrite(e, digits, 5, TRIES_AT);
}

int
entry_rename(struct queue *q, struct entry *e, long long due, char state)
{
	char old[QNAME], new[QNAME];
	struct qname n = e->name;

	n.due = due < 0 ? 0 : due > 99999999999 ? 99999999999 : due;
	n.state = state;
	qname_write(&e->name, old);
	qname_write(&n, new);
	if (!strcmp(old, new))
		return 0;
	if (renameat(q->queue, old, q->queue, new))
		return -1;
	e->name = n;
	return 0;
}

int
entry_remove(struct queue *q, struct entry *e)
{
	char file[QNAME];

	qname_write(&e->name, file);
	return unlinkat(q->queue, file, 0);
}

int
entry_bury(struct queue *q, struct entry *e)
{
	char file[QNAME];

	qname_write(&e->name, file);
	if (queue_dead(q, true) < 0 || renameat(q->queue, file, q->dead, file))
		return -1;
	return fsync(q->dead) || fsync(q->queue) ? -1 : 0;
}

/* --- looking at it --- */

bool
entry_is_open(const struct entry_rcpt *r)
{
	return strchr(".w?", r->mark) != NULL;
}
