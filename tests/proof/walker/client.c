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

/* --- SMTP: notes the 250 for the message, and replies that are final --- */

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

void
client_smtp(int fd, const char *text)
{
	static const char *const before[] = {"EHLO client.example",
	    "MAIL FROM:<ann@example.org>", "RCPT TO:<bob@example.org>", "DATA"};
	static struct wire w;

	w.fd = fd;
	heard(&w);
	for (size_t i = 0; i < 4; i++) {
		wire_say(&w, "%s", before[i]);
		if (heard(&w) > '3')
			leave(&w, "QUIT");
	}
	wire_text(&w, text, true);
	wire_say(&w, ".");
	if (heard(&w) == '2')
		state->accepted++;
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
