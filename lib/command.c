#include "command.h"

#include <string.h>
#include <strings.h>

#include "parse.h"

#define SIZE_DIGITS 20 /* RFC 3030 2 */

static const char NAME_CHARS[] = "abcdefghijklmnopqrstuvwxyz"
				 "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "0123456789.-_:[]";

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
	c->international =
	    len > 0 && !parse_is_ascii(c->path.text, c->path.len);
	if (len < 0)
		return "501 5.1.7 Bad sender address syntax";
	skip += (size_t)len;
	const char *refusal = params_of_mail(&c->params, s + skip, n - skip);
	if (!refusal && c->international && !c->params.smtputf8)
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
	c->international =
	    len > 0 && !parse_is_ascii(c->path.text, c->path.len);
	if (len < 0)
		return "501 5.1.3 Bad recipient address syntax";
	skip += (size_t)len;
	const char *refusal = params_of_rcpt(&c->params, s + skip, n - skip);
	c->international |= c->params.international;
	return refusal;
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
	(void)c;
	if (parse_is_ascii(s, n) ||
	    (n > len && strncasecmp(s + n - len, word, len) == 0))
		return NULL;
	return COMMAND_ASCII;
}

/* Known, and not implemented (RFC 5321 4.2.4). */
static const char *
parse_expn(struct command *c, const char *s, size_t n)
{
	(void)c;
	(void)s;
	(void)n;
	return "502 5.5.1 There is no EXPN here";
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
    [COMMAND_EXPN] = {"EXPN", parse_expn},
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
