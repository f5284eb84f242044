/* smtp [-l] [-1] [-8] [-e] [-c] [-n] MESSAGE... < script: drives the engine in
 * memory. MESSAGE is "<sender>[ params]|<rcpt>[ params]|..."; its text is two
 * lines. Script lines: `S text' sends our output, then gives the engine text
 * CRLF;
 * `& text' gives without sending; `R text' as S without a line end; `L' loses
 * the connection, `C' does so at once, `Q' quits, `F' sends, `W n' sends n
 * octets only, `T' shows how long to wait. -1 gives each octet alone, -e tells
 * of PIPELINING and SIZE offered to an EHLO before ours, -c uses no chunks, -n
 * begins a message after the first only at `N'. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smtp.h"

#define MESSAGES 8
#define RCPTS 8

static struct smtp *s;
static struct smtp_message messages[MESSAGES];
static struct batch_path senders[MESSAGES], paths[MESSAGES][RCPTS];
static size_t total, begun, allowed = SIZE_MAX;
static bool singly;

static void
parse_path(char *text, struct batch_path *p)
{
	char *end = strchr(text, '>');

	*end = '\0';
	p->address = text + 1;
	p->params = end[1] ? end + 2 : end + 1;
}

static void
parse_message(char *text, struct smtp_message *m, bool eightbit)
{
	struct batch_path *rcpts = paths[m - messages];
	char *part = strtok(text, "|");

	parse_path(part, &senders[m - messages]);
	while ((part = strtok(NULL, "|")))
		parse_path(part, &rcpts[m->n++]);
	m->sender = &senders[m - messages];
	m->rcpts = rcpts;
	m->size = 10;
	m->eightbit = eightbit;
}

static void
show(const struct smtp_event *e)
{
	static const char *const names[] = {
	    "", "body", "result", "done", "again", "over"};

	printf("= %s", names[e->kind]);
	if (e->message)
		printf(" %d", (int)(e->message - messages) + 1);
	if (e->kind == SMTP_RESULT)
		printf(" <%s> %s", e->message->rcpts[e->rcpt].address,
		    batch_fate_name(e->fate));
	if (e->reply)
		printf(" %03d [%s] %s", e->reply->code, e->reply->enhanced,
		    e->reply->text);
	printf("\n");
}

static void
drain(void)
{
	struct smtp_event e;

	for (smtp_next(s, &e); e.kind != SMTP_NONE; smtp_next(s, &e)) {
		show(&e);
		if (e.kind == SMTP_BODY) {
			if (!smtp_body(s, "Hi\n", 3) ||
			    !smtp_body(s, ".\nx", 3) || !smtp_body_end(s))
				smtp_lost(s, "not what was said");
		}
	}
	if (begun < total && begun < allowed && smtp_wants(s)) {
		smtp_begin(s, &messages[begun++]);
		drain();
	}
}

static void
send_output(size_t most)
{
	const struct buf *out = smtp_output(s);
	size_t n = out->len < most ? out->len : most;

	for (size_t i = 0; i < n; i++) {
		if (i == 0 || out->data[i - 1] == '\n')
			printf("C ");
		if (out->data[i] == '\r')
			printf("^M");
		else
			putchar(out->data[i]);
	}
	if (n && out->data[n - 1] != '\n')
		printf("|\n");
	smtp_written(s, n);
}

static void
give(const char *data, size_t n)
{
	for (size_t i = 0; i < n; i += singly ? 1 : n) {
		smtp_input(s, data + i, singly ? 1 : n);
		if (singly)
			drain();
	}
}

static void
run_line(char *line)
{
	char verb = line[0];
	const char *text = line[0] && line[1] ? line + 2 : "";

	if (strchr("SRLQFW", verb)) {
		drain();
		send_output(verb == 'W' ? strtoul(text, NULL, 10) : SIZE_MAX);
	}
	if (verb == 'L' || verb == 'C')
		smtp_lost(s, "connection lost");
	if (verb == 'Q')
		smtp_quit(s);
	if (verb == 'T')
		printf("wait %u\n", smtp_seconds(s));
	if (verb == 'N')
		allowed++;
	if (verb == 'S' || verb == '&' || verb == 'R')
		give(text, strlen(text));
	if (verb == 'S' || verb == '&')
		give("\r\n", 2);
}

int
main(int argc, char *argv[])
{
	static const struct esmtp_offer before = {
	    .extensions = ESMTP_PIPELINING | ESMTP_SIZE};
	struct smtp_options o = {.hostname = "me.example"};
	bool eightbit = false;
	char line[8192];

	for (argv++; *argv && (*argv)[0] == '-'; argv++) {
		o.lmtp |= (*argv)[1] == 'l';
		o.no_chunks |= (*argv)[1] == 'c';
		singly |= (*argv)[1] == '1';
		eightbit |= (*argv)[1] == '8';
		if ((*argv)[1] == 'n')
			allowed = 1;
		if ((*argv)[1] == 'e')
			o.before = &before;
	}
	for (; *argv && total < MESSAGES; argv++)
		parse_message(*argv, &messages[total++], eightbit);
	(void)argc;
	o.greeting = o.lmtp;
	s = smtp_open(&o);
	while (fgets(line, sizeof line, stdin)) {
		line[strcspn(line, "\n")] = '\0';
		run_line(line);
	}
	drain();
	send_output(SIZE_MAX);
	if (smtp_lacks_chunks(s))
		printf("no chunks\n");
	printf("wait %u\n", smtp_seconds(s));
	smtp_close(s);
	return 0;
}
