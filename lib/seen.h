/* The fetch journal: which messages of a source a sink already has (FORMATS
 * 8, mailpipe-seen(5)). Append-only lines, compacted by rename. */
#ifndef SEEN_H
#define SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranges.h"

#define SEEN_UID 70 /* octets, each 0x21 to 0x7E */

struct seen; /* opaque: the open, locked file and the set in memory */

/* POP3's unique-ids, or IMAP's UIDs, "7" or "7:9", as ranges. */
enum seen_kind { SEEN_TOKENS, SEEN_NUMBERS };

/* Opens, locks and reads the journal of a source ("pop3 alice@host:110") and
 * an absolute sink path, making folders (0700) and file as needed. NULL with
 * errno: EAGAIN another fetcher has it, EBADMSG foreign content. *path (free
 * it) names the file in both cases. */
struct seen *seen_open(
    enum seen_kind kind, const char *source, const char *sink, char **path);
/* Whether a token is there. What was asked for survives seen_compact. */
bool seen_has(struct seen *s, const char *uid, size_t n);
size_t seen_count(const struct seen *s);
/* Of numbers: all of them, and the UIDVALIDITY (RFC 3501 2.3.1.1) that they
 * are of, 0 for none. seen_renew forgets all and sets that. */
const struct ranges *seen_uids(const struct seen *s);
uint32_t seen_validity(const struct seen *s);
void seen_renew(struct seen *s, uint32_t validity);
/* Notes a UID, for the file with the next seen_sync. With name, the file that
 * the message is about to become in its maildir: should the program end before
 * seen_confirm, seen_settle of the next run looks for it there. -1 with EINVAL
 * for what is no UID or name. */
int seen_add(struct seen *s, const char *uid, size_t n, const char *name);
/* Makes all that was added durable. 0, or -1 with errno. */
int seen_sync(struct seen *s);
/* The files named so far are in place; written with the next seen_sync or
 * seen_close. */
void seen_confirm(struct seen *s);
/* After seen_open: asks exists about each name that was not confirmed, and
 * forgets the UIDs of those that are missing. 0, or -1 with errno. */
int seen_settle(
    struct seen *s, bool (*exists)(const char *name, void *arg), void *arg);
/* Forgets the tokens that neither seen_has nor seen_add was called with, or
 * writes numbers as ranges, by rename, once that saves the larger part and over
 * 100 lines. 0, or -1 with errno: nothing changed. */
int seen_compact(struct seen *s);
/* Writes what waits, without a barrier, and frees. 0, or -1 with errno. */
int seen_close(struct seen *s);

#endif
