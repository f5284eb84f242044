/* The mail hosts of a domain in the order in which they are tried (RFC 5321
 * 5.1, RFC 7505). */
#ifndef MX_H
#define MX_H

#include <stdint.h>

#include "dns.h"

#define MX_HOSTS 20

struct mx {
	size_t n;
	char hosts[MX_HOSTS][DNS_NAME];
};

enum mx_kind {
	MX_OK,      /* at least one host */
	MX_NULL,    /* the domain takes no mail */
	MX_SELF,    /* the best host is one of our own names */
	MX_UNUSABLE /* no record names a host */
};

/* Orders the hosts of an answer by preference, equal ones by their ties
 * (random numbers, one for each record). Left out are hosts with a name of
 * own (ends with NULL), what is no better than those, what is no host name,
 * and what is there twice. */
enum mx_kind mx_order(const struct dns_answer *a,
    const uint32_t ties[DNS_RECORDS], const char *const *own, struct mx *out);

#endif
