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

#include "child.h"
#include "log.h"
#include "spool.h"

static const char sendmail_usage[] =
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

static char mode = 'm';

static void
add_param(const char *name, const char *value)
{
	buf_addf(&mail_params, "%s%s=", mail_params.len ? " " : "", name);
	for (; *value; value++)
		if (*value < '!' || *value > '~' || *value == '+' ||
		    *value == '=')
			buf_addf(&mail_params, "+%02X", (unsigned char)*value);
		else
			buf_addc(&mail_params, *value);
}

static const char *
notify_param(const char *value)
{
	struct buf b = BUF_INIT;
	const char *p;

	if (strspn(value,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		",") != strlen(value) ||
	    !*value)
		log_die(EX_USAGE, "-N: bad value `%s'", value);
	buf_adds(&b, "NOTIFY=");
	for (p = value; *p; p++)
		buf_addc(&b, (char)(*p >= 'a' && *p <= 'z' ? *p - 32 : *p));
	return buf_str(&b);
}

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
		mail.collect = true;
		break;
	case 'f':
	case 'r':
		sender_given = value;
		break;
	case 'F':
		mail.name = value;
		break;
	case 'N':
		mail.notify = notify_param(value);
		break;
	case 'R':
		if (strcasecmp(value, "full") && strcasecmp(value, "hdrs"))
			log_die(EX_USAGE, "-R: full or hdrs, not `%s'", value);
		add_param("RET", strcasecmp(value, "full") ? "HDRS" : "FULL");
		break;
	case 'V':
		add_param("ENVID", value);
		break;
	case 'b':
		mode = *value;
		break;
	case 'q':
		mode = 'q';
		break;
	case 'v':
		log_given = true;
		break;
	case 1:
		print_and_exit(sendmail_usage);
		break;
	case 2:
		print_and_exit("sendmail (mailpipe) " VERSION "\n");
		break;
	case '?':
	case ':':
		log_die(EX_USAGE, "-%c: unknown, or lacks its value", optopt);
	}
}

/* SMTP from a local program: it may send anywhere. */
static int
run_smtp_recv(void)
{
	struct buf path = BUF_INIT;
	char *argv[] = {(char *)"smtp-recv", (char *)"--relay-from",
	    (char *)"127.0.0.1/32", (char *)"--spool", NULL, NULL};

	queue_default_path(&path);
	argv[4] = buf_str(&path);
	setenv("REMOTE_ADDR", "127.0.0.1", 1);
	child_path();
	execvp(argv[0], argv);
	log_die(EX_TEMPFAIL, "run %s: %s", argv[0], strerror(errno));
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
	switch (mode) {
	case 'm':
		mail.supply = true;
		take_mail_id();
		return add_message(argv + optind, NULL, false);
	case 'p':
		return do_list(argv + argc);
	case 'q':
		return do_run(argv + argc);
	case 's':
		return run_smtp_recv();
	case 'i':
		return EX_OK; /* newaliases: there are none */
	default:
		log_die(EX_USAGE, "-b%c: not here (try --help)", mode);
	}
}
