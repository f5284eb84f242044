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
	case DNS_MX:
		if (n < 3 || skip_name(m, at + 2) != at + n)
			return -1;
		r->preference = number(m, at);
		return read_name(m, at + 2, r->name);
	}
	return -1;
}

/* The record at *at, added if it is one of the type; *at is then behind it. */
static int
read_record(const struct message *m, size_t *at, enum dns_type type,
    struct dns_answer *a)
{
	size_t head = skip_name(m, *at), data = head + 10, size;

	if (!head || data > m->n)
		return -1;
	size = number(m, head + 8);
	if (size > m->n - data)
		return -1;
	*at = data + size;
	if (number(m, head) != type || number(m, head + 2) != 1)
		return 0;
	if (read_data(m, data, size, type, &a->records[a->n]) < 0)
		return -1;
	a->n++;
	return 0;
}

/* Answers are neither queries nor cut short. */
static bool
is_answer(const struct message *m)
{
	return m->n >= HEADER && (m->octets[2] & 0x80) &&
	    !(m->octets[2] & 0x02);
}

enum dns_status
dns_read(const unsigned char *octets, size_t n, enum dns_type type,
    struct dns_answer *a)
{
	const struct message m = {octets, n};
	size_t at = HEADER;

	a->n = 0;
	if (!is_answer(&m))
		return DNS_FAILED;
	switch (octets[3] & 0x0f) {
	case 0:
		break;
	case 3:
		return DNS_NO_NAME;
	default:
		return DNS_FAILED;
	}
	for (unsigned i = number(&m, 4); i > 0; i--)
		if (!(at = skip_name(&m, at)) || (at += 4) > n)
			return DNS_FAILED;
	for (unsigned i = number(&m, 6); i > 0 && a->n < DNS_RECORDS; i--)
		if (read_record(&m, &at, type, a) < 0)
			return DNS_FAILED;
	return a->n ? DNS_OK : DNS_NONE;
}
