#include "seen.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "hash.h"
#include "journal.h"
#include "tokens.h"

#define HEAD "mailpipe-seen 1\n"
#define DONE " done\n" /* confirms the names before it */
#define NAME_MAX_LEN 255
#define VALIDITY " uidvalidity "
#define COMPACT_OVER 100
/* octets of a source that its file's name shows */
#define PLAIN \
	"0123456789.@_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* A file that is about to get its name. */
struct announced {
	char *uid, *name;
};

struct seen {
	struct journal journal;
	bool numbers;
	struct tokens tokens; /* the set, */
	struct ranges uids;   /* or for numbers */
	uint32_t validity;    /* of them; 0: not known yet */
	size_t lines;         /* of the file */
	struct announced *unsure;
	size_t n_unsure;
};

static bool
is_token(const char *s, size_t n, size_t max)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] < 0x21 || s[i] > 0x7e)
			return false;
	return n > 0 && n <= max;
}

/* false for what is none. */
static bool
insert(struct seen *s, const char *uid, size_t n, bool used)
{
	struct range r;

	if (!is_token(uid, n, SEEN_UID) ||
	    (s->numbers && ranges_parse(uid, n, &r) < 0))
		return false;
	if (s->numbers)
		ranges_add(&s->uids, r.first, r.last);
	else
		tokens_add(&s->tokens, uid, n, used);
	s->lines++;
	return true;
}

static void
drop(struct seen *s, const char *uid)
{
	struct range r;

	if (!s->numbers)
		tokens_remove(&s->tokens, uid, strlen(uid));
	else if (ranges_parse(uid, strlen(uid), &r) == 0)
		ranges_remove(&s->uids, r.first);
}

static char *
copy(const char *s, size_t n)
{
	char *p = xrealloc(NULL, n + 1);

	memcpy(p, s, n);
	p[n] = 0;
	return p;
}

static void
announce(
    struct seen *s, const char *uid, size_t n, const char *name, size_t length)
{
	s->unsure = xrealloc(s->unsure, (s->n_unsure + 1) * sizeof *s->unsure);
	s->unsure[s->n_unsure].uid = copy(uid, n);
	s->unsure[s->n_unsure++].name = copy(name, length);
}

static void
drop_names(struct seen *s)
{
	for (size_t i = 0; i < s->n_unsure; i++) {
		free(s->unsure[i].uid);
		free(s->unsure[i].name);
	}
	s->n_unsure = 0;
}

/* What was seen under another UIDVALIDITY means nothing now. */
static void
set_validity(struct seen *s, uint32_t validity)
{
	drop_names(s);
	ranges_free(&s->uids);
	s->validity = validity;
}

static bool
read_validity(struct seen *s, const char *line, size_t n)
{
	const size_t word = strlen(VALIDITY);
	struct range r;

	if (!s->numbers || n <= word || memcmp(line, VALIDITY, word) != 0 ||
	    ranges_parse(line + word, n - word, &r) < 0)
		return false;
	set_validity(s, r.first);
	return true;
}

/* "UID", "UID NAME", " done" or " uidvalidity N"; a line that is none of them
 * is what a power cut leaves, and is passed over. */
static void
read_entry(void *arg, const char *line, size_t n)
{
	struct seen *s = arg;
	const char *blank = memchr(line, ' ', n);
	size_t uid = blank ? (size_t)(blank - line) : n;

	if (n + 1 == strlen(DONE) && memcmp(line, DONE, n) == 0)
		drop_names(s);
	else if (read_validity(s, line, n) ||
	    (blank && !is_token(blank + 1, n - uid - 1, NAME_MAX_LEN)) ||
	    !insert(s, line, uid, false))
		return;
	else if (blank)
		announce(s, line, uid, blank + 1, n - uid - 1);
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
	for (size_t i = 0; i < 100 && source[i]; i++)
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
seen_open(
    enum seen_kind kind, const char *source, const char *sink, char **path)
{
	struct seen *s;
	int err;

	*path = journal_path(source, sink);
	if (!*path)
		return NULL;
	s = xrealloc(NULL, sizeof *s);
	memset(s, 0, sizeof *s);
	s->numbers = kind == SEEN_NUMBERS;
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
	return is_token(uid, n, SEEN_UID) && tokens_has(&s->tokens, uid, n);
}

size_t
seen_count(const struct seen *s)
{
	return s->numbers ? (size_t)ranges_count(&s->uids) : s->tokens.count;
}

int
seen_add(struct seen *s, const char *uid, size_t n, const char *name)
{
	if ((name && !is_token(name, strlen(name), NAME_MAX_LEN)) ||
	    !insert(s, uid, n, true)) {
		errno = EINVAL;
		return -1;
	}
	buf_add(&s->journal.out, uid, n);
	if (name) {
		announce(s, uid, n, name, strlen(name));
		buf_addf(&s->journal.out, " %s", name);
	}
	buf_addc(&s->journal.out, '\n');
	return 0;
}

const struct ranges *
seen_uids(const struct seen *s)
{
	return &s->uids;
}

uint32_t
seen_validity(const struct seen *s)
{
	return s->validity;
}

void
seen_renew(struct seen *s, uint32_t validity)
{
	set_validity(s, validity);
	buf_addf(&s->journal.out, VALIDITY "%u\n", validity);
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

static int
rewrite(struct seen *s, bool all)
{
	struct buf lines = BUF_INIT;
	int r;

	if (s->validity)
		buf_addf(&lines, VALIDITY "%u\n", s->validity);
	for (size_t i = 0; i < s->uids.n; i++) {
		const struct range *u = &s->uids.list[i];

		buf_addf(&lines, u->first == u->last ? "%u\n" : "%u:%u\n",
		    u->first, u->last);
	}
	tokens_lines(&s->tokens, all, &lines);
	r = journal_replace(&s->journal, &lines);
	buf_free(&lines);
	return r;
}

int
seen_settle(
    struct seen *s, bool (*exists)(const char *name, void *arg), void *arg)
{
	size_t missing = 0;

	for (size_t i = 0; i < s->n_unsure; i++)
		if (!exists(s->unsure[i].name, arg)) {
			drop(s, s->unsure[i].uid);
			missing++;
		}
	if (!missing && s->n_unsure)
		buf_adds(&s->journal.out, DONE);
	drop_names(s);
	return missing ? rewrite(s, true) : 0;
}

int
seen_compact(struct seen *s)
{
	size_t left = s->numbers ? s->uids.n : s->tokens.used;
	size_t gone = (s->numbers ? s->lines : s->tokens.count) - left;

	if (gone <= COMPACT_OVER || gone <= left || s->n_unsure)
		return 0;
	return rewrite(s, false);
}

int
seen_close(struct seen *s)
{
	int r = journal_close(&s->journal);

	drop_names(s);
	free(s->unsure);
	tokens_free(&s->tokens);
	ranges_free(&s->uids);
	free(s);
	return r;
}
