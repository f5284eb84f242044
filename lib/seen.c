#include "seen.h"

#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "hash.h"
#include "lock.h"

#define HEAD "mailpipe-seen 1\n"
#define DONE " done\n" /* confirms the names before it */
#define NAME_MAX_LEN 255
#define COMPACT_OVER 100
/* octets of a source that its file's name shows */
#define PLAIN \
	"0123456789.@_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* One UID in the tree; keys compare from the first byte. */
struct known {
	char uid[SEEN_UID + 1];
	bool used;
	char *name; /* of a file not yet confirmed, or NULL */
};

struct seen {
	int fd;
	char *path;
	struct buf head; /* the first lines, as the file has them */
	void *tree;
	size_t count, used;
	struct known **unsure;
	size_t n_unsure;
	struct buf out; /* lines not yet written */
};

static int
compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static struct known *
find(const struct seen *s, const char *uid)
{
	struct known **e = tfind(uid, &s->tree, compare);

	return e ? *e : NULL;
}

static struct known *
insert(struct seen *s, const char *uid, size_t n)
{
	struct known *e = xrealloc(NULL, sizeof *e), **at;

	memset(e, 0, sizeof *e);
	memcpy(e->uid, uid, n);
	at = tsearch(e, &s->tree, compare);
	if (!at)
		xrealloc(NULL, PTRDIFF_MAX); /* ends as memory out does */
	if (*at != e)
		free(e);
	else
		s->count++;
	return *at;
}

static bool
is_token(const char *s, size_t n, size_t max)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] < 0x21 || s[i] > 0x7e)
			return false;
	return n > 0 && n <= max;
}

static void
set_name(struct seen *s, struct known *e, const char *name, size_t n)
{
	if (e->name)
		return;
	e->name = xrealloc(NULL, n + 1);
	memcpy(e->name, name, n);
	e->name[n] = 0;
	s->unsure = xrealloc(s->unsure, (s->n_unsure + 1) * sizeof *s->unsure);
	s->unsure[s->n_unsure++] = e;
}

static void
drop_names(struct seen *s)
{
	for (size_t i = 0; i < s->n_unsure; i++) {
		free(s->unsure[i]->name);
		s->unsure[i]->name = NULL;
	}
	s->n_unsure = 0;
}

/* "UID", "UID NAME" or " done"; a line that is none of them is what a power
 * cut leaves, and is passed over. */
static void
read_entry(struct seen *s, const char *line, size_t n)
{
	const char *blank = memchr(line, ' ', n);
	size_t uid = blank ? (size_t)(blank - line) : n;
	struct known *e;

	if (n + 1 == strlen(DONE) && memcmp(line, DONE, n) == 0) {
		drop_names(s);
		return;
	}
	if (!is_token(line, uid, SEEN_UID) ||
	    (blank && !is_token(blank + 1, n - uid - 1, NAME_MAX_LEN)))
		return;
	e = insert(s, line, uid);
	if (blank)
		set_name(s, e, blank + 1, n - uid - 1);
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

/* Reads the open, locked file into the set. An empty one gets its head; a last
 * line without its end was cut while it was written and goes. */
static int
load(struct seen *s)
{
	struct buf b = BUF_INIT;
	size_t at = s->head.len, whole = 0;
	int r = read_all(s->fd, &b);
	const char *lf;

	if (r == 0 && b.len < at &&
	    memcmp(b.len ? b.data : "", s->head.data, b.len) == 0) {
		r = ftruncate(s->fd, 0);
		if (r == 0)
			r = write_all(s->fd, &s->head);
		if (r == 0 && (r = fsync(s->fd)) == 0)
			r = sync_folder(s->path);
		buf_free(&b);
		return r;
	}
	if (r == 0 && memcmp(b.data, s->head.data, at) != 0) {
		errno = EBADMSG;
		r = -1;
	}
	for (whole = at; r == 0 && at < b.len; whole = at) {
		lf = memchr(b.data + at, '\n', b.len - at);
		if (!lf)
			break;
		read_entry(s, b.data + at, (size_t)(lf - b.data) - at);
		at = (size_t)(lf - b.data) + 1;
	}
	if (r == 0 && whole < b.len)
		r = ftruncate(s->fd, (off_t)whole);
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

/* Makes each missing folder above the last slash, 0700. */
static int
make_folders(char *path)
{
	for (char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = 0;
		if (mkdir(path, 0700) < 0 && errno != EEXIST) {
			*p = '/';
			return -1;
		}
		*p = '/';
	}
	return 0;
}

/* Readable for people, kept apart by the hash. */
static char *
journal_path(const char *source, const char *sink)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	struct buf b = BUF_INIT, key = BUF_INIT;
	char hash[HASH_HEX];

	if (state && *state == '/')
		buf_addf(&b, "%s/mailpipe/", state);
	else if (home && *home == '/')
		buf_addf(&b, "%s/.local/state/mailpipe/", home);
	else {
		errno = ENOENT;
		return NULL;
	}
	for (size_t i = 0; source[i] && i < 100; i++)
		if (strchr(PLAIN, source[i]))
			buf_addc(&b, source[i]);
		else if (b.data[b.len - 1] != '-')
			buf_addc(&b, '-');
	buf_add(&key, source, strlen(source) + 1);
	buf_adds(&key, sink);
	hash_hex(key.data, key.len, hash);
	buf_addf(&b, "-%s", hash);
	buf_free(&key);
	return buf_str(&b);
}

/* The value with control bytes and % as %XX: one line. */
static void
add_field(struct buf *b, const char *name, const char *value)
{
	buf_adds(b, name);
	for (; *value; value++)
		if ((unsigned char)*value < ' ' || *value == '%' ||
		    *value == 127)
			buf_addf(b, "%%%02X", (unsigned char)*value);
		else
			buf_addc(b, *value);
	buf_addc(b, '\n');
}

struct seen *
seen_open(const char *source, const char *sink, char **path)
{
	struct seen *s;
	int err;

	*path = journal_path(source, sink);
	if (!*path || make_folders(*path) < 0)
		return NULL;
	s = xrealloc(NULL, sizeof *s);
	memset(s, 0, sizeof *s);
	s->path = xstrdup(*path);
	buf_adds(&s->head, HEAD);
	add_field(&s->head, "source ", source);
	add_field(&s->head, "sink ", sink);
	s->fd = open_locked(s->path);
	if (s->fd >= 0 && load(s) == 0)
		return s;
	err = errno;
	seen_close(s);
	errno = err;
	return NULL;
}

bool
seen_has(struct seen *s, const char *uid, size_t n)
{
	char key[SEEN_UID + 1];
	struct known *e;

	if (!is_token(uid, n, SEEN_UID))
		return false;
	memcpy(key, uid, n);
	key[n] = 0;
	e = find(s, key);
	if (e && !e->used) {
		e->used = true;
		s->used++;
	}
	return e;
}

size_t
seen_count(const struct seen *s)
{
	return s->count;
}

int
seen_add(struct seen *s, const char *uid, size_t n, const char *name)
{
	struct known *e;

	if (!is_token(uid, n, SEEN_UID) ||
	    (name && !is_token(name, strlen(name), NAME_MAX_LEN))) {
		errno = EINVAL;
		return -1;
	}
	e = insert(s, uid, n);
	if (!e->used) {
		e->used = true;
		s->used++;
	}
	buf_add(&s->out, uid, n);
	if (name) {
		set_name(s, e, name, strlen(name));
		buf_addf(&s->out, " %s", name);
	}
	buf_addc(&s->out, '\n');
	return 0;
}

static int
write_out(struct seen *s)
{
	int r = write_all(s->fd, &s->out);

	buf_reset(&s->out);
	return r;
}

int
seen_sync(struct seen *s)
{
	if (!s->out.len)
		return 0;
	return write_out(s) < 0 ? -1 : fdatasync(s->fd);
}

void
seen_confirm(struct seen *s)
{
	if (!s->n_unsure)
		return;
	drop_names(s);
	buf_adds(&s->out, DONE);
}

/* --- writing the file anew --- */
struct walk {
	struct seen *s;
	struct buf lines;
	bool all;
};

static void
keep_known(const void *node, VISIT visit, void *arg)
{
	const struct known *e = *(struct known *const *)node;
	struct walk *w = arg;

	if ((visit != postorder && visit != leaf) || (!w->all && !e->used))
		return;
	buf_addf(&w->lines, "%s\n", e->uid);
}

/* The new file is locked before it gets the name: nobody can come between. */
static int
rewrite(struct seen *s, bool all)
{
	struct walk w = {s, BUF_INIT, all};
	struct buf tmp = BUF_INIT;
	int fd, err;

	buf_add(&w.lines, s->head.data, s->head.len);
	twalk_r(s->tree, keep_known, &w);
	buf_addf(&tmp, "%s.new", s->path);
	unlink(buf_str(&tmp));
	fd = open(buf_str(&tmp),
	    O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
	if (fd >= 0 && write_all(fd, &w.lines) == 0 && fsync(fd) == 0 &&
	    lock_try(fd, 0, 0) == 0 && rename(buf_str(&tmp), s->path) == 0) {
		close(s->fd);
		s->fd = fd;
		buf_reset(&s->out);
		fd = sync_folder(s->path);
	} else {
		err = errno;
		if (fd >= 0)
			close(fd);
		unlink(buf_str(&tmp));
		errno = err;
		fd = -1;
	}
	buf_free(&w.lines);
	buf_free(&tmp);
	return fd;
}

int
seen_settle(
    struct seen *s, bool (*exists)(const char *name, void *arg), void *arg)
{
	size_t missing = 0;

	for (size_t i = 0; i < s->n_unsure; i++) {
		struct known *e = s->unsure[i];

		if (exists(e->name, arg)) {
			free(e->name);
			e->name = NULL;
			continue;
		}
		tdelete(e, &s->tree, compare);
		free(e->name);
		free(e);
		s->count--;
		missing++;
	}
	if (!missing && s->n_unsure)
		buf_adds(&s->out, DONE);
	s->n_unsure = 0;
	return missing ? rewrite(s, true) : 0;
}

int
seen_compact(struct seen *s)
{
	size_t gone = s->count - s->used;

	if (gone <= COMPACT_OVER || gone <= s->used || s->n_unsure)
		return 0;
	return rewrite(s, false);
}

static void
free_known(void *e)
{
	free(((struct known *)e)->name);
	free(e);
}

int
seen_close(struct seen *s)
{
	int r = 0;

	if (s->fd >= 0) {
		r = s->out.len ? write_out(s) : 0;
		if (close(s->fd) < 0)
			r = -1;
	}
	tdestroy(s->tree, free_known);
	free(s->unsure);
	free(s->path);
	buf_free(&s->head);
	buf_free(&s->out);
	free(s);
	return r;
}
