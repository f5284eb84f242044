#include "sasl.h"

#include <string.h>
#include <strings.h>

#include "base64.h"

/* Logs, handlers and checkers would have to bear control characters. */
static bool
is_name(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	while (*p >= ' ' && *p != 0x7f)
		p++;
	return *text && *p == '\0';
}

static bool
is_pair(const struct sasl *s)
{
	size_t n = strlen(s->user), m = strlen(s->password);

	return is_name(s->user) && m > 0 && n + m <= SASL_PAIR;
}

/* The next string of the text; NULL when there is none. */
static char *
next(struct sasl *s, char *at)
{
	char *end = s->text + s->len, *nul;

	nul = memchr(at, '\0', (size_t)(end - at));
	return nul ? nul + 1 : NULL;
}

/* authzid NUL authcid NUL password. To act for another is nobody's right. */
static enum sasl_result
plain(struct sasl *s)
{
	char *name = next(s, s->text), *password = name ? next(s, name) : NULL;

	if (!password || next(s, password))
		return SASL_BAD;
	s->user = name;
	s->password = password;
	if (s->text[0] && strcmp(s->text, name) != 0)
		return SASL_BAD;
	return is_pair(s) ? SASL_DONE : SASL_BAD;
}

static enum sasl_result
login(struct sasl *s, char *part)
{
	if (strlen(part) != (size_t)(s->text + s->len - part))
		return SASL_BAD;
	if (s->user) {
		s->password = part;
		return is_pair(s) ? SASL_DONE : SASL_BAD;
	}
	s->user = part;
	s->len++; /* its NUL */
	s->challenge = "UGFzc3dvcmQ6";
	return SASL_MORE;
}

enum sasl_result
sasl_begin(struct sasl *s, const char *mechanism, size_t n, const char *initial)
{
	*s = (struct sasl){.challenge = ""};
	s->login = n == 5 && strncasecmp(mechanism, "LOGIN", n) == 0;
	if (!s->login && (n != 5 || strncasecmp(mechanism, "PLAIN", n) != 0))
		return SASL_UNKNOWN;
	if (s->login)
		s->challenge = "VXNlcm5hbWU6";
	if (!initial)
		return SASL_MORE;
	if (strcmp(initial, "=") == 0)
		initial = "";
	return sasl_input(s, initial, strlen(initial));
}

enum sasl_result
sasl_input(struct sasl *s, const char *line, size_t n)
{
	char *at = s->text + s->len;
	ssize_t got;

	if (n == 1 && line[0] == '*')
		return SASL_CANCELLED;
	/* One octet stays for the NUL behind. */
	got = base64_decode(line, n, at, sizeof s->text - s->len - 1);
	if (got < 0)
		return SASL_BAD;
	s->len += (size_t)got;
	s->text[s->len] = '\0';
	return s->login ? login(s, at) : plain(s);
}

void
sasl_free(struct sasl *s)
{
	explicit_bzero(s, sizeof *s);
}
