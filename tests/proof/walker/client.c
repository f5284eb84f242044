#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "world.h"

static _Noreturn void
leave(struct wire *w, const char *line)
{
	char reply[1024];

	wire_say(w, "%s", line);
	wire_line(w, reply, sizeof(reply));
	_exit(0);
}

/* --- SMTP and LMTP: note each 250 for the message, and final replies --- */

static int
heard(struct wire *w)
{
	char line[1024];

	do
		if (!wire_line(w, line, sizeof(line)))
			_exit(0);
	while (line[3] == '-');
	if (line[0] == '5')
		state->refused++;
	return line[0];
}

static void
ask(struct wire *w, const char *line)
{
	wire_say(w, "%s", line);
	if (heard(w) > '3')
		leave(w, "QUIT");
}

static void
greet(struct wire *w, int fd, const char *hello)
{
	w->fd = fd;
	heard(w);
	ask(w, hello);
	ask(w, "MAIL FROM:<ann@example.org>");
}

void
client_smtp(int fd, const char *text)
{
	static struct wire w;

	greet(&w, fd, "EHLO client.example");
	ask(&w, "RCPT TO:<bob@example.org>");
	ask(&w, "DATA");
	wire_text(&w, text, true);
	wire_say(&w, ".");
	if (heard(&w) == '2')
		state->accepted++;
	leave(&w, "QUIT");
}

void
client_bdat(int fd, const char *text)
{
	static char octets[2 * LARGE];
	static struct wire w;
	size_t n = 0, piece;

	for (; *text; text++) {
		if (*text == '\n')
			octets[n++] = '\r';
		octets[n++] = *text;
	}
	piece = n / 3 + 1;
	greet(&w, fd, "EHLO client.example");
	ask(&w, "RCPT TO:<bob@example.org>");
	for (size_t at = 0; at < n; at += piece) {
		bool last = n - at <= piece;
		size_t these = last ? n - at : piece;

		wire_say(&w, "BDAT %zu%s", these, last ? " LAST" : "");
		wire_octets(&w, octets + at, these);
		if (heard(&w) != '2')
			break;
		state->accepted += last;
	}
	leave(&w, "QUIT");
}

/* To all of them, or to those whom nothing was noted for yet. */
void
client_lmtp(int fd, const char *text)
{
	bool first = text == state->text[FIRST], asked[EACH];
	static struct wire w;
	int wanted = 0, noted = 0, known = 0;

	greet(&w, fd, "LHLO client.example");
	for (int r = 0; r < EACH; r++) {
		asked[r] = !first || !state->noted[r];
		if (!asked[r])
			continue;
		wire_say(&w, "RCPT TO:<%s>", rcpts[r]);
		asked[r] = heard(&w) == '2';
		wanted++;
		known += asked[r];
	}
	if (known == 0)
		leave(&w, "QUIT");
	ask(&w, "DATA");
	wire_text(&w, text, true);
	wire_say(&w, ".");
	for (int r = 0; r < EACH; r++) {
		if (!asked[r] || heard(&w) != '2')
			continue;
		noted++;
		if (first)
			state->noted[r] = true;
	}
	state->accepted += noted == wanted;
	leave(&w, "QUIT");
}

/* --- POP3: marks that message, and says QUIT --- */

static bool
agreed(struct wire *w)
{
	char line[1024];

	if (!wire_line(w, line, sizeof(line)))
		_exit(0);
	return line[0] == '+';
}

static bool
is_in(struct wire *w, int number, const char *text)
{
	char line[1024], subject[64];
	bool found = false;

	snprintf(subject, sizeof(subject), "%.*s",
	    (int)strcspn(strstr(text, "Subject:"), "\n"),
	    strstr(text, "Subject:"));
	wire_say(w, "RETR %d", number);
	if (!agreed(w))
		return false;
	do {
		if (!wire_line(w, line, sizeof(line)))
			_exit(0);
		found |= strcmp(line, subject) == 0;
	} while (strcmp(line, ".") != 0);
	return found;
}

void
client_pop3(int fd, const char *text)
{
	static struct wire w;

	w.fd = fd;
	if (!agreed(&w))
		_exit(0);
	wire_say(&w, "USER ann");
	if (!agreed(&w))
		leave(&w, "QUIT");
	wire_say(&w, "PASS secret");
	if (!agreed(&w))
		leave(&w, "QUIT");
	for (int i = 1; i < 3; i++) {
		if (!is_in(&w, i, text))
			continue;
		wire_say(&w, "DELE %d", i);
		state->marked = agreed(&w);
	}
	/* Time in which nothing is to go yet. */
	for (int i = 0; i < 5; i++) {
		wire_say(&w, "NOOP");
		agreed(&w);
	}
	state->quit = 1;
	wire_say(&w, "QUIT");
	state->accepted = agreed(&w);
	_exit(0);
}
