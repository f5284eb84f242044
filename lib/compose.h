/* Header fields as a new message has them: folded, and with encoded words
 * (RFC 2047) wherever another reader would else get something different. */
#ifndef COMPOSE_H
#define COMPOSE_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

/* How a user's field is written; the composer's own ones are not theirs. */
enum compose_kind {
	COMPOSE_TEXT,
	COMPOSE_ADDRESSES,
	COMPOSE_WORDS,
	COMPOSE_OWN
};

enum compose_kind compose_kind(const char *name);
/* Whether s may be a value: UTF-8, no control or C1 octets but TAB, no other
 * line ends. */
bool compose_is_text(const char *s);
/* Whether s may be a field's name, up to 70 octets. */
bool compose_is_name(const char *s, size_t n);
/* Adds "Name: value" LF. The value is unstructured text. */
void compose_text(struct buf *out, const char *name, const char *value);
/* The same for what is not to be encoded: words that may be folded apart. */
void compose_words(struct buf *out, const char *name, const char *value);
/* The same for an address list; addresses (a NUL behind each) are added to
 * rcpts. Returns how many, or -1 with the offending part added to rcpts. */
int compose_addresses(
    struct buf *out, const char *name, const char *list, struct buf *rcpts);

#endif
