#include "addrspec.h"

#include <stdbool.h>
#include <string.h>

#include "address.h"

#define PART_MAX 60

enum token { NOTHING, WORD, DOT, AT };

struct scan {
	const char *s;
	size_t i, n;
	size_t element;    /* where the current one began */
	struct buf *names; /* or NULL */
	struct buf name;   /* the words before <>, unquoted */
	bool blank;        /* since the last of them */
	struct buf spec;   /* its words, dots and at signs, without blanks */
	enum token last;
	bool phrase;      /* two words side by side: no addr-spec */
	bool angle, done; /* inside <>, behind it */
	int count;
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Steps over nested comments; -1 when they do not end. */
static int
skip_comment(struct scan *c)
{
	size_t depth = 0;

	do {
		if (c->s[c->i] == '(')
			depth++;
		else if (c->s[c->i] == ')')
			depth--;
		else if (c->s[c->i] == '\\')
			c->i++;
		c->i++;
	} while (depth && c->i < c->n);
	return depth ? -1 : 0;
}

/* Copies "..." or [...] without line ends; -1 when it does not end. */
static int
take_enclosed(struct scan *c, char close)
{
	size_t begin = c->i++;

	while (c->i < c->n && c->s[c->i] != close)
		c->i += c->s[c->i] == '\\' ? 2 : 1;
	if (c->i >= c->n)
		return -1;
	c->i++;
	for (size_t i = begin; i < c->i; i++)
		if (c->s[i] != '\r' && c->s[i] != '\n')
			buf_addc(&c->spec, c->s[i]);
	return 0;
}

/* The word at begin goes to the display name. */
static void
add_name(struct scan *c, size_t begin)
{
	bool quoted = c->s[begin] == '"';

	if (!c->names || c->angle)
		return;
	if (c->blank && c->name.len)
		buf_addc(&c->name, ' ');
	c->blank = false;
	for (size_t i = begin + quoted; i < c->i - quoted; i++) {
		if (quoted && c->s[i] == '\\')
			i++;
		if (c->s[i] && c->s[i] != '\r' && c->s[i] != '\n')
			buf_addc(&c->name, c->s[i]);
	}
}

static bool
is_atom(char c)
{
	return (unsigned char)c > ' ' && c != 127 &&
	    !strchr("()<>[]:;@,.\"", c);
}

static void
take_atom(struct scan *c)
{
	size_t begin = c->i;

	while (c->i < c->n && is_atom(c->s[c->i]))
		c->i++;
	buf_add(&c->spec, c->s + begin, c->i - begin);
}

static void
restart(struct scan *c)
{
	buf_reset(&c->spec);
	c->last = NOTHING;
	c->phrase = false;
}

static int
emit(struct scan *c, struct buf *out)
{
	struct address a;

	if (c->phrase ||
	    address_parse(&a, buf_str(&c->spec), c->spec.len,
		ADDRESS_BARE | ADDRESS_UTF8) < 0)
		return -1;
	buf_add(out, a.text, (size_t)a.len + 1);
	if (c->names) {
		buf_add(c->names, c->name.data, c->angle ? c->name.len : 0);
		buf_addc(c->names, 0);
	}
	buf_reset(&c->name);
	c->count++;
	restart(c);
	return 0;
}

/* At a comma, a semicolon or the end. */
static int
end_element(struct scan *c, struct buf *out)
{
	if (c->angle)
		return -1;
	if (!c->done && c->last != NOTHING && emit(c, out) < 0)
		return -1;
	c->done = false;
	return 0;
}

static int
take_word(struct scan *c)
{
	size_t begin = c->i;
	char first = c->s[begin];
	int status = 0;

	if (c->done)
		return -1;
	if (first == '.' || first == '@') {
		buf_addc(&c->spec, first);
		c->last = first == '.' ? DOT : AT;
		c->i++;
	} else {
		c->phrase = c->phrase || c->last == WORD;
		c->last = WORD;
		if (first == '"' || first == '[')
			status = take_enclosed(c, first == '"' ? '"' : ']');
		else
			take_atom(c);
	}
	if (!status)
		add_name(c, begin);
	return status;
}

/* What is neither blank, comment, word nor separator. */
static int
take_special(struct scan *c, struct buf *out)
{
	switch (c->s[c->i++]) {
	case '<':
		if (c->angle || c->done)
			return -1;
		c->angle = true;
		restart(c);
		return 0;
	case '>':
		if (!c->angle || emit(c, out) < 0)
			return -1;
		c->angle = false;
		c->done = true;
		return 0;
	case ':': /* behind a route, else behind a group's name */
		if (c->done || c->last == NOTHING ||
		    (c->angle && *c->spec.data != '@'))
			return -1;
		restart(c);
		if (!c->angle) {
			buf_reset(&c->name);
			c->element = c->i;
		}
		return 0;
	default:
		return -1;
	}
}

static int
step(struct scan *c, struct buf *out)
{
	char next = c->s[c->i];

	if (is_blank(next) || next == '(') {
		c->blank = true;
		if (next == '(')
			return skip_comment(c);
		c->i++;
		return 0;
	}
	if (next == ',' && c->angle) { /* within a route, else wrong */
		buf_addc(&c->spec, ',');
		c->last = DOT;
		c->i++;
		return 0;
	}
	if (next == ',' || next == ';') {
		if (end_element(c, out) < 0)
			return -1;
		c->element = ++c->i;
		return 0;
	}
	if (next && (is_atom(next) || strchr(".@\"[", next)))
		return take_word(c);
	return take_special(c, out);
}

int
addrspec_named(const char *s, size_t n, struct buf *out, struct buf *names)
{
	struct scan c = {.s = s, .n = n, .names = names};
	size_t before = out->len, part;
	int status = 0;

	while (!status && c.i < n)
		status = step(&c, out);
	if (!status)
		status = end_element(&c, out);
	buf_free(&c.spec);
	buf_free(&c.name);
	if (!status)
		return c.count;
	while (c.element < n && is_blank(s[c.element]))
		c.element++;
	while (n > c.element && is_blank(s[n - 1]))
		n--;
	part = n - c.element;
	out->len = before;
	buf_add(out, s + c.element, part < PART_MAX ? part : PART_MAX);
	return -1;
}

int
addrspec_list(const char *s, size_t n, struct buf *out)
{
	return addrspec_named(s, n, out, NULL);
}
