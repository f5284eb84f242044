/* The fetch journal: which messages of a source a sink already has (FORMATS
 * 8, mailpipe-seen(5)). Append-only lines, compacted by rename. */
#ifndef SEEN_H
#define SEEN_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

struct seen; /* opaque: the open, locked file and the set in memory */

/* Opens, locks and reads the journal of a source ("pop3 alice@host:110") and
 * an absolute sink path, making folders (0700) and file as needed. NULL with
 * errno (EAGAIN: another fetcher has it, EBADMSG: foreign content). */
struct seen *seen_open(const char *source, const char *sink);
const char *seen_path(const struct seen *s);
bool seen_has(const struct seen *s, const char *uid, size_t n);
size_t seen_count(const struct seen *s);
/* Notes a UID in memory and in the file; durable after seen_sync. */
int seen_add(struct seen *s, const char *uid, size_t n);
int seen_sync(struct seen *s);
/* Keeps only what still is on the server (keep says), by rename, when most of
 * it is gone. */
int seen_compact(struct seen *s, bool (*keep)(const char *uid, void *arg),
    void *arg);
void seen_close(struct seen *s);

#endif
