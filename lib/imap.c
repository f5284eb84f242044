#include "imap.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "imapdata.h"

#define RESPONSES 5000000 /* untagged, for one command */

/* What the next octets are. */
enum { LINE, SHORT, BODY, BODY_END, QUOTED, FAILED };

static const char *const names[] = {
    [IMAP_CAPABILITY] = "CAPABILITY",
    [IMAP_LIST] = "LIST",
    [IMAP_STATUS] = "STATUS",
    [IMAP_SELECT] = "SELECT",
    [IMAP_FETCH] = "UID FETCH",
    [IMAP_STORE] = "UID STORE",
    [IMAP_EXPUNGE] = "UID EXPUNGE",
    [IMAP_LOGOUT] = "LOGOUT",
};

void
imap_ask(
    struct imap *i, enum imap_verb verb, uint32_t number, const char *arguments)
{
	size_t at = (i->first + i->waiting) % IMAP_WINDOW;

	i->asked[at].verb = verb;
	i->asked[at].number = number;
	i->waiting++;
	i->unsent++;
	if (verb == IMAP_SELECT) {
		i->said.counts = (struct imap_counts){0};
		i->said.expunged = 0;
	}
	buf_addf(&i->out, "A%u %s%s%s\r\n", ++i->tag, names[verb],
	    arguments ? " " : "", arguments ? arguments : "");
}

int
imap_quote(struct buf *out, const char *s, size_t n)
{
	if (n && (memchr(s, 0, n) || memchr(s, '\r', n) || memchr(s, '\n', n)))
		return -1;
	buf_addc(out, '"');
	for (size_t k = 0; k < n; k++) {
		if (s[k] == '"' || s[k] == '\\')
			buf_addc(out, '\\');
		buf_addc(out, s[k]);
	}
	buf_addc(out, '"');
	return 0;
}

void
imap_sent(struct imap *i, size_t n)
{
	for (size_t k = 0; k < n; k++)
		if (i->out.data[k] == '\n')
			i->unsent--;
	buf_cut(&i->out, n);
}

size_t
imap_waiting(const struct imap *i)
{
	return i->waiting;
}

void
imap_free(struct imap *i)
{
	buf_free(&i->out);
	buf_free(&i->said.data);
	buf_free(&i->line);
	buf_free(&i->said.name);
}

static enum imap_event
broken(struct imap *i, const char *why)
{
	return imapreply_broken(&i->said, why);
}

/* The verb that the server answers just now. */
static int
current(const struct imap *i)
{
	return i->waiting > i->unsent ? (int)i->asked[i->first].verb : -1;
}

static enum imap_event
read_tagged(struct imap *i, struct imapdata *d, const char *tag, size_t n)
{
	char mine[16];
	const char *s;
	size_t len = 0;
	uint32_t number = i->tag - (uint32_t)i->waiting + 1;
	enum imap_event event;

	if (i->waiting == i->unsent)
		return broken(i, "a reply that nothing asked for");
	for (mine[len++] = 'A'; number; number /= 10) {
		memmove(mine + 2, mine + 1, len - 1);
		mine[1] = (char)('0' + number % 10);
		len++;
	}
	if (n != len || memcmp(tag, mine, n) != 0 || !imapdata_skip(d, ' '))
		return broken(i, "a reply to something else");
	n = imapdata_atom(d, &s);
	if (imapdata_is(s, n, "OK"))
		event = IMAP_OK;
	else if (imapdata_is(s, n, "NO"))
		event = IMAP_NO;
	else if (imapdata_is(s, n, "BAD"))
		event = IMAP_BAD;
	else
		return broken(i, "a reply that is none of OK, NO and BAD");
	if (imapreply_text(&i->said, d) < 0)
		return broken(i, "a wrong number");
	i->said.verb = i->asked[i->first].verb;
	i->said.number = i->asked[i->first].number;
	i->first = (i->first + 1) % IMAP_WINDOW;
	i->waiting--;
	return event;
}

/* A whole response. */
static enum imap_event
read_response(struct imap *i)
{
	struct imapdata d = {i->line.data, i->line.len - 2, 0,
	    i->said.body ? i->body_at : IMAPDATA_NONE};
	enum imap_event event;
	const char *s;
	size_t n = imapdata_atom(&d, &s);

	i->reading = false;
	i->said.current = current(i);
	if (!imapdata_is(s, n, "*") || !imapdata_skip(&d, ' ')) {
		i->responses = 0;
		return read_tagged(i, &d, s, n);
	}
	if (++i->responses > RESPONSES)
		return broken(i, "responses without end");
	event = imapreply_untagged(&i->said, &d);
	/* A message in quotes came with the rest of it. */
	if (event == IMAP_DATA)
		i->state = QUOTED;
	return event;
}

/* Of the lines that hold text for people none announces a literal. */
static bool
is_text(const struct imap *i)
{
	static const char *const words[] = {
	    "OK", "NO", "BAD", "BYE", "PREAUTH"};
	struct imapdata d = {i->line.data, i->line.len, 0, IMAPDATA_NONE};
	const char *s;
	size_t n;

	if (!imapdata_skip(&d, '*') || !imapdata_skip(&d, ' '))
		return true;
	n = imapdata_atom(&d, &s);
	for (size_t k = 0; k < sizeof words / sizeof *words; k++)
		if (imapdata_is(s, n, words[k]))
			return true;
	return false;
}

/* Whether the literal announced at at is a message: "* N FETCH (... BODY[] ".
 */
static bool
is_body(const struct imap *i, size_t at)
{
	static const char item[] = "BODY[] ";
	struct imapdata d = {i->line.data + 2, at - 2, 0, IMAPDATA_NONE};
	size_t n, len = sizeof item - 1;
	uint32_t number;
	const char *s;

	if (imapdata_number(&d, 0, &number) < 0 || !imapdata_skip(&d, ' '))
		return false;
	n = imapdata_atom(&d, &s);
	return imapdata_is(s, n, "FETCH") && at > len &&
	    imapdata_is(i->line.data + at - len, len, item) &&
	    strchr(" (", i->line.data[at - len - 1]);
}

/* The end of a line: of the response, too, or of a literal's announcement. */
static enum imap_event
end_line(struct imap *i)
{
	const char *s = i->line.data + i->part;
	size_t n = i->line.len - i->part, at;
	uint64_t octets;
	bool bad;

	if (n < 2 || s[n - 2] != '\r')
		return broken(i, "a line that does not end in CRLF");
	n -= 2;
	if (memchr(s, 0, n) || memchr(s, '\r', n))
		return broken(i, "a line with NUL or CR in it");
	at = is_text(i) ? IMAPDATA_NONE : imapdata_literal(s, n, &octets, &bad);
	if (at == IMAPDATA_NONE)
		return read_response(i);
	at += i->part;
	i->part = i->line.len;
	if (bad)
		return broken(i, "a literal that is too long");
	if (is_body(i, at)) {
		if (current(i) != IMAP_FETCH)
			return broken(i, "a message that nothing asked for");
		if (i->said.body)
			return broken(i, "two messages in one");
		i->said.body = true;
		i->body_at = at;
		i->crlf = (struct crlf_text){0};
		i->state = BODY;
	} else if (octets > IMAP_LINE - i->line.len)
		return broken(i, "a literal that is too long");
	else
		i->state = SHORT;
	i->left = octets;
	return IMAP_MORE;
}

static enum imap_event
read_line(struct imap *i, const char *in, size_t n, size_t *taken)
{
	const char *lf = memchr(in, '\n', n);
	size_t len = lf ? (size_t)(lf - in) + 1 : n;

	if (!i->reading) {
		buf_reset(&i->line);
		i->part = 0;
		i->said.body = false;
		i->reading = true;
	}
	*taken += len;
	if (len > IMAP_LINE - i->line.len)
		return broken(i, "a line that is too long");
	buf_add(&i->line, in, len);
	return lf ? end_line(i) : IMAP_MORE;
}

static enum imap_event
read_literal(struct imap *i, const char *in, size_t n, size_t *taken)
{
	size_t len = i->left < n ? (size_t)i->left : n;

	*taken += len;
	i->left -= len;
	if (i->state == SHORT) {
		buf_add(&i->line, in, len);
		i->part = i->line.len;
		if (!i->left)
			i->state = LINE;
		return IMAP_MORE;
	}
	buf_reset(&i->said.data);
	crlf_text(&i->crlf, in, len, &i->said.data);
	return i->said.data.len ? IMAP_DATA : IMAP_MORE;
}

/* A CR may be the last octet of a message. */
static enum imap_event
end_body(struct imap *i)
{
	buf_reset(&i->said.data);
	crlf_text_end(&i->crlf, &i->said.data);
	i->state = LINE;
	return i->said.data.len ? IMAP_DATA : IMAP_MORE;
}

enum imap_event
imap_read(struct imap *i, const char *in, size_t n, size_t *taken)
{
	enum imap_event event = IMAP_MORE;

	*taken = 0;
	if (i->state == FAILED)
		return IMAP_BROKEN;
	if (i->state == QUOTED) {
		i->state = LINE;
		return IMAP_MESSAGE;
	}
	while (event == IMAP_MORE) {
		if (i->state == BODY && !i->left) {
			event = end_body(i);
			continue;
		}
		if (i->state == SHORT && !i->left)
			i->state = LINE;
		if (*taken == n)
			break;
		if (i->state == LINE)
			event = read_line(i, in + *taken, n - *taken, taken);
		else
			event = read_literal(i, in + *taken, n - *taken, taken);
	}
	if (event == IMAP_BROKEN)
		i->state = FAILED;
	return event;
}
