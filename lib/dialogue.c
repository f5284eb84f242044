#include "dialogue.h"

#include <stdio.h>
#include <string.h>

/* Where the verb of a line starts: behind IMAP's tag. */
static size_t
verb_at(const struct dialogue *d, const char *line, size_t n)
{
	const char *blank = d->imap ? memchr(line, ' ', n) : NULL;

	return blank ? (size_t)(blank - line) + 1 : 0;
}

/* What is no known plain command may be part of a login. */
static bool
is_plain(const struct dialogue *d, const char *line, size_t n)
{
	static const char *const plain[] = {"EHLO", "HELO", "STARTTLS", "CAPA",
	    "STLS", "CAPABILITY", "NOOP", "QUIT", "LOGOUT"};
	size_t at = verb_at(d, line, n), end = at;

	while (end < n && line[end] != ' ')
		end++;
	for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
		if (strlen(plain[i]) == end - at &&
		    memcmp(plain[i], line + at, end - at) == 0)
			return true;
	return false;
}

/* How much of a line of a login is no secret: a mechanism's name. */
static size_t
bare_length(const struct dialogue *d, const char *line, size_t n)
{
	static const char *const verbs[] = {"AUTH ", "AUTHENTICATE "};
	size_t at = verb_at(d, line, n);

	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
		size_t m = strlen(verbs[i]);
		if (n - at < m || memcmp(verbs[i], line + at, m) != 0)
			continue;
		for (at += m; at < n && line[at] != ' '; at++)
			;
		return at;
	}
	return 0;
}

static void
show_sent(const struct dialogue *d, const char *line, size_t n)
{
	size_t bare;

	if (is_plain(d, line, n)) {
		fprintf(stderr, "> %.*s\n", (int)n, line);
		return;
	}
	bare = bare_length(d, line, n);
	fprintf(stderr, "> %.*s%s***\n", (int)bare, line, bare ? " " : "");
}

void
dialogue_saw(const struct dialogue *d, enum dialogue_kind kind,
    const char *text, size_t n)
{
	if (d->watch)
		d->watch->saw(d->watch->arg, kind, text, n);
}

static bool
is(const char *line, size_t n, const char *whole)
{
	return n == strlen(whole) && memcmp(line, whole, n) == 0;
}

/* What was offered before STARTTLS must not count behind it. */
void
dialogue_sent(struct dialogue *d, const char *line, size_t n)
{
	d->ehlo = n > 4 && memcmp(line, "EHLO", 4) == 0;
	if (d->ehlo || is(line, n, "STARTTLS"))
		d->offer = (struct esmtp_offer){0};
	/* libcurl may go on behind a 421, which was the server's last word. */
	if (d->last.code != 421)
		d->last = (struct reply){0};
	d->coming = (struct reply){0};
	d->login |= !is_plain(d, line, n);
	d->stls |= is(line, n, "STLS");
	d->offered = false;
	if (d->verbose)
		show_sent(d, line, n);
	dialogue_saw(d, DIALOGUE_SENT, line, n);
}

static void
take_reply(struct dialogue *d, const char *line, size_t n)
{
	enum reply_state state = reply_line(&d->coming, line, n);

	if (d->ehlo && d->coming.code / 100 == 2 && d->coming.lines > 1)
		esmtp_offer(&d->offer, line, n);
	if (state == REPLY_MORE)
		return;
	if (state == REPLY_DONE) {
		d->ehlo = false;
		d->last = d->coming;
	}
	d->coming = (struct reply){0};
}

/* A line of CAPA's answer, as any of POP3's may be before a login. */
static void
take_capability(struct dialogue *d, const char *line, size_t n)
{
	d->offered |=
	    is(line, n, "USER") || (n > 5 && memcmp(line, "SASL ", 5) == 0);
	d->forgotten |= is(line, n, ".") && d->stls && !d->offered;
}

void
dialogue_received(struct dialogue *d, const char *line, size_t n)
{
	char text[REPLY_TEXT];

	if (d->verbose) {
		reply_escape(line, n, text, sizeof text);
		fprintf(stderr, "< %s\n", text);
	}
	if (d->smtp)
		take_reply(d, line, n);
	else {
		take_capability(d, line, n);
		snprintf(
		    d->last.text, sizeof d->last.text, "%.*s", (int)n, line);
	}
	dialogue_saw(d, DIALOGUE_RECEIVED, line, n);
}
