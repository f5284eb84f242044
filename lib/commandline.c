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
	if (l->text.len + *n > SASL_LINE)
		l->overlong = true;
	if (!l->overlong)
		buf_add(&l->text, in, *n);
	if (l->text.len > COMMANDLINE_MAX && !response &&
	    !commandline_begins(l, "AUTH"))
		l->overlong = true;
	if (l->overlong)
		buf_reset(&l->text);
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
