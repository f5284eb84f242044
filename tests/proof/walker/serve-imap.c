#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "world.h"

/* UID and number of a message are one until it is expunged; what was told to be
 * forgotten bears \Deleted. */

/* Whether a set as 1,3:4 holds n. */
static bool
in_set(const char *set, int n)
{
	while (*set && *set != ' ') {
		char *end;
		long from = strtol(set, &end, 10), to = from;

		if (*end == ':')
			to = end[1] == '*' ? DROP : strtol(end + 1, &end, 10);
		if (from <= n && n <= to)
			return true;
		set = end + strcspn(end, ", ");
		set += *set == ',';
	}
	return false;
}

static void
fetch(struct wire *w, int seq, int uid, const char *items)
{
	int text = order[uid - 1];

	if (!strstr(items, "BODY")) {
		wire_say(w, "* %d FETCH (UID %d)", seq, uid);
		return;
	}
	wire_say(w,
	    "* %d FETCH (UID %d FLAGS () INTERNALDATE "
	    "\" 2-Nov-2026 06:30:12 +0000\" BODY[] {%zu}",
	    seq, uid, octets(text));
	wire_text(w, state->text[text], false);
	wire_say(w, ")");
}

static void
expunge(struct wire *w, int *seq, int text)
{
	if (!state->told[text])
		return;
	state->held[text] = false;
	wire_say(w, "* %d EXPUNGE", (*seq)--);
}

static void
uid_command(struct wire *w, const char *line)
{
	const char *set = strchr(line, ' ');
	int seq = 0;

	set = set ? set + 1 : "";
	for (int uid = 1; uid <= DROP; uid++) {
		int text = order[uid - 1];

		seq += state->held[text];
		if (!state->held[text] || !in_set(set, uid))
			continue;
		if (strncasecmp(line, "FETCH", 5) == 0)
			fetch(w, seq, uid, set + strcspn(set, " "));
		else if (strncasecmp(line, "STORE", 5) == 0)
			state->told[text] = true;
		else if (strncasecmp(line, "EXPUNGE", 7) == 0)
			expunge(w, &seq, text);
	}
}

static void
select_folder(struct wire *w)
{
	int n = 0;

	for (int i = 0; i < DROP; i++)
		n += state->held[order[i]];
	wire_say(w,
	    "* FLAGS (\\Deleted)\r\n* %d EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n"
	    "* OK [UIDNEXT %d] x",
	    n, state->held[NEXT] ? 5 : 4);
}

void
serve_imap(struct wire *w)
{
	char line[2048], *verb;

	wire_say(w, "* OK [CAPABILITY IMAP4rev1 UIDPLUS AUTH=PLAIN] ready");
	while (wire_line(w, line, sizeof(line))) {
		verb = strchr(line, ' ');
		if (!verb)
			return;
		*verb++ = '\0';
		if (strncasecmp(verb, "AUTHENTICATE", 12) == 0) {
			char login[1024];

			wire_say(w, "+ ");
			wire_line(w, login, sizeof(login));
		} else if (strncasecmp(verb, "CAPABILITY", 10) == 0)
			wire_say(
			    w, "* CAPABILITY IMAP4rev1 UIDPLUS AUTH=PLAIN");
		else if (strncasecmp(verb, "SELECT", 6) == 0)
			select_folder(w);
		else if (strncasecmp(verb, "UID ", 4) == 0)
			uid_command(w, verb + 4);
		else if (strncasecmp(verb, "LOGOUT", 6) == 0)
			wire_say(w, "* BYE");
		wire_say(w, "%s OK done", line);
		if (strncasecmp(verb, "LOGOUT", 6) == 0)
			return;
	}
}
