#include "imap.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "date.h"
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
		i->counts = (struct imap_counts){0};
		i->expunged = 0;
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
	buf_free(&i->data);
	buf_free(&i->line);
	buf_free(&i->name);
}

static enum imap_event
broken(struct imap *i, const char *why)
{
	i->state = FAILED;
	strcpy(i->text, why);
	return IMAP_BROKEN;
}

/* Whether the server answers this verb just now. */
static bool
is_current(const struct imap *i, enum imap_verb verb)
{
	return i->waiting > i->unsent && i->asked[i->first].verb == verb;
}

static void
set_text(struct imap *i, const char *s, size_t n)
{
	if (n > IMAP_TEXT)
		n = IMAP_TEXT;
	memcpy(i->text, s, n);
	i->text[n] = 0;
}

/* "[CODE argument] text": RFC 3501 7.1. */
static int
read_code(struct imap *i, struct imapdata *d)
{
	bool selects = is_current(i, IMAP_SELECT);
	uint32_t *number = NULL;
	const char *s;
	size_t n = 0;

	i->code[0] = 0;
	if (!imapdata_skip(d, '['))
		return 0;
	s = d->s + d->at;
	while (d->at < d->n && d->s[d->at] != ' ' && d->s[d->at] != ']') {
		d->at++;
		n++;
	}
	if (n >= sizeof i->code)
		return 0;
	for (size_t k = 0; k < n; k++)
		i->code[k] =
		    s[k] >= 'a' && s[k] <= 'z' ? s[k] - 'a' + 'A' : s[k];
	i->code[n] = 0;
	if (strcmp(i->code, "UIDNEXT") == 0)
		number = &i->counts.uidnext;
	else if (strcmp(i->code, "UIDVALIDITY") == 0)
		number = &i->counts.uidvalidity;
	if (!selects || !number)
		return 0;
	s = memchr(d->s + d->at, ']', d->n - d->at);
	if (!s)
		return -1;
	struct imapdata value = {
	    d->s + d->at, (size_t)(s - d->s) - d->at, 0, IMAPDATA_NONE};
	return imapdata_skip(&value, ' ') &&
		imapdata_number(&value, 1, number) == 0 && value.at == value.n
	    ? 0
	    : -1;
}

/* Behind OK, NO, BAD or BYE. */
static int
read_text(struct imap *i, struct imapdata *d)
{
	imapdata_skip(d, ' ');
	set_text(i, d->s + d->at, d->n - d->at);
	return read_code(i, d);
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
	if (read_text(i, d) < 0)
		return broken(i, "a wrong number");
	i->verb = i->asked[i->first].verb;
	i->number = i->asked[i->first].number;
	i->first = (i->first + 1) % IMAP_WINDOW;
	i->waiting--;
	return event;
}

static enum imap_event
read_capabilities(struct imap *i, struct imapdata *d)
{
	const char *s;
	size_t n;

	while (imapdata_skip(d, ' ') && (n = imapdata_atom(d, &s))) {
		if (imapdata_is(s, n, "UIDPLUS") ||
		    imapdata_is(s, n, "IMAP4rev2"))
			i->has_uidplus = true;
		if (imapdata_is(s, n, "LIST-STATUS"))
			i->has_list_status = true;
	}
	return IMAP_OTHER;
}

/* (attributes) separator name */
static enum imap_event
read_list(struct imap *i, struct imapdata *d)
{
	struct buf separator = BUF_INIT;
	const char *s;
	size_t n;
	int r = -1;

	i->selectable = true;
	if (!imapdata_skip(d, ' ') || !imapdata_skip(d, '('))
		return broken(i, "a mailbox without attributes");
	while ((n = imapdata_atom(d, &s))) {
		if (imapdata_is(s, n, "\\Noselect") ||
		    imapdata_is(s, n, "\\NonExistent"))
			i->selectable = false;
		imapdata_skip(d, ' ');
	}
	n = d->at + 2;
	if (imapdata_skip(d, ')') && imapdata_skip(d, ' ') &&
	    imapdata_string(d, &separator) == 0 && imapdata_skip(d, ' ')) {
		/* Outside quotes it is NIL. */
		if (d->s[n] != '"')
			i->separator = 0;
		else
			i->separator = separator.len == 1 ? *separator.data : 0;
		buf_reset(&i->name);
		r = imapdata_string(d, &i->name);
	}
	buf_free(&separator);
	return r < 0 ? broken(i, "a wrong mailbox") : IMAP_MAILBOX;
}

static int
read_counts(struct imap *i, struct imapdata *d)
{
	const char *s;
	size_t n;

	while ((n = imapdata_atom(d, &s))) {
		uint32_t *number = NULL;

		if (!imapdata_skip(d, ' '))
			return -1;
		if (imapdata_is(s, n, "MESSAGES"))
			number = &i->counts.messages;
		else if (imapdata_is(s, n, "UIDNEXT"))
			number = &i->counts.uidnext;
		else if (imapdata_is(s, n, "UIDVALIDITY"))
			number = &i->counts.uidvalidity;
		if (number ? imapdata_number(
				 d, number != &i->counts.messages, number) < 0
			   : imapdata_pass(d) < 0)
			return -1;
		imapdata_skip(d, ' ');
	}
	return imapdata_skip(d, ')') ? 0 : -1;
}

/* name (MESSAGES 3 UIDNEXT 7 ...) */
static enum imap_event
read_status(struct imap *i, struct imapdata *d)
{
	buf_reset(&i->name);
	i->counts = (struct imap_counts){0};
	if (!imapdata_skip(d, ' ') || imapdata_string(d, &i->name) < 0 ||
	    !imapdata_skip(d, ' ') || !imapdata_skip(d, '(') ||
	    read_counts(i, d) < 0)
		return broken(i, "a wrong STATUS");
	return IMAP_COUNTS;
}

/* --- FETCH --- */
static int
read_flags(struct imap *i, struct imapdata *d)
{
	static const char *const flags[] = {"\\Draft", "\\Flagged",
	    "$Forwarded", "\\Answered", "\\Seen", "\\Deleted"};
	static const char letters[] = "DFPRST";
	unsigned set = 0;
	const char *s;
	size_t n, len = 0;

	if (!imapdata_skip(d, '('))
		return -1;
	while ((n = imapdata_atom(d, &s))) {
		for (size_t k = 0; k < sizeof flags / sizeof *flags; k++)
			if (imapdata_is(s, n, flags[k]))
				set |= 1u << k;
		imapdata_skip(d, ' ');
	}
	for (size_t k = 0; letters[k]; k++)
		if (set & 1u << k)
			i->flags[len++] = letters[k];
	i->flags[len] = 0;
	return imapdata_skip(d, ')') ? 0 : -1;
}

static int
read_date(struct imap *i, struct imapdata *d)
{
	struct buf b = BUF_INIT;
	int r = imapdata_string(d, &b);

	if (r == 0)
		i->has_date = date_internal(buf_str(&b), &i->date) == 0;
	buf_free(&b);
	return r;
}

/* The literal that was passed on, a quoted string, or NIL. */
static int
read_body(struct imap *i, struct imapdata *d)
{
	const char *s;
	size_t n;

	if (d->at < d->n && d->s[d->at] == '"') {
		if (i->body || i->has_body)
			return -1;
		buf_reset(&i->data);
		i->has_body = true;
		return imapdata_string(d, &i->data);
	}
	if (i->body && d->at == d->hole) {
		i->has_body = true;
		return imapdata_string(d, NULL);
	}
	n = imapdata_atom(d, &s);
	return imapdata_is(s, n, "NIL") ? 0 : -1;
}

static int
read_item(struct imap *i, struct imapdata *d)
{
	const char *s;
	size_t n = imapdata_item(d, &s);

	if (!n || !imapdata_skip(d, ' '))
		return -1;
	if (imapdata_is(s, n, "UID"))
		return imapdata_number(d, 1, &i->uid);
	if (imapdata_is(s, n, "FLAGS"))
		return read_flags(i, d);
	if (imapdata_is(s, n, "INTERNALDATE"))
		return read_date(i, d);
	if (imapdata_is(s, n, "BODY[]"))
		return read_body(i, d);
	return imapdata_pass(d);
}

static enum imap_event
read_fetch(struct imap *i, struct imapdata *d)
{
	i->uid = 0;
	i->flags[0] = 0;
	i->has_body = i->has_date = false;
	if (!imapdata_skip(d, ' ') || !imapdata_skip(d, '('))
		return broken(i, "a wrong FETCH");
	if (!imapdata_skip(d, ')')) {
		do {
			if (read_item(i, d) < 0)
				return broken(i, "a wrong FETCH");
		} while (imapdata_skip(d, ' '));
		if (!imapdata_skip(d, ')'))
			return broken(i, "a wrong FETCH");
	}
	if (d->at != d->n || (i->body && !i->has_body))
		return broken(i, "a wrong FETCH");
	if (!is_current(i, IMAP_FETCH))
		return i->has_body
		    ? broken(i, "a message that nothing asked for")
		    : IMAP_OTHER;
	if (i->has_body && !i->uid)
		return broken(i, "a message without its UID");
	if (i->has_body && !i->body && i->data.len) {
		i->state = QUOTED;
		return IMAP_DATA;
	}
	return IMAP_MESSAGE;
}

/* --- lines --- */
static enum imap_event
read_numbered(struct imap *i, struct imapdata *d, uint32_t number)
{
	const char *s;
	size_t n;

	if (!imapdata_skip(d, ' '))
		return broken(i, "an unknown response");
	n = imapdata_atom(d, &s);
	if (imapdata_is(s, n, "FETCH"))
		return read_fetch(i, d);
	if (imapdata_is(s, n, "EXISTS")) {
		i->counts.messages = number;
		i->counts.has_exists = true;
	} else if (imapdata_is(s, n, "EXPUNGE"))
		i->expunged++;
	return IMAP_OTHER;
}

static enum imap_event
read_untagged(struct imap *i, struct imapdata *d)
{
	struct imapdata start = *d;
	uint32_t number;
	const char *s;
	size_t n;

	if (imapdata_number(d, 0, &number) == 0)
		return read_numbered(i, d, number);
	*d = start;
	n = imapdata_atom(d, &s);
	if (imapdata_is(s, n, "OK"))
		return read_text(i, d) < 0 ? broken(i, "a wrong number")
					   : IMAP_OTHER;
	if (imapdata_is(s, n, "BYE")) {
		read_text(i, d);
		return is_current(i, IMAP_LOGOUT) ? IMAP_OTHER : IMAP_BYE;
	}
	if (imapdata_is(s, n, "CAPABILITY"))
		return read_capabilities(i, d);
	if (imapdata_is(s, n, "LIST") && is_current(i, IMAP_LIST))
		return read_list(i, d);
	if (imapdata_is(s, n, "STATUS") &&
	    (is_current(i, IMAP_STATUS) || is_current(i, IMAP_LIST)))
		return read_status(i, d);
	return n ? IMAP_OTHER : broken(i, "an unknown response");
}

/* A whole response. */
static enum imap_event
read_response(struct imap *i)
{
	struct imapdata d = {i->line.data, i->line.len - 2, 0,
	    i->body ? i->body_at : IMAPDATA_NONE};
	const char *s;
	size_t n = imapdata_atom(&d, &s);

	i->reading = false;
	if (imapdata_is(s, n, "*") && imapdata_skip(&d, ' '))
		return ++i->responses > RESPONSES
		    ? broken(i, "responses without end")
		    : read_untagged(i, &d);
	i->responses = 0;
	return read_tagged(i, &d, s, n);
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
		if (!is_current(i, IMAP_FETCH))
			return broken(i, "a message that nothing asked for");
		if (i->body)
			return broken(i, "two messages in one");
		i->body = true;
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
		i->body = false;
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
	buf_reset(&i->data);
	crlf_text(&i->crlf, in, len, &i->data);
	return i->data.len ? IMAP_DATA : IMAP_MORE;
}

/* A CR may be the last octet of a message. */
static enum imap_event
end_body(struct imap *i)
{
	buf_reset(&i->data);
	crlf_text_end(&i->crlf, &i->data);
	i->state = LINE;
	return i->data.len ? IMAP_DATA : IMAP_MORE;
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
	return event;
}
