/* Replies of an SMTP server, line by line, the escaping of what they say, and
 * what an EHLO offers. */
#include "fuzz.h"

#include "esmtp.h"
#include "reply.h"

static void
check_escape(const char *s, size_t n, size_t size)
{
	char out[200];
	size_t len = reply_escape(s, n, out, size);

	must(len < size && strlen(out) == len);
	for (size_t i = 0; i < len; i++)
		must((unsigned char)out[i] >= ' ' && out[i] != 127);
	/* What is escaped has nothing left to be escaped. */
	char again[200];
	must(reply_escape(out, len, again, sizeof again) == len);
	must(!strcmp(out, again));
}

/* What a command of ours says takes the place of a reply of its class alone. */
static void
check_choice(const char *line, size_t n)
{
	char out[REPLY_CHOSEN] = "550 5.1.1 No such user";

	reply_choose(out, line, n);
	must(*out == '5' && strlen(out) < REPLY_CHOSEN);
	for (const char *p = out; *p; p++)
		must(*p >= ' ' && *p <= '~');
}

static void
check_line(struct reply *r, const char *line, size_t n)
{
	enum reply_state state = reply_line(r, line, n);

	struct esmtp_offer o = {0};
	esmtp_offer(&o, line, n);
	must(o.mails <= 999999 && o.rcpts <= 999999 && o.domains <= 999999);
	if (state == REPLY_BAD) {
		r->lines = 0;
		return;
	}
	must(r->code >= 200 && r->code <= 599 && r->lines <= 200);
	must(strlen(r->text) < REPLY_TEXT && !memchr(r->text, '\n', 1));
	must(!*r->enhanced || *r->enhanced == '0' + r->code / 100);
	must((state == REPLY_MORE) == (n > 3 && line[3] == '-'));
	if (state == REPLY_DONE)
		r->lines = 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct reply r = {0};
	size_t len;

	if (n < 1)
		return 0;
	size_t size = 1 + data[0] % 200;
	for (data++, n--; n > 0; data += len, n -= len) {
		const uint8_t *lf = memchr(data, '\n', n);
		size_t line = lf ? (size_t)(lf - data) : n;
		char *copy = fuzz_copy(data, line);

		check_line(&r, copy, line);
		check_escape(copy, line, size);
		check_choice(copy, line);
		free(copy);
		len = line + (lf != NULL);
	}
	return 0;
}
