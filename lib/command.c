#include "command.h"

#include <string.h>
#include <strings.h>

#include "parse.h"

#define SIZE_DIGITS 20 /* RFC 1870 3, RFC 3030 2 */

static const char BAD_PARAM[] = "501 5.5.4 Bad parameter";

static const char *
parse_name(struct command *c, const char *s, size_t n)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789.-_:[]";

	if (n == 0)
		return "501 5.5.4 A host name is missing";
	if (n > COMMAND_NAME)
		return "501 5.5.4 Host name too long";
	for (size_t i = 0; i < n; i++)
		c->name[i] = strchr(good, s[i]) ? s[i] : '?';
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

struct param {
	const char *name;
	const char *(*take)(struct command *c, const char *s, size_t n);
};

static const struct param mail_params[] = {{"SIZE", param_size},
    {"BODY", param_body}, {"AUTH", param_auth}, {NULL, NULL}};
static const struct param rcpt_params[] = {{NULL, NULL}};

static const char *
parse_param(
    struct command *c, const struct param *known, const char *s, size_t n)
{
	const char *equals = memchr(s, '=', n);
	size_t name = equals ? (size_t)(equals - s) : n;

	if (name == 0 || (equals && name + 1 == n))
		return BAD_PARAM;
	for (; known->name; known++)
		if (strlen(known->name) == name &&
		    strncasecmp(s, known->name, name) == 0)
			return equals ? known->take(c, equals + 1, n - name - 1)
				      : BAD_PARAM;
	return "555 5.5.4 Unknown parameter";
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
	int len =
	    address_parse_path(&c->path, s + skip, n - skip, ADDRESS_NULL);
	if (len < 0)
		return "501 5.1.7 Bad sender address syntax";
	skip += (size_t)len;
	return parse_params(c, mail_params, s + skip, n - skip);
}

static const char *
parse_rcpt(struct command *c, const char *s, size_t n)
{
	size_t skip = skip_keyword("TO:", s, n);

	if (skip == 0)
		return "501 5.5.4 Syntax: RCPT TO:<address>";
	int len = address_parse_path(&c->path, s + skip, n - skip, 0);
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
parse_something(struct command *c, const char *s, size_t n)
{
	(void)c;
	(void)s;
	return n == 0 ? "501 5.5.4 An argument is missing" : NULL;
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
    [COMMAND_MAIL] = {"MAIL", parse_mail},
    [COMMAND_RCPT] = {"RCPT", parse_rcpt},
    [COMMAND_DATA] = {"DATA", parse_nothing},
    [COMMAND_BDAT] = {"BDAT", parse_bdat},
    [COMMAND_RSET] = {"RSET", parse_nothing},
    [COMMAND_NOOP] = {"NOOP", parse_anything},
    [COMMAND_QUIT] = {"QUIT", parse_nothing},
    [COMMAND_VRFY] = {"VRFY", parse_something},
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
