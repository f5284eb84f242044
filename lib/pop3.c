#include "pop3.h"

#include <string.h>
#include <strings.h>

#include "parse.h"

#define CAPABILITIES 1000 /* lines of CAPA */

/* What the next octets are. */
enum { STATUS, LISTING, BODY, BODY_END, FAILED };

static const char *const names[] = {
    [POP3_CAPA] = "CAPA",
    [POP3_UIDL] = "UIDL",
    [POP3_LIST] = "LIST",
    [POP3_RETR] = "RETR",
    [POP3_DELE] = "DELE",
    [POP3_RSET] = "RSET",
    [POP3_QUIT] = "QUIT",
};

void
pop3_ask(struct pop3 *p, enum pop3_verb verb, uint32_t number)
{
	size_t at = (p->first + p->waiting) % POP3_WINDOW;

	p->asked[at].verb = verb;
	p->asked[at].number = number;
	p->waiting++;
	p->unsent++;
	buf_adds(&p->out, names[verb]);
	if (verb == POP3_RETR || verb == POP3_DELE)
		buf_addf(&p->out, " %u", number);
	buf_adds(&p->out, "\r\n");
}

void
pop3_sent(struct pop3 *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p->out.data[i] == '\n')
			p->unsent--;
	buf_cut(&p->out, n);
}

size_t
pop3_waiting(const struct pop3 *p)
{
	return p->waiting;
}

void
pop3_free(struct pop3 *p)
{
	buf_free(&p->out);
	buf_free(&p->data);
	buf_free(&p->line);
}

static void
set_text(struct pop3 *p, const char *s, size_t n)
{
	memcpy(p->text, s, n);
	p->text[n] = 0;
	p->text_len = n;
}

static enum pop3_event
broken(struct pop3 *p, const char *why)
{
	p->state = FAILED;
	set_text(p, why, strlen(why));
	return POP3_BROKEN;
}

static enum pop3_event
answered(struct pop3 *p, enum pop3_event event)
{
	p->state = STATUS;
	p->first = (p->first + 1) % POP3_WINDOW;
	p->waiting--;
	return event;
}

/* The response code of RFC 2449 8: "[IN-USE] text". */
static void
set_code(struct pop3 *p)
{
	const char *end = p->text[0] == '[' ? strchr(p->text, ']') : NULL;
	size_t n = end ? (size_t)(end - p->text) - 1 : 0;

	if (n >= sizeof p->code)
		n = 0;
	if (n)
		memcpy(p->code, p->text + 1, n);
	p->code[n] = 0;
}

static enum pop3_event
read_status(struct pop3 *p, const char *s, size_t n)
{
	size_t word = n && *s == '+' ? 3 : 4;

	if (p->waiting == p->unsent)
		return broken(p, "a reply that nothing asked for");
	if (n < word || memcmp(s, word == 3 ? "+OK" : "-ERR", word) != 0 ||
	    (n > word && s[word] != ' '))
		return broken(p, "a reply that is neither +OK nor -ERR");
	p->verb = p->asked[p->first].verb;
	p->number = p->asked[p->first].number;
	if (n > word)
		word++;
	set_text(p, s + word, n - word);
	set_code(p);
	if (*s == '-')
		return answered(p, POP3_ERR);
	p->items = 0;
	if (p->verb == POP3_RETR) {
		memset(&p->body, 0, sizeof p->body);
		p->state = BODY;
	} else if (p->verb <= POP3_LIST)
		p->state = LISTING;
	else
		return answered(p, POP3_OK);
	return POP3_OK;
}

static enum pop3_event
read_capability(struct pop3 *p, const char *s)
{
	if (++p->items > CAPABILITIES)
		return broken(p, "a list of capabilities without end");
	if (strcasecmp(s, "PIPELINING") == 0)
		p->has_pipelining = true;
	else if (strcasecmp(s, "UIDL") == 0)
		p->has_uidl = true;
	else if (strcasecmp(s, "TOP") == 0)
		p->has_top = true;
	return POP3_MORE;
}

/* "NUMBER BLANK TEXT". Ascending numbers keep a listing from naming a message
 * twice, and bound it. */
static enum pop3_event
read_item(struct pop3 *p, const char *s, size_t n)
{
	const char *blank = memchr(s, ' ', n);
	size_t digits = blank ? (size_t)(blank - s) : n;
	uint64_t number;

	if (parse_digits(s, digits, POP3_MESSAGES, &number) < 0 ||
	    number <= p->items)
		return broken(p, "a listing with a wrong message number");
	while (digits < n && s[digits] == ' ')
		digits++;
	while (n > digits && s[n - 1] == ' ')
		n--;
	p->items = p->item = (uint32_t)number;
	set_text(p, s + digits, n - digits);
	return POP3_ITEM;
}

static enum pop3_event
read_listed(struct pop3 *p, const char *s, size_t n)
{
	if (n == 1 && *s == '.')
		return answered(p, POP3_END);
	if (n && *s == '.') {
		s++;
		n--;
	}
	if (p->verb != POP3_CAPA)
		return read_item(p, s, n);
	set_text(p, s, n);
	return read_capability(p, p->text);
}

/* A whole line, with its end. */
static enum pop3_event
read_line(struct pop3 *p, const char *s, size_t n)
{
	if (n > POP3_LINE)
		return broken(p, "a line that is too long");
	if (n < 2 || s[n - 2] != '\r')
		return broken(p, "a line that does not end in CRLF");
	n -= 2;
	if (memchr(s, 0, n) || memchr(s, '\r', n))
		return broken(p, "a line with NUL or CR in it");
	if (p->state == LISTING)
		return read_listed(p, s, n);
	return read_status(p, s, n);
}

static enum pop3_event
read_body(struct pop3 *p, const char *in, size_t n, size_t *taken)
{
	bool end;

	buf_reset(&p->data);
	*taken += crlf_data(&p->body, in, n, &p->data, &end);
	if (end)
		p->state = BODY_END;
	return p->data.len ? POP3_DATA : POP3_MORE;
}

/* Keeps a line's part until the rest comes. */
static enum pop3_event
read_part(struct pop3 *p, const char *in, size_t n, size_t *taken)
{
	const char *lf = memchr(in, '\n', n);
	size_t len = lf ? (size_t)(lf - in) + 1 : n;
	enum pop3_event event = POP3_MORE;

	*taken += len;
	if (lf && !p->line.len)
		return read_line(p, in, len);
	if (p->line.len + len > POP3_LINE)
		return broken(p, "a line that is too long");
	buf_add(&p->line, in, len);
	if (lf) {
		event = read_line(p, p->line.data, p->line.len);
		buf_reset(&p->line);
	}
	return event;
}

enum pop3_event
pop3_read(struct pop3 *p, const char *in, size_t n, size_t *taken)
{
	enum pop3_event event = POP3_MORE;

	*taken = 0;
	if (p->state == FAILED)
		return POP3_BROKEN;
	while (event == POP3_MORE) {
		if (p->state == BODY_END)
			return answered(p, POP3_END);
		if (*taken == n)
			break;
		event = p->state == BODY
		    ? read_body(p, in + *taken, n - *taken, taken)
		    : read_part(p, in + *taken, n - *taken, taken);
	}
	return event;
}

bool
pop3_is_uid(const char *s, size_t n)
{
	if (!n || n > POP3_UID)
		return false;
	for (size_t i = 0; i < n; i++)
		if (s[i] < 0x21 || s[i] > 0x7e)
			return false;
	return true;
}

int
pop3_command(char *line, size_t n, struct pop3_command *c)
{
	size_t len = 0;
	char *blank;

	if (!n || n > POP3_COMMAND || line[n - 1] != '\n')
		return -1;
	n -= n > 1 && line[n - 2] == '\r' ? 2 : 1;
	for (size_t i = 0; i < n; i++)
		if (((unsigned char)line[i] < ' ' && line[i] != '\t') ||
		    line[i] == 127)
			return -1;
	line[n] = 0;
	blank = strchr(line, ' ');
	c->arg = blank ? blank + 1 : NULL;
	n = blank ? (size_t)(blank - line) : n;
	for (; len < n && n < sizeof c->verb; len++)
		c->verb[len] = line[len] >= 'a' && line[len] <= 'z'
		    ? line[len] - 'a' + 'A'
		    : line[len];
	c->verb[len] = 0;
	return 0;
}

size_t
pop3_top(struct pop3_top *t, const char *p, size_t n)
{
	const char *q = p, *end = p + n;

	while (q < end && (!t->in_body || t->lines)) {
		const char *lf = memchr(q, '\n', (size_t)(end - q));
		const char *next = lf ? lf + 1 : end;

		if (t->in_body)
			t->lines -= lf != NULL;
		else if (t->bol && lf)
			t->in_body = lf == q || (lf == q + 1 && *q == '\r');
		t->bol = lf || (t->bol && next - q == 1 && *q == '\r');
		q = next;
	}
	return (size_t)(q - p);
}
