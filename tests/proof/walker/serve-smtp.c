#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "world.h"

struct transaction {
	char rcpts[1024];
	FILE *f;
	char path[PATH_MAX + 32];
};

static bool
is(const char *line, const char *verb)
{
	return strncasecmp(line, verb, strlen(verb)) == 0;
}

static void
take_rcpt(struct wire *w, struct transaction *t, const char *line)
{
	size_t n = strlen(t->rcpts);
	const char *path = strchr(line, '<');

	if (!path || is(path, "<nobody")) {
		wire_say(w, "550 5.1.1 no such user");
		return;
	}
	snprintf(t->rcpts + n, sizeof(t->rcpts) - n, "Rcpt: %.*s\n",
	    (int)strcspn(path, " "), path);
	wire_say(w, "250 2.1.5 ok");
}

/* A dot file is none that readers see. */
static bool
copy(struct wire *w, FILE *f)
{
	char line[1100];

	while (wire_line(w, line, sizeof(line))) {
		if (strcmp(line, ".") == 0)
			return true;
		fprintf(f, "%s\n", line + (*line == '.'));
	}
	return false;
}

static bool
take_message(struct wire *w, struct transaction *t)
{
	char made[PATH_MAX + 32];
	FILE *f;
	bool whole;

	snprintf(made, sizeof(made), "%s/sent/.new", world_dir);
	f = fopen(made, "we");
	if (!f)
		return false;
	wire_say(w, "354 go on");
	fputs(t->rcpts, f);
	whole = copy(w, f);
	if (fclose(f) != 0 || !whole)
		return false;
	snprintf(
	    t->path, sizeof(t->path), "%s/sent/%d", world_dir, ++state->taken);
	if (rename(made, t->path) != 0)
		return false;
	*t->rcpts = '\0';
	wire_say(w, "250 2.0.0 taken");
	return true;
}

void
serve_smtp(struct wire *w)
{
	struct transaction t = {.rcpts = ""};
	char line[1100];

	wire_say(w, "220 server.example ESMTP");
	while (wire_line(w, line, sizeof(line))) {
		if (is(line, "EHLO"))
			wire_say(w,
			    "250-server.example\r\n250-PIPELINING\r\n"
			    "250 8BITMIME");
		else if (is(line, "RCPT"))
			take_rcpt(w, &t, line);
		else if (is(line, "DATA") && *t.rcpts) {
			if (!take_message(w, &t))
				return;
		} else if (is(line, "DATA"))
			wire_say(w, "554 5.5.1 no valid recipients");
		else if (is(line, "QUIT")) {
			wire_say(w, "221 2.0.0 bye");
			return;
		} else {
			*t.rcpts = '\0';
			wire_say(w, "250 2.0.0 ok");
		}
	}
}
