/* Modified UTF-7 (RFC 3501 5.1.3): how IMAP4rev1 writes mailbox names. */
#ifndef MUTF7_H
#define MUTF7_H

#include <stddef.h>

#include "buf.h"

/* Adds the UTF-8 form of n octets to out. 0; -1, with out as it was, for what
 * is none, or not the one way to write it: so no two names decode alike. */
int mutf7_decode(const char *s, size_t n, struct buf *out);
/* The other way. -1, with out as it was, for invalid UTF-8. */
int mutf7_encode(const char *s, size_t n, struct buf *out);

#endif
