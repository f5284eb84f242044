#include "table.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "address.h"
#include "buf.h"

#define TABLE_MAX (64 << 20)

struct table {
	size_t size;
	char text[];
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

bool
table_next(const struct table *t, struct table_line *l)
{
	const char *s, *stop, *end = t->text + t->size;

	s = l->end ? l->end : t->text;
	while (s < end) {
		stop = memchr(s, '\n', (size_t)(end - s));
		if (!stop)
			stop = end;
		l->end = stop < end ? stop + 1 : end;
		l->number++;
		while (s < stop && is_blank(*s))
			s++;
		if (s == stop || *s == '#') {
			s = l->end;
			continue;
		}
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

enum mailbox_kind
table_kind(struct span t)
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

/* Only %u, %d, %e and %%. */
static bool
percents_known(struct span t)
{
	const char *p = t.s, *end = t.s + t.n;

	while ((p = memchr(p, '%', (size_t)(end - p)))) {
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

	if (t.n == 0)
		return "no target behind the key";
	if (t.n >= PATH_MAX)
		return "target too long";
	if (has_control(t))
		return "control byte in the target";
	if (table_kind(t) == MAILBOX_PROGRAM)
		return t.n == 1 ? "no command behind `|'" : NULL;
	if (!percents_known(t))
		return "only %u, %d, %e and %% may be in a target";
	if (table_kind(t) == MAILBOX_FORWARD && !memchr(t.s, '%', t.n) &&
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
check(const struct table *t, const char *file, char *why, size_t size)
{
	struct table_line l = {.number = 0};
	const char *fault;

	while (table_next(t, &l)) {
		fault = fault_of_key(l.key);
		if (!fault)
			fault = fault_of_target(l.target);
		if (fault) {
			snprintf(why, size, "%s:%u: %s", file, l.number, fault);
			errno = EINVAL;
			return -1;
		}
	}
	return 0;
}

static struct table *
refuse(const char *file, const char *fault, char *why, size_t size)
{
	snprintf(why, size, "%s: %s", file, fault);
	errno = EINVAL;
	return NULL;
}

static struct table *
fail(const char *file, const char *action, char *why, size_t size)
{
	int err = errno;

	snprintf(why, size, "%s %s: %s", action, file, strerror(err));
	errno = err;
	return NULL;
}

/* All of fd, NULL with the reason in why. */
static struct table *
read_all(int fd, const char *file, char *why, size_t size)
{
	struct table *t;
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) != 0)
		return fail(file, "stat", why, size);
	if (!S_ISREG(st.st_mode) || st.st_size > TABLE_MAX)
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
			free(t);
			return fail(file, "read", why, size);
		}
	}
	return t;
}

struct table *
table_load(const char *file, char *why, size_t size)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct table *t;

	if (fd < 0)
		return fail(file, "open", why, size);
	t = read_all(fd, file, why, size);
	close(fd);
	return t;
}

struct table *
table_read(const char *file, char *why, size_t size)
{
	struct table *t = table_load(file, why, size);

	if (t && check(t, file, why, size) != 0) {
		free(t);
		return NULL;
	}
	return t;
}

void
table_free(struct table *t)
{
	free(t);
}
