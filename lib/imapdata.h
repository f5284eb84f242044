/* The grammar inside IMAP responses (RFC 3501 9): a cursor over one response
 * in memory, literals included. Nothing recurses, nothing reads behind it. */
#ifndef IMAPDATA_H
#define IMAPDATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

#define IMAPDATA_DEPTH 32 /* of lists in lists */
#define IMAPDATA_NONE SIZE_MAX

struct imapdata {
	const char *s;
	size_t n, at;
	size_t hole; /* where a literal is announced whose octets are not here;
			IMAPDATA_NONE for none */
};

/* Steps over c where it comes next. */
bool imapdata_skip(struct imapdata *d, char c);
/* The next atom, as far as a blank, a parenthesis or a string. Its length, 0
 * for none; *s is where it starts. */
size_t imapdata_atom(struct imapdata *d, const char **s);
/* The name of a FETCH item: what is in its [] may hold any octet. */
size_t imapdata_item(struct imapdata *d, const char **s);
/* Whether the n octets are this word, whatever the case. */
bool imapdata_is(const char *s, size_t n, const char *word);
/* A number from min to 2^32-1. 0 or -1. */
int imapdata_number(struct imapdata *d, uint32_t min, uint32_t *out);
/* A quoted string, a literal or an atom, added to out (NULL: nowhere). 0 or
 * -1. */
int imapdata_string(struct imapdata *d, struct buf *out);
/* Any value: one of these, or a list of values. 0 or -1. */
int imapdata_pass(struct imapdata *d);
/* The literal that a line of n octets ("...{N}", without CRLF) announces: where
 * it does, and N in *octets. IMAPDATA_NONE where there is none; -1 in *bad
 * where N is over 2^63-1. */
size_t imapdata_literal(const char *s, size_t n, uint64_t *octets, bool *bad);

#endif
