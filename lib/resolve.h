/* Where the mail for a domain goes (RFC 5321 5.1): its hosts by DNS and their
 * addresses, or the address that a literal is. */
#ifndef RESOLVE_H
#define RESOLVE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "dns.h"
#include "reply.h"

#define RESOLVE_PLACES 20 /* at most, of all hosts together */
#define RESOLVE_EACH 5    /* of one host */
#define RESOLVE_ADDRESS 46

struct resolver {
	struct sockaddr_storage server; /* all zero: the system's */
	const char *const *own;         /* our names; ends with NULL */
	unsigned seconds;               /* for it all */
};

struct place {
	char host[DNS_NAME]; /* "" for an address literal */
	char address[RESOLVE_ADDRESS];
};

struct places {
	size_t n;
	struct place list[RESOLVE_PLACES]; /* in the order to try them */
	/* Where n is 0: whether it is so for good, and the reason. Its code is
	 * 0 where this host is the cause. */
	bool perm;
	struct reply why;
};

/* "ADDRESS", "ADDRESS:PORT" or "[ADDRESS]:PORT" of a DNS server; 0 or -1. */
int resolver_set(struct resolver *r, const char *text);
/* domain is ASCII, in lower case. The work is done in a process of its own,
 * since libc sets no limit to a look-up by TCP. */
void resolve(const struct resolver *r, const char *domain, struct places *p);

#endif
