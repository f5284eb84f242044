#include "header.h"

#include <string.h>
#include <strings.h>

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool
is_empty(const char *line, size_t n)
{
	return (n == 1 && line[0] == '\n') ||
	    (n == 2 && line[0] == '\r' && line[1] == '\n');
}

bool
header_is_from(const char *line, size_t n)
{
	if (n && *line == '>') {
		line++;
		n--;
	}
	return n >= 5 && !memcmp(line, "From ", 5);
}

/* A name of printable ASCII, blanks (RFC 5322 4.5.8), a colon. */
static bool
begins_field(struct header *h, const char *piece, size_t n)
{
	size_t i = 0, name_len;

	while (i < n && piece[i] > ' ' && piece[i] < 127 && piece[i] != ':')
		i++;
	name_len = i;
	while (i < n && is_blank(piece[i]))
		i++;
	if (!name_len || i == n || piece[i] != ':')
		return false;
	i++;
	while (i < n && is_blank(piece[i]))
		i++;
	h->name = piece;
	h->name_len = name_len;
	h->value = i;
	return true;
}

static enum header_kind
classify(struct header *h, const char *piece, size_t n)
{
	bool in_field = h->last == HEADER_FIELD || h->last == HEADER_FOLD;

	if (!h->begun)
		in_field = false;
	else if (h->last == HEADER_END || h->last == HEADER_BODY)
		return HEADER_BODY;
	if (h->inside)
		return in_field ? HEADER_FOLD : h->last;
	if (!h->begun && header_is_from(piece, n))
		return HEADER_FROM;
	if (is_empty(piece, n))
		return HEADER_END;
	if (is_blank(*piece))
		return in_field ? HEADER_FOLD : HEADER_BODY;
	return begins_field(h, piece, n) ? HEADER_FIELD : HEADER_BODY;
}

enum header_kind
header_next(struct header *h, const char *piece, size_t n)
{
	if (!n)
		return h->begun ? h->last : HEADER_BODY;
	h->last = classify(h, piece, n);
	h->begun = true;
	h->inside = piece[n - 1] != '\n';
	return h->last;
}

bool
header_is(const struct header *h, const char *name)
{
	return h->name && strlen(name) == h->name_len &&
	    !strncasecmp(h->name, name, h->name_len);
}

bool
header_needs_gap(const char *line, size_t n)
{
	struct header h = {0};

	return n && header_next(&h, line, n) == HEADER_BODY;
}
