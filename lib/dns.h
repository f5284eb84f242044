/* Answers of a DNS server (RFC 1035, 3596), read from untrusted octets: every
 * length is checked, names cannot loop, what is over the limits is left out. */
#ifndef DNS_H
#define DNS_H

#include <stddef.h>

#define DNS_MESSAGE 65535 /* octets of an answer at most */
#define DNS_NAME 256      /* of a name as text with its NUL */
#define DNS_RECORDS 100   /* further ones are not looked at */
#define DNS_ALIASES 16    /* more, one behind the other, are a loop */

enum dns_type { DNS_A = 1, DNS_CNAME = 5, DNS_MX = 15, DNS_AAAA = 28 };

struct dns_record {
	unsigned preference; /* of MX */
	/* MX: the host, in lower case, without a last dot, a `?' for each
	 * octet that no host name has; "" is the root. Else the address. */
	char name[DNS_NAME];
};

struct dns_answer {
	size_t n;
	struct dns_record records[DNS_RECORDS];
};

enum dns_status {
	DNS_OK,      /* at least one record of the type */
	DNS_NONE,    /* the name exists, but not with this type */
	DNS_NO_NAME, /* NXDOMAIN */
	DNS_FAILED   /* SERVFAIL and the like, no whole answer, aliases without
			an end, or nothing from a server that knows nothing:
			neither the domain's own nor a resolver */
};

/* Takes the records of the type that name (in lower case) has, by itself or as
 * an alias, out of an answer of n octets; those of other names are not looked
 * at. */
enum dns_status dns_read(const unsigned char *message, size_t n,
    const char *name, enum dns_type type, struct dns_answer *a);

#endif
