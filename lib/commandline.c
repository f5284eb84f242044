#include "commandline.h"

#include <string.h>
#include <strings.h>

#include "sasl.h"

static void
cut_line_end(struct buf *line)
{
	line->len--;
	if (line->len > 0 && line->data[line->len - 1] == '\r')
		line->len--;
}

/* Up to the limit, whatever comes at once: the verb is known in any case. */
static void
add(struct commandline *l, const char *in, size_t n, bool response)
{
	size_t room = SASL_LINE - l->text.len;

	buf_add(&l->text, in, n < room ? n : room);
	l->overlong = n > room ||
	    (l->text.len > COMMANDLINE_MAX && !response &&
		!commandline_begins(l, "AUTH"));
}

/* Of a line that is too long its verb is kept, of a response nothing. */
static void
forget(struct buf *line, bool response)
{
	size_t n = response ? 0 : 4;

	explicit_bzero(line->data + n, line->len - n);
	line->len = n;
}

bool
commandline_take(
    struct commandline *l, const char *in, size_t *n, bool response)
{
	const char *lf = memchr(in, '\n', *n);

	if (l->complete)
		buf_reset(&l->text);
	l->complete = lf != NULL;
	if (lf)
		*n = (size_t)(lf - in) + 1;
	if (!l->overlong)
		add(l, in, *n, response);
	if (l->overlong)
		forget(&l->text, response);
	else if (l->complete)
		cut_line_end(&l->text);
	return l->complete;
}

bool
commandline_begins(const struct commandline *l, const char *verb)
{
	return l->text.len >= 4 && strncasecmp(l->text.data, verb, 4) == 0;
}

/* How many octets may be shown: of AUTH its mechanism, if it is one. */
static size_t
shown(const struct commandline *l, bool response, const char *refusal)
{
	static const char *const mechanisms[] = {"PLAIN", "LOGIN"};
	const char *line = l->text.data;

	if (response || (refusal && strncmp(refusal, "500", 3) == 0))
		return 0;
	if (!commandline_begins(l, "AUTH"))
		return l->text.len;
	for (int i = 0; i < 2; i++)
		if (l->text.len >= 10 && line[4] == ' ' &&
		    strncasecmp(line + 5, mechanisms[i], 5) == 0 &&
		    (l->text.len == 10 || line[10] == ' '))
			return 10;
	return 4;
}

void
commandline_hide(struct commandline *l, bool response, const char *refusal)
{
	struct buf *b = &l->text;
	size_t n = shown(l, response, refusal);

	if (b->len <= n && !response)
		return;
	explicit_bzero(b->data + n, b->len - n);
	b->len = n;
	buf_adds(b, n ? " ***" : "***");
}

bool
commandline_idle(const struct commandline *l)
{
	return (l->complete || !l->text.len) && !l->overlong;
}
