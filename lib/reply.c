#include "reply.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "parse.h"

#define LINES_MAX 200

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The length of 1 to 3 digits at s, or 0. */
static size_t
digits(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && is_digit(s[i]))
		i++;
	return i <= 3 ? i : 0;
}

size_t
reply_enhanced(const char *s, size_t n, int code, char out[12])
{
	size_t subject, detail, len;

	*out = 0;
	if (n < 5 || s[0] != '0' + code / 100 || s[0] == '3' || s[1] != '.')
		return 0;
	subject = digits(s + 2, n - 2);
	len = 2 + subject;
	if (!subject || len == n || s[len] != '.')
		return 0;
	len++;
	detail = digits(s + len, n - len);
	len += detail;
	if (!detail || (len < n && s[len] != ' '))
		return 0;
	memcpy(out, s, len);
	out[len] = 0;
	while (len < n && s[len] == ' ')
		len++;
	return len;
}

/* Adds to the text, a blank before all but the first words. */
static void
add_text(struct reply *r, const char *s, size_t n)
{
	size_t len = strlen(r->text), room = sizeof r->text - 1 - len;

	if (len && n && room) {
		r->text[len++] = ' ';
		room--;
	}
	if (n > room)
		n = room;
	for (size_t i = 0; i < n; i++)
		r->text[len++] = s[i] ? s[i] : ' ';
	r->text[len] = 0;
}

enum reply_state
reply_line(struct reply *r, const char *line, size_t n)
{
	char enhanced[12];
	size_t skip;
	int code;

	if (digits(line, n) != 3 || line[0] < '2' || line[0] > '5')
		return REPLY_BAD;
	if (n > 3 && line[3] != ' ' && line[3] != '-')
		return REPLY_BAD;
	code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + line[2] - '0';
	if (!r->lines) {
		r->code = code;
		*r->enhanced = *r->text = 0;
	}
	if (code != r->code || ++r->lines > LINES_MAX)
		return REPLY_BAD;
	if (n > 4) {
		skip = 4 + reply_enhanced(line + 4, n - 4, code, enhanced);
		if (!*r->enhanced)
			memcpy(r->enhanced, enhanced, sizeof enhanced);
		add_text(r, line + skip, n - skip);
	}
	return n > 3 && line[3] == '-' ? REPLY_MORE : REPLY_DONE;
}

void
reply_choose(char out[REPLY_CHOSEN], const char *line, size_t n)
{
	int class = out[0] - '0';
	struct reply r = {0};

	if (n > 0 && line[n - 1] == '\r')
		n--;
	if (reply_line(&r, line, n) != REPLY_DONE || r.code / 100 != class)
		return;
	for (char *p = r.text; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	if (r.enhanced[0] == '\0')
		snprintf(r.enhanced, sizeof r.enhanced, "%d.0.0", class);
	snprintf(out, REPLY_CHOSEN, "%d %s %.480s",
	    r.code == 421 ? 451 : r.code, r.enhanced, r.text);
}

/* C1, marks that turn or hide text, and the two Unicode line ends. */
static bool
is_tricky(uint32_t point)
{
	return (point >= 0x80 && point <= 0x9f) || point == 0x61c ||
	    (point >= 0x200b && point <= 0x200f) ||
	    (point >= 0x2028 && point <= 0x202e) ||
	    (point >= 0x2060 && point <= 0x2069) || point == 0xfeff;
}

size_t
reply_escape(const char *s, size_t n, char *out, size_t size)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t len = 0, i = 0;

	if (!size)
		return 0;
	while (i < n) {
		uint32_t point = 0;
		size_t step = 1;
		bool plain = u[i] >= ' ' && u[i] < 127;

		if (u[i] >= 0x80 && (step = parse_utf8(s + i, n - i, &point)))
			plain = !is_tricky(point);
		if (!step)
			step = 1;
		if (len + (plain ? step : 4 * step) > size - 1)
			break;
		for (size_t end = i + step; i < end; i++) {
			if (plain)
				out[len++] = s[i];
			else
				len +=
				    (size_t)sprintf(out + len, "\\x%02x", u[i]);
		}
	}
	out[len] = 0;
	return len;
}
