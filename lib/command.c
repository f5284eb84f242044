#include "command.h"

#include <string.h>
#include <strings.h>

#include "parse.h"

#define ENVID_MAX 100
#define ORCPT_MAX 500  /* RFC 3461 4.2 */
#define SIZE_DIGITS 20 /* RFC 1870 3, RFC 3030 2 */

static const char BAD_PARAM[] = "501 5.5.4 Bad parameter";
static const char NAME_CHARS[] = "abcdefghijklmnopqrstuvwxyz"
				 "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "0123456789.-_:[]";

static bool
is_ascii(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] > '~')
			return false;
	return true;
}

static const char *
parse_name(struct command *c, const char *s, size_t n)
{
	if (n == 0)
		return "501 5.5.4 A host name is missing";
	if (n > COMMAND_NAME)
		return "501 5.5.4 Host name too long";
	for (size_t i = 0; i < n; i++)
		c->name[i] = strchr(NAME_CHARS, s[i]) ? s[i] : '?';
	c->name[n] = '\0';
	return NULL;
}

static const char *
param_size(struct command *c, const char *s, size_t n)
{
	if (c->has_size || n > SIZE_DIGITS ||
	    parse_digits(s, n, UINT64_MAX, &c->size) != 0)
		return BAD_PARAM;
	c->has_size = true;
	return NULL;
}

static const char *
param_body(struct command *c, const char *s, size_t n)
{
	if (c->has_body)
		return BAD_PARAM;
	c->has_body = true;
	c->eight_bit = n == 8 && strncasecmp(s, "8BITMIME", n) == 0;
	if (!c->eight_bit && !(n == 4 && strncasecmp(s, "7BIT", n) == 0))
		return BAD_PARAM;
	return NULL;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* An octet of xtext (RFC 3461 4), which becomes *c; the octets it took, or 0.
 */
static size_t
xtext_octet(const char *s, size_t n, char *c)
{
	*c = *s;
	if (*s != '+')
		return *s > ' ' && *s <= '~' && *s != '=';
	if (n < 3 || hex_digit(s[1]) < 0 || hex_digit(s[2]) < 0)
		return 0;
	*c = (char)(hex_digit(s[1]) << 4 | hex_digit(s[2]));
	return 3;
}

/* RFC 4954 5: who the sender is said to be. */
static const char *
param_auth(struct command *c, const char *s, size_t n)
{
	char text[ADDRESS_MAX];
	struct address mailbox;
	size_t len = 0, took;

	if (c->has_auth)
		return BAD_PARAM;
	c->has_auth = true;
	for (; n > 0; s += took, n -= took) {
		if (len == sizeof text)
			return BAD_PARAM;
		took = xtext_octet(s, n, &text[len++]);
		if (took == 0)
			return BAD_PARAM;
	}
	if ((len == 2 && memcmp(text, "<>", 2) == 0) ||
	    address_parse(&mailbox, text, len, ADDRESS_BARE) == 0)
		return NULL;
	return BAD_PARAM;
}

/* Printable once it is decoded, where UTF-8 may stand for itself as well. */
static bool
is_xtext(const char *s, size_t n, bool utf8)
{
	uint32_t point;
	size_t took;
	char c;

	for (; n > 0; s += took, n -= took) {
		took = xtext_octet(s, n, &c);
		if (took > 0 && c >= ' ' && c <= '~')
			continue;
		took = utf8 && (unsigned char)*s > '~'
		    ? parse_utf8(s, n, &point)
		    : 0;
		if (took == 0 || point < 0xa0)
			return false;
	}
	return true;
}

static const char *
param_ret(struct command *c, const char *s, size_t n)
{
	if (c->ret || n != 4)
		return BAD_PARAM;
	c->dsn = true;
	c->ret = strncasecmp(s, "FULL", n) == 0 ? "FULL"
	    : strncasecmp(s, "HDRS", n) == 0    ? "HDRS"
						: NULL;
	return c->ret ? NULL : BAD_PARAM;
}

static const char *
param_envid(struct command *c, const char *s, size_t n)
{
	if (c->envid || n > ENVID_MAX || !is_xtext(s, n, false))
		return BAD_PARAM;
	c->dsn = true;
	c->envid = s;
	c->envid_size = n;
	return NULL;
}

enum { NEVER = 1, SUCCESS = 2, FAILURE = 4, DELAY = 8 };
static const char *const events[] = {"NEVER", "SUCCESS", "FAILURE", "DELAY"};

static unsigned
event_bit(const char *s, size_t n)
{
	for (unsigned i = 0; i < 4; i++)
		if (strlen(events[i]) == n && strncasecmp(s, events[i], n) == 0)
			return 1U << i;
	return 0;
}

static const char *
param_notify(struct command *c, const char *s, size_t n)
{
	unsigned bit;
	size_t len;

	if (c->notify)
		return BAD_PARAM;
	c->dsn = true;
	for (;; s += len + 1, n -= len + 1) {
		const char *comma = memchr(s, ',', n);
		len = comma ? (size_t)(comma - s) : n;
		bit = event_bit(s, len);
		if (!bit || (c->notify & bit))
			return BAD_PARAM;
		c->notify |= bit;
		if (len == n)
			break;
	}
	return (c->notify & NEVER) && c->notify != NEVER ? BAD_PARAM : NULL;
}

/* An address type and the address (RFC 3461 4.2, RFC 6533 3). */
static const char *
param_orcpt(struct command *c, const char *s, size_t n)
{
	const char *semicolon = memchr(s, ';', n);
	size_t type = semicolon ? (size_t)(semicolon - s) : 0;

	if (c->orcpt || type == 0 || type + 1 == n || n > ORCPT_MAX)
		return BAD_PARAM;
	for (size_t i = 0; i < type; i++)
		if (!strchr(NAME_CHARS, s[i]))
			return BAD_PARAM;
	if (!is_xtext(semicolon + 1, n - type - 1,
		type == 5 && strncasecmp(s, "utf-8", type) == 0))
		return BAD_PARAM;
	c->dsn = true;
	c->orcpt = s;
	c->orcpt_size = n;
	c->international |= !is_ascii(s, n);
	return NULL;
}

static const char *
param_smtputf8(struct command *c, const char *s, size_t n)
{
	(void)n;
	if (c->smtputf8 || s)
		return BAD_PARAM;
	c->smtputf8 = true;
	return NULL;
}

/* take gets NULL for a parameter without a value. */
struct param {
	const char *name;
	bool bare; /* may be without one */
	const char *(*take)(struct command *c, const char *s, size_t n);
};

static const struct param mail_params[] = {{"SIZE", false, param_size},
    {"BODY", false, param_body}, {"AUTH", false, param_auth},
    {"SMTPUTF8", true, param_smtputf8}, {"RET", false, param_ret},
    {"ENVID", false, param_envid}, {NULL, false, NULL}};
static const struct param rcpt_params[] = {{"NOTIFY", false, param_notify},
    {"ORCPT", false, param_orcpt}, {NULL, false, NULL}};

static const char *
parse_param(
    struct command *c, const struct param *known, const char *s, size_t n)
{
	const char *equals = memchr(s, '=', n);
	size_t name = equals ? (size_t)(equals - s) : n;

	if (name == 0 || (equals && name + 1 == n))
		return BAD_PARAM;
	while (known->name &&
	    (strlen(known->name) != name ||
		strncasecmp(s, known->name, name) != 0))
		known++;
	if (!known->name)
		return COMMAND_UNKNOWN;
	if (!equals)
		return known->bare ? known->take(c, NULL, 0) : BAD_PARAM;
	return known->take(c, equals + 1, n - name - 1);
}

/* What follows the path: a blank and a parameter, again and again. */
static const char *
parse_params(
    struct command *c, const struct param *known, const char *s, size_t n)
{
	while (n > 0) {
		if (*s != ' ')
			return "501 5.5.4 A blank must follow the path";
		s++;
		n--;
		const char *blank = memchr(s, ' ', n);
		size_t len = blank ? (size_t)(blank - s) : n;
		const char *refusal = parse_param(c, known, s, len);
		if (refusal)
			return refusal;
		s += len;
		n -= len;
	}
	return NULL;
}

/* "FROM:<path>" with what follows; the octets up to the '<', or 0. */
static size_t
skip_keyword(const char *word, const char *s, size_t n)
{
	size_t len = strlen(word);

	if (n <= len || strncasecmp(s, word, len) != 0)
		return 0;
	return s[len] == ' ' ? len + 1 : len;
}

static const char *
parse_mail(struct command *c, const char *s, size_t n)
{
	size_t skip = skip_keyword("FROM:", s, n);

	if (skip == 0)
		return "501 5.5.4 Syntax: MAIL FROM:<address>";
	int len = address_parse_path(
	    &c->path, s + skip, n - skip, ADDRESS_NULL | ADDRESS_UTF8);
	c->international = len > 0 && !is_ascii(c->path.text, c->path.len);
	if (len < 0)
		return "501 5.1.7 Bad sender address syntax";
	skip += (size_t)len;
	const char *refusal = parse_params(c, mail_params, s + skip, n - skip);
	if (!refusal && c->international && !c->smtputf8)
		return COMMAND_ASCII;
	return refusal;
}

static const char *
parse_rcpt(struct command *c, const char *s, size_t n)
{
	size_t skip = skip_keyword("TO:", s, n);

	if (skip == 0)
		return "501 5.5.4 Syntax: RCPT TO:<address>";
	int len =
	    address_parse_path(&c->path, s + skip, n - skip, ADDRESS_UTF8);
	c->international = len > 0 && !is_ascii(c->path.text, c->path.len);
	if (len < 0)
		return "501 5.1.3 Bad recipient address syntax";
	skip += (size_t)len;
	return parse_params(c, rcpt_params, s + skip, n - skip);
}

static const char *
parse_nothing(struct command *c, const char *s, size_t n)
{
	(void)c;
	(void)s;
	return n > 0 ? "501 5.5.4 No argument is allowed" : NULL;
}

static const char *
parse_anything(struct command *c, const char *s, size_t n)
{
	(void)c;
	(void)s;
	(void)n;
	return NULL;
}

static const char *
parse_vrfy(struct command *c, const char *s, size_t n)
{
	static const char word[] = " SMTPUTF8";
	size_t len = sizeof word - 1;

	if (n == 0)
		return "501 5.5.4 An argument is missing";
	c->smtputf8 = n > len && strncasecmp(s + n - len, word, len) == 0;
	c->international = !is_ascii(s, n);
	return c->international && !c->smtputf8 ? COMMAND_ASCII : NULL;
}

static const char *
parse_auth(struct command *c, const char *s, size_t n)
{
	const char *blank = memchr(s, ' ', n);

	c->mechanism = s;
	c->mechanism_size = blank ? (size_t)(blank - s) : n;
	if (blank) {
		c->initial = blank + 1;
		c->initial_size = n - c->mechanism_size - 1;
	}
	if (n == 0 || (blank && memchr(c->initial, ' ', c->initial_size)))
		return "501 5.5.4 Syntax: AUTH mechanism [initial-response]";
	return NULL;
}

/* RFC 3030 2. */
static const char *
parse_bdat(struct command *c, const char *s, size_t n)
{
	const char *blank = memchr(s, ' ', n);
	size_t len = blank ? (size_t)(blank - s) : n;

	c->last = blank && n - len == 5 && strncasecmp(blank, " LAST", 5) == 0;
	if (len > SIZE_DIGITS || (blank && !c->last) ||
	    parse_digits(s, len, UINT64_MAX, &c->chunk) != 0)
		return "501 5.5.4 Syntax: BDAT octets [LAST]";
	return NULL;
}

static const struct {
	const char *name;
	const char *(*parse)(struct command *c, const char *s, size_t n);
} verbs[COMMAND_VERBS] = {
    [COMMAND_HELO] = {"HELO", parse_name},
    [COMMAND_EHLO] = {"EHLO", parse_name},
    [COMMAND_LHLO] = {"LHLO", parse_name},
    [COMMAND_MAIL] = {"MAIL", parse_mail},
    [COMMAND_RCPT] = {"RCPT", parse_rcpt},
    [COMMAND_DATA] = {"DATA", parse_nothing},
    [COMMAND_BDAT] = {"BDAT", parse_bdat},
    [COMMAND_RSET] = {"RSET", parse_nothing},
    [COMMAND_NOOP] = {"NOOP", parse_anything},
    [COMMAND_QUIT] = {"QUIT", parse_nothing},
    [COMMAND_VRFY] = {"VRFY", parse_vrfy},
    [COMMAND_HELP] = {"HELP", parse_anything},
    [COMMAND_STARTTLS] = {"STARTTLS", parse_nothing},
    [COMMAND_AUTH] = {"AUTH", parse_auth},
};

static bool
has_control(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < ' ' || s[i] == 0x7f)
			return true;
	return false;
}

const char *
command_parse(struct command *c, const char *line, size_t n)
{
	while (n > 0 && (line[n - 1] == ' ' || line[n - 1] == '\t'))
		n--;
	if (has_control(line, n))
		return "500 5.5.2 Control character in command";
	const char *blank = memchr(line, ' ', n);
	size_t len = blank ? (size_t)(blank - line) : n;
	for (int v = 0; v < COMMAND_VERBS; v++) {
		if (strlen(verbs[v].name) != len ||
		    strncasecmp(line, verbs[v].name, len) != 0)
			continue;
		while (len < n && line[len] == ' ')
			len++;
		memset(c, 0, sizeof *c);
		c->verb = (enum command_verb)v;
		return verbs[v].parse(c, line + len, n - len);
	}
	return "500 5.5.2 Unknown command";
}

static void
add_word(struct buf *out, const char *name, const char *value, size_t n)
{
	if (!value)
		return;
	buf_addf(out, "%s%s", out->len ? " " : "", name);
	buf_add(out, value, n);
}

void
command_params(const struct command *c, struct buf *out)
{
	const char *before = " NOTIFY=";

	if (c->eight_bit)
		add_word(out, "BODY=8BITMIME", "", 0);
	if (c->smtputf8)
		add_word(out, "SMTPUTF8", "", 0);
	add_word(out, "RET=", c->ret, 4);
	add_word(out, "ENVID=", c->envid, c->envid_size);
	for (unsigned i = 0; i < 4; i++)
		if (c->notify & 1U << i) {
			buf_addf(out, "%s%s", before + !out->len, events[i]);
			before = ",";
		}
	add_word(out, "ORCPT=", c->orcpt, c->orcpt_size);
}
