#include "seen.h"

#include <errno.h>
#include <search.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "hash.h"
#include "journal.h"

#define HEAD "mailpipe-seen 1\n"
#define DONE " done\n" /* confirms the names before it */
#define NAME_MAX_LEN 255
#define COMPACT_OVER 100
/* octets of a source that its file's name shows */
#define PLAIN \
	"0123456789.@_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* One UID in the tree. */
struct known {
	char *name; /* of a file not yet confirmed, or NULL */
	bool used;
	char uid[];
};

struct seen {
	struct journal journal;
	struct known *key; /* to look for, with room for any UID */
	void *tree;
	size_t count, used;
	struct known **unsure;
	size_t n_unsure;
};

static int
compare(const void *a, const void *b)
{
	const struct known *x = a, *y = b;

	return strcmp(x->uid, y->uid);
}

static struct known *
new_known(const char *uid, size_t n, size_t room)
{
	struct known *e = xrealloc(NULL, sizeof *e + room + 1);

	e->name = NULL;
	e->used = false;
	memcpy(e->uid, uid, n);
	e->uid[n] = 0;
	return e;
}

static struct known *
find(const struct seen *s, const char *uid, size_t n)
{
	struct known **e;

	memcpy(s->key->uid, uid, n);
	s->key->uid[n] = 0;
	e = tfind(s->key, &s->tree, compare);
	return e ? *e : NULL;
}

static struct known *
insert(struct seen *s, const char *uid, size_t n)
{
	struct known *e = find(s, uid, n);

	if (e)
		return e;
	e = new_known(uid, n, n);
	if (!tsearch(e, &s->tree, compare))
		xrealloc(NULL, PTRDIFF_MAX); /* ends as memory out does */
	s->count++;
	return e;
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
read_entry(void *arg, const char *line, size_t n)
{
	struct seen *s = arg;
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

struct seen *
seen_open(const char *source, const char *sink, char **path)
{
	struct seen *s;
	int err;

	*path = journal_path(source, sink);
	if (!*path)
		return NULL;
	s = xrealloc(NULL, sizeof *s);
	memset(s, 0, sizeof *s);
	s->key = new_known("", 0, SEEN_UID);
	buf_adds(&s->journal.head, HEAD);
	journal_describe(&s->journal, "source", source);
	journal_describe(&s->journal, "sink", sink);
	if (journal_open(&s->journal, *path, read_entry, s) == 0)
		return s;
	err = errno;
	seen_close(s);
	errno = err;
	return NULL;
}

bool
seen_has(struct seen *s, const char *uid, size_t n)
{
	struct known *e;

	if (!is_token(uid, n, SEEN_UID))
		return false;
	e = find(s, uid, n);
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
	buf_add(&s->journal.out, uid, n);
	if (name) {
		set_name(s, e, name, strlen(name));
		buf_addf(&s->journal.out, " %s", name);
	}
	buf_addc(&s->journal.out, '\n');
	return 0;
}

int
seen_sync(struct seen *s)
{
	return s->journal.out.len ? journal_sync(&s->journal) : 0;
}

void
seen_confirm(struct seen *s)
{
	if (!s->n_unsure)
		return;
	drop_names(s);
	buf_adds(&s->journal.out, DONE);
}

/* --- writing the file anew --- */
struct walk {
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

static int
rewrite(struct seen *s, bool all)
{
	struct walk w = {BUF_INIT, all};
	int r;

	twalk_r(s->tree, keep_known, &w);
	r = journal_replace(&s->journal, &w.lines);
	buf_free(&w.lines);
	return r;
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
		buf_adds(&s->journal.out, DONE);
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
	int r = journal_close(&s->journal);

	tdestroy(s->tree, free_known);
	free(s->key);
	free(s->unsure);
	free(s);
	return r;
}
