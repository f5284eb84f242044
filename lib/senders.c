#include "senders.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "buf.h"
#include "table.h"

struct senders {
	struct table *table;
};

static bool
parts(char c)
{
	return c == ' ' || c == '\t' || c == ',';
}

/* The next of the addresses of a line, which goes out of rest; a quoted local
 * part may hold what else parts them. */
static bool
next_word(struct span *rest, struct span *word)
{
	bool quoted = false;
	size_t n = 0;

	while (rest->n > 0 && parts(*rest->s)) {
		rest->s++;
		rest->n--;
	}
	for (; n < rest->n && (quoted || !parts(rest->s[n])); n++) {
		if (rest->s[n] == '"')
			quoted = !quoted;
		else if (quoted && rest->s[n] == '\\' && n + 1 < rest->n)
			n++;
	}
	*word = (struct span){rest->s, n};
	rest->s += n;
	rest->n -= n;
	return n > 0;
}

/* A word as an address; @domain is that of a postmaster. */
static int
parse(struct span word, struct address *a)
{
	char text[ADDRESS_MAX + 1];
	int n;

	if (word.n == 2 && memcmp(word.s, "<>", 2) == 0)
		return address_parse(a, "", 0, ADDRESS_NULL);
	if (*word.s != '@')
		return address_parse(a, word.s, word.n, ADDRESS_UTF8);
	n = snprintf(text, sizeof text, "postmaster%.*s", (int)word.n, word.s);
	if (n >= (int)sizeof text)
		return -1;
	return address_parse(a, text, (size_t)n, ADDRESS_UTF8);
}

static const char *
fault_of(struct span target)
{
	struct address a;
	struct span word;

	if (target.n == 0)
		return "no address behind the login";
	while (next_word(&target, &word))
		if (word.n > ADDRESS_MAX || parse(word, &a) != 0 ||
		    address_has_route(&a))
			return "only addresses, @domains and <> may be behind "
			       "the login";
	return NULL;
}

struct senders *
senders_read(const char *file, char *why, size_t size)
{
	struct table *table = table_load(file, why, size);
	struct table_line l = {.number = 0};
	struct senders *s;
	const char *fault;

	if (!table)
		return NULL;
	while (table_next(table, &l)) {
		fault = fault_of(l.target);
		if (fault) {
			snprintf(why, size, "%s:%u: %s", file, l.number, fault);
			table_free(table);
			errno = EINVAL;
			return NULL;
		}
	}
	s = xrealloc(NULL, sizeof *s);
	s->table = table;
	return s;
}

void
senders_free(struct senders *s)
{
	if (s)
		table_free(s->table);
	free(s);
}

/* Local parts as the mailbox table compares them: case does not count, nor does
 * an extension that the table has not. */
static bool
same_local(const struct address *listed, const struct address *a)
{
	char theirs[ADDRESS_MAX + 1], ours[ADDRESS_MAX + 1], *plus;

	address_local(listed, theirs);
	address_local(a, ours);
	if (strcasecmp(theirs, ours) == 0)
		return true;
	plus = strchr(ours + (*ours != '\0'), '+');
	if (!plus)
		return false;
	*plus = '\0';
	return strcasecmp(theirs, ours) == 0;
}

static bool
matches(struct span word, const struct address *a)
{
	struct address listed;

	if (parse(word, &listed) != 0)
		return false;
	if (listed.len == 0 || a->len == 0)
		return listed.len == a->len;
	return address_same_domain(
		   listed.text + listed.domain, a->text + a->domain) &&
	    (*word.s == '@' || same_local(&listed, a));
}

bool
senders_allow(
    const struct senders *s, const char *login, const struct address *a)
{
	struct table_line l = {.number = 0};
	struct span rest, word;
	size_t n = strlen(login);

	while (table_next(s->table, &l)) {
		if (l.key.n != n || memcmp(l.key.s, login, n) != 0)
			continue;
		rest = l.target;
		while (next_word(&rest, &word))
			if (matches(word, a))
				return true;
	}
	return false;
}
