/* What a sender wants to be told (RFC 3461): RET, ENVID, NOTIFY and ORCPT, as
 * a user says them and as reports go by them. */
#ifndef DSN_H
#define DSN_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

/* The events of NOTIFY. */
enum dsn_event {
	DSN_NEVER = 1,
	DSN_SUCCESS = 2,
	DSN_FAILURE = 4,
	DSN_DELAY = 8
};

/* The events of a list in either case; 0 where it is none: one twice, NEVER
 * beside others, or something else. */
unsigned dsn_events(const char *s, size_t n);
/* Adds NOTIFY, behind a blank where there are others. */
void dsn_add_events(unsigned events, struct buf *params);
/* An octet of xtext (RFC 3461 4), which becomes *c; the octets it took, or 0.
 * n is not 0. */
size_t dsn_octet(const char *s, size_t n, char *c);

/* Adds the parameter, behind a blank where there are others: "never" or a list
 * of success, failure and delay; "full" or "hdrs"; printable ASCII that makes
 * 100 octets of xtext at most. 0; -1 and nothing added for anything else. */
int dsn_notify(const char *words, struct buf *params);
int dsn_ret(const char *word, struct buf *params);
int dsn_envid(const char *id, struct buf *params);

/* The value of NAME=value among parameters (cut to size), or false. */
bool dsn_param(const char *params, const char *name, char *out, size_t size);
/* Whether NOTIFY has this event; unsaid where there is no NOTIFY. */
bool dsn_notifies(const char *params, const char *event, bool unsaid);
/* xtext in place; what would not be printable is a '?', and what
 * is not ASCII too, but in an address of RFC 6533. */
void dsn_decode(char *xtext, bool utf8);

#endif
