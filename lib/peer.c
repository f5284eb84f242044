#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "buf.h"
#include "parse.h"
#include "peer.h"

/* An IPv4-mapped address becomes IPv4. */
static void
set_in6(struct peer *p, const struct in6_addr *a)
{
	if (IN6_IS_ADDR_V4MAPPED(a))
		inet_ntop(AF_INET, a->s6_addr + 12, p->addr, sizeof p->addr);
	else
		inet_ntop(AF_INET6, a, p->addr, sizeof p->addr);
}

static bool
set_text(struct peer *p, const char *addr)
{
	struct in6_addr a6;
	struct in_addr a4;

	if (!addr)
		return false;
	if (inet_pton(AF_INET, addr, &a4) == 1)
		inet_ntop(AF_INET, &a4, p->addr, sizeof p->addr);
	else if (inet_pton(AF_INET6, addr, &a6) == 1)
		set_in6(p, &a6);
	else
		return false;
	return true;
}

static void
set_port(struct peer *p, const char *port)
{
	uint64_t n;

	if (port && parse_number(port, 65535, &n) == 0)
		snprintf(p->port, sizeof p->port, "%u", (unsigned)n);
}

static void
set_environment(struct peer *p)
{
	if (set_text(p, getenv("REMOTE_ADDR")))
		set_port(p, getenv("REMOTE_PORT"));
	else if (set_text(p, getenv("TCPREMOTEIP")))
		set_port(p, getenv("TCPREMOTEPORT"));
}

void
peer_set(struct peer *p, const char *addr, unsigned port)
{
	memset(p, 0, sizeof *p);
	if (set_text(p, addr))
		snprintf(p->port, sizeof p->port, "%u", port);
	else
		strcpy(p->addr, "unknown");
}

void
peer_from(const struct sockaddr *a, struct peer *p)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)a;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)a;

	memset(p, 0, sizeof *p);
	switch (a->sa_family) {
	case AF_INET:
		inet_ntop(AF_INET, &in->sin_addr, p->addr, sizeof p->addr);
		snprintf(p->port, sizeof p->port, "%u", ntohs(in->sin_port));
		break;
	case AF_INET6:
		set_in6(p, &in6->sin6_addr);
		snprintf(p->port, sizeof p->port, "%u", ntohs(in6->sin6_port));
		break;
	default:
		strcpy(p->addr, a->sa_family == AF_UNIX ? "local" : "unknown");
	}
}

void
peer_of(int fd, struct peer *p)
{
	union {
		struct sockaddr sa;
		struct sockaddr_storage all;
	} u;
	socklen_t n = sizeof u;

	memset(&u, 0, sizeof u);
	if (getpeername(fd, &u.sa, &n) < 0)
		u.sa.sa_family = AF_UNSPEC;
	peer_from(&u.sa, p);
	/* What stands between, on a Unix socket or a pipe, may know. */
	if (p->port[0] == '\0')
		set_environment(p);
}

static bool
host_bits_zero(const struct cidr *c, unsigned size)
{
	for (unsigned bit = c->bits; bit < size; bit++)
		if (c->addr[bit / 8] & (0x80 >> bit % 8))
			return false;
	return true;
}

/* As IPv4 peers are. */
static void
unmap(struct cidr *c)
{
	static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (c->family != AF_INET6 || c->bits < 96 ||
	    memcmp(c->addr, mapped, sizeof mapped) != 0)
		return;
	memmove(c->addr, c->addr + 12, 4);
	c->family = AF_INET;
	c->bits -= 96;
}

int
cidr_parse(const char *s, struct cidr *c)
{
	char text[80], *addr = text, *slash;
	struct cidr made = {.family = AF_INET};
	uint64_t bits;
	unsigned size;
	size_t n = strlen(s);

	if (n >= sizeof text)
		return -1;
	memcpy(text, s, n + 1);
	slash = strchr(text, '/');
	if (slash)
		*slash = '\0';
	n = strlen(text);
	if (*text == '[') {
		if (text[n - 1] != ']')
			return -1;
		text[n - 1] = '\0';
		addr++;
	}
	if (addr != text || inet_pton(AF_INET, addr, made.addr) != 1) {
		made.family = AF_INET6;
		if (inet_pton(AF_INET6, addr, made.addr) != 1)
			return -1;
	}
	size = made.family == AF_INET ? 32 : 128;
	bits = size;
	if (slash && parse_number(slash + 1, size, &bits) < 0)
		return -1;
	made.bits = (unsigned)bits;
	if (!host_bits_zero(&made, size))
		return -1;
	unmap(&made);
	*c = made;
	return 0;
}

bool
cidr_match(const struct cidr *c, const struct peer *p)
{
	unsigned char a[16];
	unsigned whole = c->bits / 8, rest = c->bits % 8;

	if (inet_pton(c->family, p->addr, a) != 1)
		return false;
	return memcmp(a, c->addr, whole) == 0 &&
	    (rest == 0 || (a[whole] ^ c->addr[whole]) >> (8 - rest) == 0);
}

int
networks_add(struct networks *n, const char *cidr)
{
	n->list = xrealloc(n->list, (n->count + 1) * sizeof *n->list);
	if (cidr_parse(cidr, &n->list[n->count]) != 0)
		return -1;
	n->count++;
	return 0;
}

bool
networks_have(const struct networks *n, const struct peer *p)
{
	for (size_t i = 0; i < n->count; i++)
		if (cidr_match(&n->list[i], p))
			return true;
	return false;
}

void
peer_literal(const struct peer *p, char out[80])
{
	const char *kind = strchr(p->addr, ':') ? "IPv6:" : "";

	if (p->addr[strcspn(p->addr, ".:")])
		snprintf(out, 80, "[%s%s]", kind, p->addr);
	else
		snprintf(out, 80, "%s", p->addr);
}
