#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "world.h"

/* A session has the messages as they were at its login. */
struct session {
	struct wire *w;
	int texts[TEXTS], n;
	bool marked[TEXTS];
};

static void
open_drop(struct session *s)
{
	for (size_t i = 0; i < DROP; i++)
		if (state->held[order[i]])
			s->texts[s->n++] = order[i];
}

static void
list(struct session *s, const char *argument, bool uids)
{
	int one = atoi(argument);

	if (!one)
		wire_say(s->w, "+OK");
	for (int i = 0; i < s->n; i++) {
		char item[32];
		int t = s->texts[i];

		if (s->marked[i] || (one && one != i + 1))
			continue;
		if (uids)
			snprintf(item, sizeof(item), "%d u%d", i + 1, t);
		else
			snprintf(
			    item, sizeof(item), "%d %zu", i + 1, octets(t));
		wire_say(s->w, one ? "+OK %s" : "%s", item);
	}
	if (!one)
		wire_say(s->w, ".");
}

static void
retrieve(struct session *s, int number)
{
	wire_say(s->w, "+OK");
	wire_text(s->w, state->text[s->texts[number - 1]], true);
	wire_say(s->w, ".");
}

static void
mark(struct session *s, int number)
{
	s->marked[number - 1] = true;
	state->told[s->texts[number - 1]] = true;
	wire_say(s->w, "+OK");
}

static void
update(struct session *s)
{
	for (int i = 0; i < s->n; i++)
		if (s->marked[i])
			state->held[s->texts[i]] = false;
	wire_say(s->w, "+OK bye");
}

static void
stat_drop(struct session *s)
{
	size_t sum = 0;

	for (int i = 0; i < s->n; i++)
		sum += octets(s->texts[i]);
	wire_say(s->w, "+OK %d %zu", s->n, sum);
}

static void
answer(struct session *s, const char *verb, const char *argument)
{
	int number = atoi(argument);
	bool is_there = number > 0 && number <= s->n && !s->marked[number - 1];

	if (strcasecmp(verb, "CAPA") == 0)
		wire_say(s->w, "+OK\r\nUSER\r\nUIDL\r\nTOP\r\nPIPELINING\r\n.");
	else if (strcasecmp(verb, "STAT") == 0)
		stat_drop(s);
	else if (strcasecmp(verb, "LIST") == 0)
		list(s, argument, false);
	else if (strcasecmp(verb, "UIDL") == 0)
		list(s, argument, true);
	else if ((strcasecmp(verb, "RETR") == 0 ||
		     strcasecmp(verb, "TOP") == 0) && /* of all lines */
	    is_there)
		retrieve(s, number);
	else if (strcasecmp(verb, "DELE") == 0 && is_there)
		mark(s, number);
	else if (strcasecmp(verb, "USER") == 0 || strcasecmp(verb, "PASS") == 0)
		wire_say(s->w, "+OK");
	else
		wire_say(s->w, "-ERR what");
}

void
serve_pop3(struct wire *w)
{
	struct session s = {.w = w};
	char line[1024];

	open_drop(&s);
	wire_say(w, "+OK ready");
	while (wire_line(w, line, sizeof(line))) {
		size_t n = strcspn(line, " ");
		const char *argument = line + n + (line[n] == ' ');

		line[n] = '\0';
		if (strcasecmp(line, "QUIT") == 0) {
			update(&s);
			return;
		}
		answer(&s, line, argument);
	}
}
