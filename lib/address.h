/* Paths of RFC 5321 4.1.2 and 4.1.3: user@domain, quoted local parts, address
 * literals, postmaster alone, the null path and historic source routes. */
#ifndef ADDRESS_H
#define ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#define ADDRESS_MAX 1000 /* a path with its route; a mailbox alone: 320 */

/* A checked path, without <>: "@a,@b:user@example.net". The quoted form is
 * kept. text + local is the mailbox; text + domain what follows its '@', or
 * the end where there is none. The null path is "". */
struct address {
	char text[ADDRESS_MAX + 1];
	unsigned short len;
	unsigned short local;
	unsigned short domain;
};

/* What a path may be, besides a mailbox with a domain. */
enum address_form {
	ADDRESS_NULL = 1, /* <>: senders */
	ADDRESS_BARE = 2, /* no domain: postmaster in any case */
	ADDRESS_UTF8 = 4  /* RFC 6531 */
};

/* Checks the n bytes at s, which carry no <>. Without ADDRESS_BARE a local
 * part alone is refused, postmaster excepted. Local parts to 64 octets,
 * domains to 255, labels to 63, literals [1.2.3.4] and [IPv6:...] are real
 * addresses; no control bytes, no comments. 0, or -1 and *a is undefined. */
int address_parse(struct address *a, const char *s, size_t n, int forms);
/* "<path>" at the start of an SMTP argument, as above. Returns the number of
 * bytes it took, or -1. */
int address_parse_path(struct address *a, const char *s, size_t n, int forms);
bool address_has_route(const struct address *a);
/* The first hop's domain: of the route, else of the mailbox. Copied to out,
 * in lower case. */
void address_hop(const struct address *a, char out[256]);
/* Removes the first hop of the route, or, for strip, all of it. */
void address_pop(struct address *a);
void address_strip(struct address *a);
/* The local part unquoted ("a\ b" is a b), for look-up and comparison. */
void address_local(const struct address *a, char out[ADDRESS_MAX + 1]);
/* What may stand behind an '@': a domain or host name, or an address literal.
 */
bool address_is_domain(const char *s);
/* Domains compare without regard to ASCII case, a trailing dot aside; literals
 * as the addresses they are, an IPv4-mapped one being IPv4. The second takes n
 * octets at a. */
bool address_same_domain(const char *a, const char *b);
bool address_same_domain_of(const char *a, size_t n, const char *b);

#endif
