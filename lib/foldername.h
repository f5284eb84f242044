/* What an IMAP folder is called on disk: DIR itself for INBOX, DIR/.NAME for
 * others (Maildir++). No two names become one, and none leaves DIR. */
#ifndef FOLDERNAME_H
#define FOLDERNAME_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

/* Whether the name of n octets is that of INBOX, in any case. */
bool foldername_is_inbox(const char *s, size_t n);
/* Adds the part behind DIR/, at most 255 octets, nothing for INBOX. s is the
 * name as the server writes it, separator its hierarchy's or 0. Modified UTF-7
 * becomes UTF-8 and each separator a dot. Control bytes, %, slashes, dots and
 * a dash in front become %XX, an empty part %00. A name that is no modified
 * UTF-7 begins with %=, and & and 8-bit octets become %XX, too. One that is too
 * long ends in %~ and a hash. */
void foldername_disk(const char *s, size_t n, char separator, struct buf *out);
/* Adds the name in UTF-8, or as it is where that is not to be had. */
void foldername_show(const char *s, size_t n, struct buf *out);

#endif
