/* The addr-specs of an address-list (RFC 5322 3.4, with 4.4's obsolete forms):
 * what -t takes from To, Cc and Bcc. Linear, no recursion. */
#ifndef ADDRSPEC_H
#define ADDRSPEC_H

#include <stddef.h>

#include "buf.h"

/* Adds each mailbox of the n bytes at s (a field's value, folds and all) to
 * out, a NUL behind each: comments, display names, groups and routes are
 * dropped, quoted local parts kept. An addr-spec may lack a domain. Returns
 * how many, or -1 with the offending part (up to 60 bytes) added to out. */
int addrspec_list(const char *s, size_t n, struct buf *out);
/* The same with display names: adds to names, for each address, its name
 * unquoted, or nothing, and a NUL. Encoded words are not decoded. */
int addrspec_named(const char *s, size_t n, struct buf *out, struct buf *names);

#endif
