#include "dns.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>

#define HEADER 12
#define POINTER 0xc0

struct message {
	const unsigned char *octets;
	size_t n;
};

static unsigned
number(const struct message *m, size_t at)
{
	return m->octets[at] * 256u + m->octets[at + 1];
}

/* Where the name at `at' ends in place, 0 when it does not. */
static size_t
skip_name(const struct message *m, size_t at)
{
	while (at < m->n) {
		unsigned char c = m->octets[at];
		if (c == 0)
			return at + 1;
		if ((c & POINTER) == POINTER)
			return at + 2 <= m->n ? at + 2 : 0;
		if (c & POINTER)
			return 0;
		at += 1u + c;
	}
	return 0;
}

static char
host_octet(unsigned char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c - 'A' + 'a');
	if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
	    c == '_')
		return (char)c;
	return '?';
}

/* A pointer leads to what stands before the octets read so far, or nowhere:
 * so it ends. */
static int
read_name(const struct message *m, size_t at, char out[DNS_NAME])
{
	size_t before = at, len = 0;

	while (at < m->n && m->octets[at]) {
		size_t c = m->octets[at];
		if ((c & POINTER) == POINTER) {
			if (at + 1 >= m->n)
				return -1;
			at = number(m, at) & 0x3fff;
			if (at >= before)
				return -1;
			before = at;
			continue;
		}
		if ((c & POINTER) || c >= m->n - at ||
		    len + c + 2 > DNS_NAME - 2)
			return -1;
		if (len)
			out[len++] = '.';
		while (c--)
			out[len++] = host_octet(m->octets[++at]);
		at++;
	}
	out[len] = '\0';
	return at < m->n ? 0 : -1;
}

static int
read_data(const struct message *m, size_t at, size_t n, enum dns_type type,
    struct dns_record *r)
{
	const unsigned char *data = m->octets + at;

	*r = (struct dns_record){0};
	switch (type) {
	case DNS_A:
		return n == 4 && inet_ntop(AF_INET, data, r->name, DNS_NAME)
		    ? 0
		    : -1;
	case DNS_AAAA:
		return n == 16 && inet_ntop(AF_INET6, data, r->name, DNS_NAME)
		    ? 0
		    : -1;
	case DNS_CNAME:
		if (skip_name(m, at) != at + n)
			return -1;
		return read_name(m, at, r->name);
	case DNS_MX:
		if (n < 3 || skip_name(m, at + 2) != at + n)
			return -1;
		r->preference = number(m, at);
		return read_name(m, at + 2, r->name);
	}
	return -1;
}

/* The record at *at, whose end *at then is. 1: it is one of the name's and of
 * the type, in *r; 0: another; -1: it is none. */
static int
read_record(const struct message *m, size_t *at, const char *name,
    enum dns_type type, struct dns_record *r)
{
	size_t head = skip_name(m, *at), data = head + 10, size;
	char owner[DNS_NAME];

	if (!head || data > m->n || read_name(m, *at, owner) < 0)
		return -1;
	size = number(m, head + 8);
	if (size > m->n - data)
		return -1;
	*at = data + size;
	if (number(m, head) != type || number(m, head + 2) != 1 ||
	    strcmp(owner, name) != 0)
		return 0;
	return read_data(m, data, size, type, r) < 0 ? -1 : 1;
}

/* Where the answer's records begin, 0 where it ends before. */
static size_t
skip_questions(const struct message *m)
{
	size_t at = HEADER;

	for (unsigned i = number(m, 4); i > 0; i--)
		if (!(at = skip_name(m, at)) || (at += 4) > m->n)
			return 0;
	return at;
}

/* What the name is an alias of in the end, wherever those records stand. How
 * many aliases that takes, -1: no end of them, or no whole answer. */
static int
follow(const struct message *m, size_t start, char name[DNS_NAME])
{
	struct dns_record r;
	int aliases = 0, found;
	bool moved = true;

	while (moved) {
		size_t at = start;
		moved = false;
		for (unsigned i = number(m, 6); i > 0; i--) {
			found = read_record(m, &at, name, DNS_CNAME, &r);
			if (found < 0 || (found > 0 && ++aliases > DNS_ALIASES))
				return -1;
			if (found > 0)
				strcpy(name, r.name);
			moved |= found > 0;
		}
	}
	return aliases;
}

/* Answers are neither queries nor cut short. */
static bool
is_answer(const struct message *m)
{
	return m->n >= HEADER && (m->octets[2] & 0x80) &&
	    !(m->octets[2] & 0x02);
}

enum dns_status
dns_read(const unsigned char *octets, size_t n, const char *name,
    enum dns_type type, struct dns_answer *a)
{
	const struct message m = {octets, n};
	char owner[DNS_NAME] = "";
	bool resolver, authority;
	int aliases, found;
	size_t at;

	a->n = 0;
	if (!is_answer(&m) || !(at = skip_questions(&m)))
		return DNS_FAILED;
	authority = octets[2] & 0x04;
	resolver = octets[3] & 0x80;
	if ((octets[3] & 0x0f) == 3 && (authority || resolver))
		return DNS_NO_NAME;
	if (octets[3] & 0x0f)
		return DNS_FAILED;
	strncat(owner, name, DNS_NAME - 1);
	if ((aliases = follow(&m, at, owner)) < 0)
		return DNS_FAILED;
	for (unsigned i = number(&m, 6); i > 0 && a->n < DNS_RECORDS; i--) {
		found = read_record(&m, &at, owner, type, &a->records[a->n]);
		if (found < 0)
			return DNS_FAILED;
		a->n += found > 0;
	}
	if (a->n)
		return DNS_OK;
	return resolver || (authority && !aliases) ? DNS_NONE : DNS_FAILED;
}
