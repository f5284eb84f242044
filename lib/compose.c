#include "compose.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "addrspec.h"
#include "parse.h"

#define LINE_MAX 76
#define WORD_MAX 60   /* of an encoded word */
#define TOKEN_MAX 900 /* no line over 998 */

enum compose_kind
compose_kind(const char *name)
{
	static const struct {
		const char *name;
		enum compose_kind kind;
	} known[] = {{"Sender", COMPOSE_ADDRESSES},
	    {"Reply-To", COMPOSE_ADDRESSES},
	    {"Mail-Followup-To", COMPOSE_ADDRESSES},
	    {"Errors-To", COMPOSE_ADDRESSES},
	    {"Disposition-Notification-To", COMPOSE_ADDRESSES},
	    {"Return-Receipt-To", COMPOSE_ADDRESSES},
	    {"Resent-From", COMPOSE_ADDRESSES},
	    {"Resent-Sender", COMPOSE_ADDRESSES},
	    {"Resent-To", COMPOSE_ADDRESSES}, {"Resent-Cc", COMPOSE_ADDRESSES},
	    {"Resent-Bcc", COMPOSE_ADDRESSES}, {"Date", COMPOSE_WORDS},
	    {"Message-ID", COMPOSE_WORDS}, {"In-Reply-To", COMPOSE_WORDS},
	    {"References", COMPOSE_WORDS}, {"Resent-Date", COMPOSE_WORDS},
	    {"Resent-Message-ID", COMPOSE_WORDS}, {"Received", COMPOSE_WORDS},
	    {"Return-Path", COMPOSE_WORDS}, {"From", COMPOSE_OWN},
	    {"To", COMPOSE_OWN}, {"Cc", COMPOSE_OWN}, {"Bcc", COMPOSE_OWN},
	    {"Subject", COMPOSE_OWN}, {"MIME-Version", COMPOSE_OWN},
	    {"Content-Type", COMPOSE_OWN},
	    {"Content-Transfer-Encoding", COMPOSE_OWN},
	    {"Content-ID", COMPOSE_OWN}, {"Content-Disposition", COMPOSE_OWN}};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (!strcasecmp(name, known[i].name))
			return known[i].kind;
	return COMPOSE_TEXT;
}

bool
compose_is_text(const char *s)
{
	size_t n = strlen(s), step;

	for (size_t i = 0; i < n; i += step) {
		unsigned char c = (unsigned char)s[i];
		uint32_t point = c;

		step = c < 0x80 ? 1 : parse_utf8(s + i, n - i, &point);
		if (!step || (point < ' ' && point != '\t') ||
		    (point >= 0x7f && point < 0xa0) || point == 0x2028 ||
		    point == 0x2029)
			return false;
	}
	return true;
}

bool
compose_is_name(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] <= ' ' || s[i] > '~' || s[i] == ':')
			return false;
	return n && n <= 70;
}

/* Words of printable ASCII, one blank between two, none that looks encoded. */
static bool
is_plain(const char *s)
{
	size_t token = 0;

	if (strstr(s, "=?"))
		return false;
	for (; *s; s++) {
		if (*s == ' ' ? !token || !s[1] : *s < '!' || *s > '~')
			return false;
		token = *s == ' ' ? 0 : token + 1;
		if (token > TOKEN_MAX)
			return false;
	}
	return true;
}

/* Adds a blank and a word; begins a new line where this one would get long. */
static void
put(struct buf *out, size_t *line, const char *word, size_t n)
{
	size_t now = out->len - *line;

	/* The first word stays beside the field's name. */
	if (now + 1 + n > LINE_MAX && memchr(out->data + *line, ' ', now)) {
		buf_addc(out, '\n');
		*line = out->len;
	}
	buf_addc(out, ' ');
	buf_add(out, word, n);
}

static void
put_words(struct buf *out, size_t *line, const char *s)
{
	while (*s) {
		size_t n = strcspn(s, " ");

		put(out, line, s, n);
		s += n;
		s += strspn(s, " ");
	}
}

static bool
is_safe(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	    (c >= 'a' && c <= 'z') || (c && strchr("!*+-/", c));
}

/* Encoded words, cut between characters; Q with what a phrase allows. */
static void
put_encoded(struct buf *out, size_t *line, const char *s)
{
	struct buf word = BUF_INIT;
	size_t n = strlen(s), step;

	for (size_t i = 0; i < n; i += step) {
		uint32_t point;

		step = parse_utf8(s + i, n - i, &point);
		step = step ? step : 1;
		if (word.len + 3 * step + 2 > WORD_MAX) {
			buf_adds(&word, "?=");
			put(out, line, word.data, word.len);
			buf_reset(&word);
		}
		if (!word.len)
			buf_adds(&word, "=?utf-8?q?");
		for (size_t k = i; k < i + step; k++) {
			if (is_safe(s[k]))
				buf_addc(&word, s[k]);
			else if (s[k] == ' ')
				buf_addc(&word, '_');
			else
				buf_addf(&word, "=%02X", (unsigned char)s[k]);
		}
	}
	buf_adds(&word, "?=");
	put(out, line, word.data, word.len);
	buf_free(&word);
}

static size_t
begin(struct buf *out, const char *name)
{
	size_t line = out->len;

	buf_addf(out, "%s:", name);
	return line;
}

void
compose_text(struct buf *out, const char *name, const char *value)
{
	size_t line = begin(out, name);

	if (is_plain(value))
		put_words(out, &line, value);
	else
		put_encoded(out, &line, value);
	buf_addc(out, '\n');
}

void
compose_words(struct buf *out, const char *name, const char *value)
{
	size_t line = begin(out, name);

	put_words(out, &line, value);
	buf_addc(out, '\n');
}

static void
put_name(struct buf *out, size_t *line, const char *name)
{
	struct buf quoted = BUF_INIT;

	if (!is_plain(name) || strlen(name) > TOKEN_MAX / 2) {
		put_encoded(out, line, name);
		return;
	}
	if (!strpbrk(name, "()<>[]:;@\\,.\"")) {
		put_words(out, line, name);
		return;
	}
	buf_addc(&quoted, '"');
	for (; *name; name++) {
		if (*name == '"' || *name == '\\')
			buf_addc(&quoted, '\\');
		buf_addc(&quoted, *name);
	}
	buf_addc(&quoted, '"');
	put(out, line, quoted.data, quoted.len);
	buf_free(&quoted);
}

int
compose_addresses(
    struct buf *out, const char *name, const char *list, struct buf *rcpts)
{
	struct buf names = BUF_INIT, word = BUF_INIT;
	size_t before = rcpts->len, line;
	int n = addrspec_named(list, strlen(list), rcpts, &names);
	const char *person = names.data;

	if (n <= 0) {
		buf_free(&names);
		return n;
	}
	line = begin(out, name);
	for (int i = 0; i < n; i++) {
		const char *address = rcpts->data + before;

		if (*person)
			put_name(out, &line, person);
		buf_reset(&word);
		buf_addf(&word, *person ? "<%s>%s" : "%s%s", address,
		    i + 1 < n ? "," : "");
		put(out, &line, word.data, word.len);
		person += strlen(person) + 1;
		before += strlen(address) + 1;
	}
	buf_addc(out, '\n');
	buf_free(&names);
	buf_free(&word);
	return n;
}
