#include "proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

/* octets  0      12                  13             14      16
 *         | mark | version, command | family, kind | length | addresses
 * Addresses are source, destination, source port, destination port; numbers
 * have the high octet first. */
#define MARK 12
#define HEAD 16
#define LOCAL 0x20 /* version 2 in both */
#define PROXY 0x21
#define TCP4 0x11
#define TCP6 0x21

static const unsigned char mark[MARK] = {
    '\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q', 'U', 'I', 'T', '\n'};

static unsigned
number(const unsigned char *s)
{
	return (unsigned)s[0] << 8 | s[1];
}

int
proxy_missing(const void *data, size_t n)
{
	const unsigned char *s = data;
	size_t size = HEAD;

	if (memcmp(s, mark, n < MARK ? n : MARK) != 0)
		return -1;
	if (n >= HEAD)
		size += number(s + 14);
	return size > PROXY_MAX || n > size ? -1 : (int)(size - n);
}

int
proxy_parse(struct proxy *p, const void *data, size_t n)
{
	const unsigned char *s = data, *from = s + HEAD;
	size_t octets;

	*p = (struct proxy){.local = false};
	if (n < HEAD || proxy_missing(data, n) != 0)
		return -1;
	if (s[12] == LOCAL) {
		p->local = true;
		return 0;
	}
	if (s[12] != PROXY || (s[13] != TCP4 && s[13] != TCP6))
		return -1;
	octets = s[13] == TCP4 ? 4 : 16;
	if (n < HEAD + 2 * octets + 4)
		return -1;
	inet_ntop(
	    s[13] == TCP4 ? AF_INET : AF_INET6, from, p->addr, sizeof p->addr);
	p->port = number(from + 2 * octets);
	return 0;
}
