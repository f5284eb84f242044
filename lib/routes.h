/* SPOOL/routes: where each recipient goes (FORMATS 3, mailpipe-routes(5)). */
#ifndef ROUTES_H
#define ROUTES_H

#include <stdbool.h>
#include <stddef.h>

enum route_kind { ROUTE_MX, ROUTE_RELAY, ROUTE_LMTP, ROUTE_DELIVER };

struct route {
	char *key;
	enum route_kind kind;
	char *target; /* URL, LMTP place or command; "" for mx */
	char **words; /* further options, NULL-ended */
};

struct routes {
	struct route *list;
	size_t n;
};

/* Reads dirfd/name; without the file everything is mx. 0, or -1 with the
 * reason in why ("routes:3: unknown target `foo'") and errno; a file that
 * others may write is refused. */
int routes_read(
    struct routes *r, int dirfd, const char *name, char *why, size_t size);
/* The first that matches a sender and the domain of the first hop, or NULL. */
const struct route *
routes_find(const struct routes *r, const char *sender, const char *domain);
/* Whether the domain's own line says deliver or lmtp: local to a server. */
bool routes_is_local(const struct routes *r, const char *domain);
void routes_free(struct routes *r);

#endif
