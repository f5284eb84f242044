#include "mailboxes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "buf.h"
#include "parse.h"

/* Finding is one pass over the table, which for 100,000 lines takes less time
 * than the memory for anything cleverer. */
struct mailboxes {
	const char *const *locals;
	struct table *table;
};

struct mailboxes *
mailboxes_read(
    const char *file, const char *const *locals, char *why, size_t size)
{
	struct table *table = table_read(file, why, size);
	struct mailboxes *t;

	if (!table)
		return NULL;
	t = xrealloc(NULL, sizeof(*t));
	*t = (struct mailboxes){locals, table};
	return t;
}

void
mailboxes_free(struct mailboxes *t)
{
	if (t)
		table_free(t->table);
	free(t);
}

void
mailbox_free(struct mailbox *m)
{
	free(m->target);
	m->target = NULL;
}

/* What is looked up, in lower case, local part unquoted. */
struct sought {
	char user[ADDRESS_MAX + 1];
	const char *domain;
	size_t bare; /* length of user without its extension */
	size_t full;
	bool local; /* `user' keys count */
};

static bool
in_locals(const struct mailboxes *t, const char *domain)
{
	const char *const *l;

	if (!t->locals)
		return true;
	for (l = t->locals; *l; l++)
		if (address_same_domain(*l, domain))
			return true;
	return false;
}

static void
seek(const struct mailboxes *t, const struct address *a, struct sought *s)
{
	char *p;

	address_local(a, s->user);
	for (p = s->user; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p += 'a' - 'A';
	s->full = (size_t)(p - s->user);
	p = strchr(s->user + (s->full > 0), '+');
	s->bare = p ? (size_t)(p - s->user) : s->full;
	s->domain = a->text + a->domain;
	if (*s->domain == '\0' && t->locals && t->locals[0])
		s->domain = t->locals[0];
	s->local = *s->domain == '\0' || in_locals(t, s->domain);
}

/* Whether a key's local part is these n octets, which are in lower case. */
static bool
same_user(struct span key, const char *user, size_t n)
{
	const char *p = key.s, *end = key.s + key.n;
	size_t i;

	if (key.n && *p != '"')
		return key.n == n && strncasecmp(p, user, n) == 0;
	for (i = 0, p++; p < end && *p != '"'; p++, i++) {
		if (*p == '\\' && p + 1 < end)
			p++;
		if (i == n || strncasecmp(p, &user[i], 1) != 0)
			return false;
	}
	return i == n && p + 1 == end;
}

/* The parts of a key; false for `user', which has no domain. */
static bool
split(struct span key, struct span *user, struct span *domain)
{
	const char *at = memrchr(key.s, '@', key.n);

	*user = key;
	if (!at)
		return false;
	user->n = (size_t)(at - key.s);
	*domain = (struct span){at + 1, key.n - user->n - 1};
	return true;
}

struct match {
	struct table_line full, bare, first;
	bool named; /* a key has the domain */
};

static void
scan(const struct mailboxes *t, const struct sought *s, struct match *m)
{
	struct table_line l = {.number = 0};
	struct span user, domain;

	memset(m, 0, sizeof(*m));
	while (!m->full.key.s && table_next(t->table, &l)) {
		if (!m->first.key.s)
			m->first = l;
		if (split(l.key, &user, &domain)) {
			if (!address_same_domain_of(
				domain.s, domain.n, s->domain))
				continue;
			m->named = true;
		} else if (!s->local) {
			continue;
		}
		/* A catch-all counts as a match without the extension. */
		if (user.n ? same_user(user, s->user, s->full)
			   : s->full == s->bare)
			m->full = l;
		else if (!m->bare.key.s &&
		    (!user.n || same_user(user, s->user, s->bare)))
			m->bare = l;
	}
}

/* Fills in %u, %d and %e. 0 or an exit code. */
static int
expand(struct span t, const struct sought *s, struct buf *out)
{
	const char *ext = s->user + s->bare;
	struct span value;
	size_t i, j;

	if (*ext)
		ext++;
	for (i = 0; i < t.n; i++) {
		if (t.s[i] != '%' || t.s[++i] == '%') {
			buf_addc(out, t.s[i]);
			continue;
		}
		value = (struct span){s->user, s->bare};
		if (t.s[i] == 'd')
			value = (struct span){s->domain, strlen(s->domain)};
		else if (t.s[i] == 'e')
			value = (struct span){ext, strlen(ext)};
		if (t.s[i] != 'u' && value.n == 0)
			return EX_NOUSER;
		if (!parse_is_harmless(value.s, value.n))
			return EX_DATAERR;
		for (j = 0; j < value.n; j++)
			buf_addc(out,
			    value.s[j] >= 'A' && value.s[j] <= 'Z'
				? (char)(value.s[j] + 'a' - 'A')
				: value.s[j]);
	}
	return 0;
}

/* Whether what a pattern gave is there, else an exit code. */
static int
look(const struct mailbox *m)
{
	struct address a;
	struct stat st;

	if (m->kind == MAILBOX_FORWARD)
		return address_parse(
			   &a, m->target, strlen(m->target), ADDRESS_UTF8) == 0
		    ? 0
		    : EX_DATAERR;
	if (stat(m->target, &st) == 0)
		return 0;
	return errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG
	    ? EX_NOUSER
	    : EX_TEMPFAIL;
}

static int
answer(struct span t, const struct sought *s, struct mailbox *m)
{
	struct buf out = BUF_INIT;
	int code = 0;

	m->kind = table_kind(t);
	if (m->kind == MAILBOX_PROGRAM)
		buf_add(&out, t.s + 1, t.n - 1);
	else
		code = expand(t, s, &out);
	m->target = buf_str(&out);
	if (code == 0 && m->kind != MAILBOX_PROGRAM && memchr(t.s, '%', t.n))
		code = look(m);
	if (code != 0)
		mailbox_free(m);
	return code;
}

int
mailboxes_find(
    const struct mailboxes *t, const struct address *a, struct mailbox *m)
{
	struct sought s;
	struct match match;
	struct table_line *l;
	bool postmaster;
	int code = EX_NOUSER;

	m->target = NULL;
	seek(t, a, &s);
	scan(t, &s, &match);
	l = match.full.key.s ? &match.full : &match.bare;
	postmaster = s.bare == 10 && memcmp(s.user, "postmaster", 10) == 0;
	if (l->key.s)
		code = answer(l->target, &s, m);
	else if (!s.local && !match.named)
		return EX_NOPERM;
	if (code == EX_NOUSER && postmaster && match.first.key.s)
		code = answer(match.first.target, &s, m);
	return code;
}

bool
mailboxes_is_local(const struct mailboxes *t, const char *domain)
{
	struct table_line l = {.number = 0};
	struct span user, named;

	if (in_locals(t, domain))
		return true;
	while (table_next(t->table, &l))
		if (split(l.key, &user, &named) &&
		    address_same_domain_of(named.s, named.n, domain))
			return true;
	return false;
}

bool
mailboxes_has_programs(const struct mailboxes *t)
{
	struct table_line l = {.number = 0};

	while (table_next(t->table, &l))
		if (table_kind(l.target) == MAILBOX_PROGRAM)
			return true;
	return false;
}

void
mailboxes_reach(const struct mailboxes *t, struct reach *f)
{
	reach_of(t->table, f);
}
