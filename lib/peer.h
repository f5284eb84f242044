/* Who is at the other end, and whether that is in a network. */
#ifndef PEER_H
#define PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

struct peer {
	char addr[64]; /* "192.0.2.1", "2001:db8::1", "local" or "unknown" */
	char port[8];  /* "" where there is none */
};

/* Of fd: getpeername, else REMOTE_ADDR, else TCPREMOTEIP, else unknown.
 * IPv4-mapped addresses become IPv4. A Unix socket is "local". */
void peer_of(int fd, struct peer *p);
/* The same of an address as accept(2) gives it, and of one in words. */
void peer_from(const struct sockaddr *a, struct peer *p);
void peer_set(struct peer *p, const char *addr, unsigned port);

struct cidr {
	unsigned char addr[16];
	int family;
	unsigned bits;
};

/* "127.0.0.0/8", "::1", "[2001:db8::]/32"; host bits must be zero. 0 or -1. */
int cidr_parse(const char *s, struct cidr *c);
/* Never true for "local" or "unknown". */
bool cidr_match(const struct cidr *c, const struct peer *p);

/* Some of them, as options name them; starts as zero. */
struct networks {
	struct cidr *list;
	size_t count;
};

/* 0, or -1 for what is none. */
int networks_add(struct networks *n, const char *cidr);
bool networks_have(const struct networks *n, const struct peer *p);

/* "[192.0.2.1]" or "[IPv6:2001:db8::1]", as RFC 5321 4.1.3 writes it, or the
 * word. */
void peer_literal(const struct peer *p, char out[80]);

#endif
