/* Walks the header of a message line by line (RFC 5322 2.2). Never fails:
 * what is no field begins the body. */
#ifndef HEADER_H
#define HEADER_H

#include <stdbool.h>
#include <stddef.h>

enum header_kind {
	HEADER_FIELD, /* begins a field: name is set */
	HEADER_FOLD,  /* goes on with it, or a further piece of a long line */
	HEADER_FROM,  /* "From " or ">From " as the very first line */
	HEADER_END,   /* the empty line: part of neither */
	HEADER_BODY
};

struct header {
	const char *name; /* within the last HEADER_FIELD piece */
	size_t name_len;  /* blanks before the colon left out */
	size_t value;     /* where the value starts in the piece */
	enum header_kind last;
	bool inside; /* the last piece did not end its line */
	bool begun;
};

/* Classifies the next piece: a line with its LF (or CRLF), or a part of a line
 * that is too long for the reader's buffer (at least 1,000 octets for the
 * first part). Start from {0}. */
enum header_kind header_next(struct header *h, const char *piece, size_t n);
/* Whether the current field is called name, ASCII case-insensitive. */
bool header_is(const struct header *h, const char *name);
/* Whether this would be HEADER_FROM as the first line. */
bool header_is_from(const char *line, size_t n);
/* Whether fields put on top of a message that starts with this line need an
 * empty line after them: it is neither a field, a From_ line nor empty. */
bool header_needs_gap(const char *line, size_t n);

#endif
