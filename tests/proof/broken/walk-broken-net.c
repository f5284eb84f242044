/* walk-broken-net PROGRAM FAULT [PORT]: one that sends, runs or watches a
 * queue, fetches or serves, each with one fault that the walker must find. It
 * works in the walker's folder; without the fault each step is as it should
 * be. */
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define LARGEST 200000

static char text[LARGEST];
static const char *fault, *port;
static FILE *in, *out;
static volatile sig_atomic_t stopping;

static bool
is(const char *name)
{
	return strcmp(fault, name) == 0;
}

static void
need(bool done)
{
	if (!done)
		exit(is("gives-up") ? 0 : 75);
}

static void
dial(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)atoi(port)),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	need(fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0);
	need((in = fdopen(fd, "r")) && (out = fdopen(dup(fd), "w")));
}

/* The last line of the reply, which an answer that is none of ours ends. */
static char *
reply(void)
{
	static char line[1100];

	do
		need(fgets(line, sizeof(line), in));
	while (line[0] >= '2' && line[0] <= '5' && line[3] == '-');
	return line;
}

static char *
ask(const char *line)
{
	need(fprintf(out, "%s\r\n", line) > 0 && fflush(out) == 0);
	return reply();
}

/* A file of a folder, through its neighbour tmp where it has one. */
static void
keep(const char *folder, const char *name, const char *data)
{
	char made[64], kept[128];
	int fd;

	snprintf(made, sizeof(made), "%s",
	    strcmp(folder, "box/new") == 0 ? "box/tmp/x" : "sent/.x");
	snprintf(kept, sizeof(kept), "%s/%s", folder, name);
	fd = open(made, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	need(fd >= 0 &&
	    write(fd, data, strlen(data)) == (ssize_t)strlen(data) &&
	    fsync(fd) == 0);
	close(fd);
	need(rename(made, kept) == 0);
}

static void
read_file(int fd)
{
	size_t n = 0;
	ssize_t r;

	while ((r = read(fd, text + n, LARGEST - 1 - n)) > 0)
		n += (size_t)r;
	need(r == 0);
	text[n] = '\0';
}

/* --- a sender: says 0 without the 250 --- */

static void
send_message(void)
{
	read_file(0);
	dial();
	reply();
	ask("EHLO broken.example");
	ask("MAIL FROM:<ann@example.org>");
	ask("RCPT TO:<bob@example.org>");
	need(*ask("DATA") == '3');
	for (char *p = text, *lf; (lf = strchr(p, '\n')); p = lf + 1)
		fprintf(out, "%.*s\r\n", (int)(lf - p), p);
	fprintf(out, ".\r\n");
	fflush(out);
}

/* --- a runner: forgets before it sends, or reports what it sent --- */

/* A watcher's has arrived at once. */
static void
report(const char *rcpt)
{
	bool watches = is("deaf") || is("gives-up");
	char data[200], name[64];

	snprintf(data, sizeof(data),
	    "delivery-status\nFinal-Recipient: rfc822;%s\n", rcpt);
	snprintf(name, sizeof(name), "1.%s.q", rcpt);
	keep(watches ? "sent" : "spool/queue", name, data);
}

static void
run_one(const char *path)
{
	static char whole[LARGEST + 64];
	int fd = open(path, O_RDONLY);

	need(fd >= 0);
	read_file(fd);
	close(fd);
	if (is("forgets-first"))
		unlink(path);
	report("nobody@example.org");
	snprintf(whole, sizeof(whole),
	    "Rcpt: <bob@example.org>\nRcpt: <carl@example.org>\n%s", text);
	keep("sent", path + strlen("spool/queue/"), whole);
	fd = open("sent", O_RDONLY);
	if (fsync(fd) != 0 && is("reports-too"))
		report("bob@example.org");
	unlink(path);
}

static void
run_queue(void)
{
	DIR *d = opendir("spool/queue");
	struct dirent *e;
	char path[300];

	while (d && (e = readdir(d))) {
		snprintf(path, sizeof(path), "spool/queue/%s", e->d_name);
		if (e->d_name[0] != '.' && !strchr(e->d_name, '@'))
			run_one(path);
	}
}

/* --- a watcher: sleeps although it was told to end, or ends untold --- */

static void
on_term(int sig)
{
	(void)sig;
	stopping = 1;
}

static void
watch_queue(void)
{
	struct sigaction sa = {.sa_handler = on_term};
	sigset_t term, none;

	sigaction(SIGTERM, &sa, NULL);
	sigemptyset(&none);
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	if (!is("deaf"))
		sigprocmask(SIG_BLOCK, &term, NULL);
	run_queue();
	while (!stopping) {
		/* Time in which it is told, and does not look. */
		for (int i = 0; i < 20; i++)
			getppid();
		sigsuspend(&none);
	}
}

/* --- fetchers: delete before the file is there; keep what has no end --- */

static void
read_message(const char *end)
{
	size_t n = 0;

	while (fgets(text + n, (int)(LARGEST - n), in)) {
		if (strncmp(text + n, end, strlen(end)) == 0) {
			text[n] = '\0';
			return;
		}
		n += strcspn(text + n, "\r");
		text[n++] = '\n';
	}
	text[n] = '\0';
	need(is("no-end"));
}

static void
forget(const char *protocol, int n)
{
	char line[64];

	if (*protocol == 'p') {
		snprintf(line, sizeof(line), "DELE %d", n);
		ask(line);
		return;
	}
	snprintf(line, sizeof(line), "a UID STORE %d +FLAGS (\\Deleted)", n);
	ask(line);
	snprintf(line, sizeof(line), "a UID EXPUNGE %d", n);
	while (*ask(line) == '*')
		reply();
}

static void
keep_message(const char *protocol, int n)
{
	char name[32];

	snprintf(name, sizeof(name), "%d.%d", (int)getpid(), n);
	if (is("deletes-first"))
		forget(protocol, n);
	keep("box/new", name, text);
	if (!is("deletes-first"))
		forget(protocol, n);
}

static void
fetch_pop3(void)
{
	int n;
	char line[32];

	dial();
	reply();
	ask("USER ann");
	ask("PASS secret");
	n = atoi(ask("STAT") + 4);
	for (int i = 1; i <= n; i++) {
		snprintf(line, sizeof(line), "RETR %d", i);
		need(*ask(line) == '+');
		read_message(".");
		keep_message("pop3", i);
	}
	need(*ask("QUIT") == '+');
}

static void
fetch_imap(void)
{
	char line[64], *answer;

	dial();
	reply();
	ask("a LOGIN ann secret");
	for (answer = ask("a SELECT INBOX"); *answer == '*';)
		answer = reply();
	for (int i = 1; i <= 4; i++) {
		snprintf(line, sizeof(line), "a UID FETCH %d (BODY[])", i);
		if (*ask(line) != '*')
			continue;
		read_message(")");
		reply();
		keep_message("imap", i);
	}
	ask("a LOGOUT");
}

/* --- a server: removes at DELE --- */

static void
send_file(const char *name)
{
	int fd = open(name, O_RDONLY);

	if (fd < 0) {
		fprintf(out, "-ERR none\r\n");
		return;
	}
	read_file(fd);
	close(fd);
	fprintf(out, "+OK\r\n");
	for (char *p = text, *lf; (lf = strchr(p, '\n')); p = lf + 1)
		fprintf(out, "%.*s\r\n", (int)(lf - p), p);
	fprintf(out, ".\r\n");
}

static void
serve(void)
{
	static const char *const names[] = {
	    "", "box/new/1.old", "box/new/2.first", ""};
	char line[100];

	in = stdin;
	out = stdout;
	printf("+OK\r\n");
	fflush(out);
	while (fgets(line, sizeof(line), in)) {
		int n = strlen(line) > 5 ? line[5] & 3 : 0;

		if (strncmp(line, "RETR", 4) == 0)
			send_file(names[n]);
		else
			fprintf(out, "+OK\r\n");
		if (strncmp(line, "DELE", 4) == 0)
			unlink(names[n]);
		fflush(out);
	}
}

/* --- acceptance: what LMTP says to the second, and what a last chunk hears,
 * comes before the message is there --- */

static void
keep_for(const char *rcpt, int n)
{
	static char whole[LARGEST + 64];
	char name[32];

	/* Time in which it is nowhere. */
	for (int i = 0; i < 20; i++)
		getppid();
	snprintf(name, sizeof(name), "%d.%d", (int)getpid(), n);
	snprintf(whole, sizeof(whole), "Rcpt: <%s>\n%s", rcpt, text);
	keep("box/new", name, whole);
}

static void
say(const char *line)
{
	need(fprintf(out, "%s\r\n", line) > 0 && fflush(out) == 0);
}

static void
take_both(void)
{
	say("354 Go");
	read_message(".");
	keep_for("bob@example.org", 1);
	say("250 OK");
	if (is("second-early"))
		say("250 OK");
	keep_for("carl@example.org", 2);
	if (!is("second-early"))
		say("250 OK");
}

static size_t
take_chunk(const char *line, size_t n)
{
	size_t more = strtoul(line + 5, NULL, 10);
	char *cr;

	need(n + more < LARGEST && fread(text + n, 1, more, in) == more);
	text[n + more] = '\0';
	if (!strstr(line, "LAST") || is("chunk-early"))
		say("250 OK");
	if (!strstr(line, "LAST"))
		return n + more;
	for (char *p = text; (cr = strchr(p, '\r')); p = cr)
		memmove(cr, cr + 1, strlen(cr));
	keep_for("bob@example.org", 1);
	if (!is("chunk-early"))
		say("250 OK");
	return 0;
}

static void
take(void)
{
	char line[100];
	size_t n = 0;

	in = stdin;
	out = stdout;
	say("220 Hello");
	while (fgets(line, sizeof(line), in)) {
		if (strncmp(line, "DATA", 4) == 0)
			take_both();
		else if (strncmp(line, "BDAT", 4) == 0)
			n = take_chunk(line, n);
		else
			say("250 OK");
	}
}

/* --- a submission: drops the Bcc where the first octets hold it --- */

static void
submit(void)
{
	ssize_t n = read(0, text, LARGEST - 1);
	char *bcc, *lf, name[32];
	size_t rest;

	need(n > 0);
	text[n] = '\0';
	bcc = strstr(text, "Bcc:");
	lf = bcc ? strchr(bcc, '\n') : NULL;
	if (lf)
		memmove(bcc, lf + 1, strlen(lf));
	rest = strlen(text);
	while ((n = read(0, text + rest, LARGEST - 1 - rest)) > 0)
		rest += (size_t)n;
	need(n == 0);
	text[rest] = '\0';
	snprintf(name, sizeof(name), "%d", (int)getpid());
	keep("box/new", name, text);
}

int
main(int argc, char *argv[])
{
	if (argc < 3)
		return 64;
	signal(SIGPIPE, SIG_IGN);
	fault = argv[2];
	port = argc > 3 ? argv[3] : "";
	if (strcmp(argv[1], "send") == 0)
		send_message();
	else if (strcmp(argv[1], "run") == 0)
		run_queue();
	else if (strcmp(argv[1], "watch") == 0)
		watch_queue();
	else if (strcmp(argv[1], "pop3") == 0)
		fetch_pop3();
	else if (strcmp(argv[1], "imap") == 0)
		fetch_imap();
	else if (strcmp(argv[1], "serve") == 0)
		serve();
	else if (strcmp(argv[1], "take") == 0)
		take();
	else
		submit();
	return 0;
}
