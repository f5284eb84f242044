#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "buf.h"
#include "mailboxes.h"

#define TABLE_MAX (64 << 20)

/* The file as it is: finding is one pass over it, which for 100,000 lines
 * takes less time than the memory for anything cleverer. */
struct mailboxes {
	const char *const *locals;
	size_t size;
	char text[];
};

struct span {
	const char *s;
	size_t n;
};

struct line {
	struct span key, target;
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* A key ends at a blank; a quoted local part may hold some. */
static size_t
key_length(const char *s, const char *end)
{
	const char *p = s;

	if (*p == '"') {
		for (p++; p < end && *p != '"'; p++)
			if (*p == '\\' && p + 1 < end)
				p++;
	}
	while (p < end && !is_blank(*p))
		p++;
	return (size_t)(p - s);
}

/* The next line that says something; *p moves behind it. */
static bool
next_line(const char **p, const char *end, struct line *l, unsigned *number)
{
	const char *s, *stop;

	while (*p < end) {
		s = *p;
		stop = memchr(s, '\n', (size_t)(end - s));
		if (!stop)
			stop = end;
		*p = stop < end ? stop + 1 : end;
		++*number;
		while (s < stop && is_blank(*s))
			s++;
		if (s == stop || *s == '#')
			continue;
		while (is_blank(stop[-1]))
			stop--;
		l->key = (struct span){s, key_length(s, stop)};
		for (s += l->key.n; s < stop && is_blank(*s); s++)
			;
		l->target = (struct span){s, (size_t)(stop - s)};
		return true;
	}
	return false;
}

static enum mailbox_kind
kind_of(struct span t)
{
	if (t.s[0] == '|')
		return MAILBOX_PROGRAM;
	if (t.s[0] != '/')
		return MAILBOX_FORWARD;
	return t.s[t.n - 1] == '/' ? MAILBOX_MAILDIR : MAILBOX_MBOX;
}

static bool
has_control(struct span t)
{
	size_t i;

	for (i = 0; i < t.n; i++)
		if (((unsigned char)t.s[i] < ' ' && t.s[i] != '\t') ||
		    t.s[i] == 127)
			return true;
	return false;
}

/* Only %u, %d, %e and %%; *any tells whether there is one. */
static bool
percents_known(struct span t, bool *any)
{
	const char *p = t.s, *end = t.s + t.n;

	*any = false;
	while ((p = memchr(p, '%', (size_t)(end - p)))) {
		*any = true;
		if (++p == end || !strchr("ude%", *p) || *p == '\0')
			return false;
		p++;
	}
	return true;
}

static const char *
fault_of_target(struct span t)
{
	struct address a;
	bool any;

	if (t.n == 0)
		return "no target behind the key";
	if (t.n >= PATH_MAX)
		return "target too long";
	if (has_control(t))
		return "control byte in the target";
	if (kind_of(t) == MAILBOX_PROGRAM)
		return t.n == 1 ? "no command behind `|'" : NULL;
	if (!percents_known(t, &any))
		return "only %u, %d, %e and %% may be in a target";
	if (kind_of(t) == MAILBOX_FORWARD && !any &&
	    address_parse(&a, t.s, t.n, ADDRESS_UTF8) != 0)
		return "target is no absolute path, address or |program";
	return NULL;
}

static const char *
fault_of_key(struct span k)
{
	const char *at = memrchr(k.s, '@', k.n);

	if (has_control(k))
		return "control byte in the key";
	if (at && (at == k.s + k.n - 1 || at[1] == '.'))
		return "no domain behind `@' in the key";
	if (k.n > ADDRESS_MAX)
		return "key too long";
	return NULL;
}

static int
check(const struct mailboxes *t, const char *file, char *why, size_t size)
{
	const char *p = t->text, *end = t->text + t->size, *fault;
	unsigned number = 0;
	struct line l;

	while (next_line(&p, end, &l, &number)) {
		fault = fault_of_key(l.key);
		if (!fault)
			fault = fault_of_target(l.target);
		if (fault) {
			snprintf(why, size, "%s:%u: %s", file, number, fault);
			errno = EINVAL;
			return -1;
		}
	}
	return 0;
}

static struct mailboxes *
refuse(const char *file, const char *fault, char *why, size_t size)
{
	snprintf(why, size, "%s: %s", file, fault);
	errno = EINVAL;
	return NULL;
}

/* All of fd, NULL with the reason in why. */
static struct mailboxes *
read_all(int fd, const char *file, char *why, size_t size)
{
	struct mailboxes *t;
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) ||
	    st.st_size > TABLE_MAX)
		return refuse(file, "no file of at most 64 MiB", why, size);
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return refuse(file, "others may write it", why, size);
	t = xrealloc(NULL, sizeof(*t) + (size_t)st.st_size);
	for (t->size = 0; t->size < (size_t)st.st_size; t->size += (size_t)n) {
		n = read(fd, t->text + t->size, (size_t)st.st_size - t->size);
		if (n == 0)
			break;
		if (n < 0 && errno == EINTR)
			n = 0;
		if (n < 0) {
			int err = errno;

			snprintf(why, size, "read %s: %s", file, strerror(err));
			free(t);
			errno = err;
			return NULL;
		}
	}
	return t;
}

struct mailboxes *
mailboxes_read(
    const char *file, const char *const *locals, char *why, size_t size)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK), err = errno;
	struct mailboxes *t;

	if (fd < 0) {
		snprintf(why, size, "open %s: %s", file, strerror(err));
		errno = err;
		return NULL;
	}
	t = read_all(fd, file, why, size);
	close(fd);
	if (t && check(t, file, why, size) != 0) {
		free(t);
		return NULL;
	}
	if (t)
		t->locals = locals;
	return t;
}

void
mailboxes_free(struct mailboxes *t)
{
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

static bool
same_domain(struct span key, const char *domain)
{
	if (key.n && key.s[key.n - 1] == '.')
		key.n--;
	return strncasecmp(key.s, domain, key.n) == 0 && domain[key.n] == '\0';
}

struct match {
	struct line full, bare, first;
	bool named; /* a key has the domain */
};

static void
scan(const struct mailboxes *t, const struct sought *s, struct match *m)
{
	const char *p = t->text, *end = t->text + t->size, *at;
	struct span user;
	unsigned number = 0;
	struct line l;

	memset(m, 0, sizeof(*m));
	while (!m->full.key.s && next_line(&p, end, &l, &number)) {
		if (!m->first.key.s)
			m->first = l;
		user = l.key;
		at = memrchr(user.s, '@', user.n);
		if (at) {
			size_t skip = (size_t)(at - user.s);

			if (!same_domain(
				(struct span){at + 1, user.n - skip - 1},
				s->domain))
				continue;
			m->named = true;
			user.n = skip;
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

/* As a part of a path: nothing that leads elsewhere or hides. */
static bool
is_harmless(const char *s, size_t n)
{
	return n > 0 && n <= 255 && s[0] != '.' && !memchr(s, '/', n) &&
	    !has_control((struct span){s, n}) && !memchr(s, '\t', n);
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
		if (!is_harmless(value.s, value.n))
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
	bool any = false;
	int code = 0;

	m->kind = kind_of(t);
	if (m->kind == MAILBOX_PROGRAM) {
		buf_add(&out, t.s + 1, t.n - 1);
	} else {
		percents_known(t, &any);
		code = expand(t, s, &out);
	}
	m->target = buf_str(&out);
	if (code == 0 && any)
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
	struct line *l;
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
	const char *p = t->text, *end = t->text + t->size, *at;
	unsigned number = 0;
	struct line l;

	if (in_locals(t, domain))
		return true;
	while (next_line(&p, end, &l, &number)) {
		at = memrchr(l.key.s, '@', l.key.n);
		if (at &&
		    same_domain((struct span){at + 1,
				    l.key.n - (size_t)(at - l.key.s) - 1},
			domain))
			return true;
	}
	return false;
}

bool
mailboxes_has_programs(const struct mailboxes *t)
{
	const char *p = t->text, *end = t->text + t->size;
	unsigned number = 0;
	struct line l;

	while (next_line(&p, end, &l, &number))
		if (kind_of(l.target) == MAILBOX_PROGRAM)
			return true;
	return false;
}
