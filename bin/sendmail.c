/* sendmail: spool under the name and with the flags that other programs
 * expect; it supplies Date, Message-ID and From. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>
#include <unistd.h>

#include "atomic.h"
#include "child.h"
#include "compose.h"
#include "listing.h"
#include "spool.h"

static const char usage[] =
    "usage: sendmail [-t] [-f SENDER] [-F NAME] [RCPT...] < message\n"
    "Queue a message; a missing Date, Message-ID or From is supplied.\n"
    "  -t          recipients from To, Cc and Bcc as well\n"
    "  -f, -r ADDRESS   the envelope's sender; -f '<>' for none\n"
    "  -F NAME     the full name for a supplied From\n"
    "  -N never|success,failure,delay   -R full|hdrs   -V ENVID\n"
    "              what reports are wanted (RFC 3461)\n"
    "  -bm         as without (default)    -bp  list the queue\n"
    "  -bs         SMTP on stdin and stdout\n"
    "  -q          send now what is due\n"
    "  -v          log to standard error\n"
    "  -i, -oi     accepted: a lone dot never ends a message\n"
    "Other -o, -O, -B, -L, -A, -X, -h and -e options are accepted and "
    "ignored.\n"
    "  --help, --version   See sendmail(8) and spool(1).\n";

#define CONF "/etc/mailpipe/sendmail.conf"

static char mode = 'm';
static bool verbose;

static void
print_and_exit(const char *text)
{
	fputs(text, stdout);
	exit(close_stdout());
}

static void
set_sendmail(int c, const char *value)
{
	switch (c) {
	case 't':
		said.mail.collect = true;
		break;
	case 'f':
	case 'r':
		said.sender = value;
		break;
	case 'F':
		if (!compose_is_text(value))
			log_die(EX_DATAERR, "-F: no name: control octets");
		said.mail.name = value;
		break;
	case 'N':
	case 'R':
	case 'V':
		if (said_wish((char)c, value))
			log_die(EX_USAGE, "-%c: bad value `%s'", c, value);
		break;
	case 'b':
		mode = *value;
		break;
	case 'q':
		mode = 'q';
		break;
	case 'v':
		verbose = true;
		break;
	case 1:
		print_and_exit(usage);
		break;
	case 2:
		print_and_exit("sendmail (mailpipe) " VERSION "\n");
		break;
	case '?':
	case ':':
		log_die(EX_USAGE, "-%c: unknown, or lacks its value", optopt);
	}
}

/* --- what it does --- */

static int
queue_mail(char *rcpts[])
{
	struct submission *mail = &said.mail;
	struct queue q;
	struct buf why = BUF_INIT;
	char id[QNAME_ID];
	int code;

	mail->supply = true;
	code = submit_envelope(mail, said.sender, rcpts, &why);
	if (code)
		log_die(code, "%s", buf_str(&why));
	/* A user's terminal is no log. */
	if (!verbose && !said.log_given && !mail->in_transit)
		log_open("sendmail", LOG_TO_NOWHERE);
	open_queue(&q, true);
	atomic_on_term();
	code = submit(&q, mail, STDIN_FILENO, id, &why);
	if (code == EX_OK)
		return EX_OK; /* nothing may fail it now */
	if (code == EX_UNAVAILABLE)
		puts(buf_str(&why));
	log_die(code, "%s", buf_str(&why));
}

static int
list_queue(void)
{
	struct queue q;

	if (open_queue(&q, false) && listing_write(&q, false, stdout))
		log_die(EX_TEMPFAIL, "read queue: %s", strerror(errno));
	return close_stdout();
}

static int
run_queue(void)
{
	struct queue q;

	open_queue(&q, true);
	child_path();
	return runner_run(&q, &said.runs);
}

/* SMTP from a local program: it may send anywhere. */
static int
run_smtp_recv(void)
{
	struct buf path = BUF_INIT;
	char *argv[] = {(char *)"smtp-recv", (char *)"--relay-from",
	    (char *)"127.0.0.1/32", (char *)"--spool", NULL, NULL, NULL, NULL};

	if (said.dir)
		buf_adds(&path, said.dir);
	else
		queue_default_path(&path);
	argv[4] = buf_str(&path);
	if (said.runs.settle.hostname) {
		argv[5] = (char *)"--hostname";
		argv[6] = (char *)said.runs.settle.hostname;
	}
	setenv("REMOTE_ADDR", "127.0.0.1", 1);
	child_path();
	execvp(argv[0], argv);
	log_die(EX_TEMPFAIL, "run %s: %s", argv[0], strerror(errno));
}

/* What the host's administrator says; the user's environment goes before. */
static void
read_conf(void)
{
	static const struct options file = {.defs = sendmail_defs,
	    .set = said_set,
	    .usage = usage,
	    .program = "sendmail"};
	const char *spool = getenv("MAILPIPE_SPOOL");

	options_file(&file, CONF);
	if (spool && *spool)
		said.dir = NULL;
	log_open("sendmail", verbose ? LOG_TO_STDERR : said.log);
}

int
sendmail(int argc, char *argv[])
{
	static const struct option longs[] = {{"help", no_argument, NULL, 1},
	    {"version", no_argument, NULL, 2}, {NULL, 0, NULL, 0}};
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv,
		    "+:A:B:C:F:L:N:O:R:V:X:b:e:f:h:imno:p:q::r:tvx", longs,
		    NULL)) != -1)
		set_sendmail(c, optarg);
	read_conf();
	switch (mode) {
	case 'm':
		return queue_mail(argv + optind);
	case 'p':
		return list_queue();
	case 'q':
		return run_queue();
	case 's':
		return run_smtp_recv();
	case 'i':
		return EX_OK; /* newaliases: there are none */
	default:
		log_die(EX_USAGE, "-b%c: not here (try --help)", mode);
	}
}
