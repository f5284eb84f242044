#include "esmtp.h"

#include <string.h>
#include <strings.h>

#include "parse.h"

struct keyword {
	const char *name;
	int extension;
};

static const struct keyword extensions[] = {
    {"PIPELINING", ESMTP_PIPELINING},
    {"SIZE", ESMTP_SIZE},
    {"8BITMIME", ESMTP_8BITMIME},
    {"DSN", ESMTP_DSN},
    {"SMTPUTF8", ESMTP_SMTPUTF8},
    {"CHUNKING", ESMTP_CHUNKING},
    {NULL, 0},
};

static const struct keyword parameters[] = {
    {"RET", ESMTP_DSN},
    {"ENVID", ESMTP_DSN},
    {"NOTIFY", ESMTP_DSN},
    {"ORCPT", ESMTP_DSN},
    {NULL, 0},
};

static int
extension_of(const struct keyword *k, const char *word, size_t n)
{
	for (; k->name; k++)
		if (n == strlen(k->name) && strncasecmp(word, k->name, n) == 0)
			return k->extension;
	return 0;
}

/* The length of the word at s. */
static size_t
word(const char *s, size_t n)
{
	const char *blank = n ? memchr(s, ' ', n) : NULL;

	return blank ? (size_t)(blank - s) : n;
}

/* "RCPTMAX=20": other limits, and what is no number, limit nothing. */
static void
take_limit(struct esmtp_offer *o, const char *s, size_t n)
{
	static const char *const names[] = {
	    "MAILMAX=", "RCPTMAX=", "RCPTDOMAINMAX="};
	uint64_t *const limits[] = {&o->mails, &o->rcpts, &o->domains};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		size_t len = strlen(names[i]);
		if (n > len && strncasecmp(s, names[i], len) == 0)
			parse_digits(s + len, n - len, 999999, limits[i]);
	}
}

void
esmtp_offer(struct esmtp_offer *o, const char *line, size_t n)
{
	size_t end = 4;
	int extension;

	while (end < n && line[end] != ' ' && line[end] != '=')
		end++;
	if (n <= 4)
		return;
	extension = extension_of(extensions, line + 4, end - 4);
	o->extensions |= extension;
	if (extension == ESMTP_SIZE && end < n)
		parse_digits(line + end + 1, word(line + end + 1, n - end - 1),
		    UINT64_MAX, &o->size);
	if (end != 10 || strncasecmp(line + 4, "LIMITS", 6) != 0)
		return;
	for (size_t at = end + 1, len; at < n; at += len + 1) {
		len = word(line + at, n - at);
		take_limit(o, line + at, len);
	}
}

static void
add_params(int offered, const char *p, struct buf *line)
{
	while (p && *p) {
		size_t n = strcspn(p, " "), name = strcspn(p, "= ");
		if (offered & extension_of(parameters, p, name)) {
			buf_addc(line, ' ');
			buf_add(line, p, n);
		}
		p += n + strspn(p + n, " ");
	}
}

static bool
is_ascii(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s > 127)
			return false;
	return true;
}

/* Whether the sender's parameters say that the message is of that kind. */
static bool
is_declared(const struct batch_path *sender)
{
	const char *p = sender->params;

	for (; p && *p; p += strspn(p, " ")) {
		size_t n = strcspn(p, " ");
		if (n == 8 && strncasecmp(p, "SMTPUTF8", n) == 0)
			return true;
		p += n;
	}
	return false;
}

static bool
needs_utf8(const struct smtp_message *m)
{
	if (m->eightbit && is_declared(m->sender))
		return true;
	for (size_t i = 0; i < m->n; i++)
		if (!is_ascii(m->rcpts[i].address))
			return true;
	return !is_ascii(m->sender->address);
}

void
esmtp_mail(int offered, const struct smtp_message *m, struct buf *line)
{
	buf_addf(line, "MAIL FROM:<%s>", m->sender->address);
	if (offered & ESMTP_SIZE)
		buf_addf(line, " SIZE=%llu", (unsigned long long)m->size);
	if ((offered & ESMTP_8BITMIME) && m->eightbit)
		buf_adds(line, " BODY=8BITMIME");
	if ((offered & ESMTP_SMTPUTF8) && needs_utf8(m))
		buf_adds(line, " SMTPUTF8");
	add_params(offered, m->sender->params, line);
}

void
esmtp_rcpt(int offered, const struct batch_path *rcpt, struct buf *line)
{
	buf_addf(line, "RCPT TO:<%s>", rcpt->address);
	add_params(offered, rcpt->params, line);
}

bool
esmtp_takes(int offered, const struct batch_path *path)
{
	return (offered & ESMTP_SMTPUTF8) || is_ascii(path->address);
}

bool
esmtp_takes_header(int offered, const struct batch_path *sender)
{
	return (offered & ESMTP_SMTPUTF8) || !is_declared(sender);
}
