#include "esmtp.h"

#include <string.h>
#include <strings.h>

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

int
esmtp_offered(const char *line, size_t n)
{
	size_t end = 4;

	while (end < n && line[end] != ' ' && line[end] != '=')
		end++;
	return n > 4 ? extension_of(extensions, line + 4, end - 4) : 0;
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

/* By its addresses, or because it came here so. */
static bool
is_utf8(const struct smtp_message *m)
{
	const char *p = m->sender->params;

	for (; p && *p; p += strspn(p, " ")) {
		size_t n = strcspn(p, " ");
		if (n == 8 && strncasecmp(p, "SMTPUTF8", n) == 0)
			return true;
		p += n;
	}
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
	if ((offered & ESMTP_SMTPUTF8) && is_utf8(m))
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
