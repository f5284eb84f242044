/* Sends a message from standard input, or the jobs of a batch, to an SMTP
 * relay, to the mail hosts of each domain, or to an LMTP server. Promises: 0,
 * or `ok', only after a complete 2xx reply to the end of the data; a recipient
 * whose fate a lost connection hides is called unsure; one result for each
 * recipient of a job; never an end of data behind an incomplete message. */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "child.h"
#include "dial.h"
#include "log.h"
#include "options.h"
#include "parse.h"
#include "smtp-send.h"

enum {
	RELAY = 0x100,
	LMTP,
	MX,
	PROBE,
	RESOLVER,
	PORT,
	LOCAL,
	BATCH,
	HOSTNAME,
	SIZE,
	ALLOW_EMPTY,
	MAX_RCPTS,
	MAX_TIME
};

#define LOOKUP_SECONDS 60 /* for all of a domain */

static struct dial_options dial = {0};
static const char *relay, *lmtp;
static char hostname[256];
static bool mx, batch, probing, quiet;
static const char **own; /* our names, the first is hostname */
static size_t own_count;
static struct hop hop = {.port = 25};
static const char *mx_only; /* an option that has no use without --mx */
static struct letter letter;
static struct url target;
static struct session session;
static int exit_code;

static const char usage[] =
    "usage: smtp-send WAY [-f SENDER] [-t] RCPT... < message\n"
    "       smtp-send WAY --batch < jobs > results\n"
    "       smtp-send WAY --probe [RCPT...]    shows the server, sends "
    "nothing\n"
    "WAY is one of\n"
    "  --relay URL         smtp://[USER@]HOST[:PORT], submission://, smtps://\n"
    "  --mx                the mail hosts of each domain, by DNS\n"
    "  --lmtp PLACE        absolute path of a socket, or HOST:PORT\n"
    "With --mx: --resolver ADDR[:PORT] is the DNS server, --port N not 25,\n"
    "--local DOMAIN ours too (repeatable): nothing is sent to ourselves\n"
    "  -f, --from SENDER   return path; '' or '<>' is the null sender\n"
    "  -t, --recipients-from-header  add the recipients of To, Cc and Bcc\n"
    "  --batch             jobs in, results out (mailpipe-batch(5))\n"
    "  --size N            refuse any other size (75);  --allow-empty: none\n"
    "  --max-rcpts N       recipients in one transaction, at most\n"
    "  --hostname NAME     our name in EHLO;  --proxy URL  as curl has it\n"
    "  --tls MODE          required, opportunistic or off\n"
    "  --cafile FILE       authorities to trust instead of the system's\n"
    "  --password-command CMD, --password-file FILE, --password-fd N\n"
    "                      else ~/.netrc, else asked for on the terminal\n"
    "  --oauth2-command CMD  a token instead of a password\n"
    "  --timeout TIME      for each wait;  --max-time TIME  for a message\n"
    "  --config FILE       long options, one a line\n"
    "  -q, --quiet         say nothing of failed recipients\n"
    "  -v, --verbose       show the dialogue;  -h, --help;  -V, --version\n";

static const struct option_def option_defs[] = {{"relay", RELAY, true},
    {"lmtp", LMTP, true}, {"mx", MX, false}, {"resolver", RESOLVER, true},
    {"port", PORT, true}, {"local", LOCAL, true}, {"from", 'f', true},
    {"recipients-from-header", 't', false}, {"batch", BATCH, false},
    {"size", SIZE, true}, {"allow-empty", ALLOW_EMPTY, false},
    {"max-rcpts", MAX_RCPTS, true}, {"max-time", MAX_TIME, true},
    {"hostname", HOSTNAME, true}, {"probe", PROBE, false},
    {"quiet", 'q', false}, DIAL_OPTIONS, {NULL, 0, false}};

static int
set_hostname(const char *name, char *why, size_t size)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-_.:[]";

	if (!*name || strlen(name) >= sizeof hostname ||
	    name[strspn(name, allowed)]) {
		snprintf(why, size, "`%s' is no host name", name);
		return -1;
	}
	snprintf(hostname, sizeof hostname, "%s", name);
	return 0;
}

static void
add_own(const char *name)
{
	own = xrealloc(own, (own_count + 2) * sizeof *own);
	own[own_count++] = name;
	own[own_count] = NULL;
}

/* Of what a message may cost. */
static int
set_limit(int key, const char *value, char *why, size_t size)
{
	uint64_t n;

	if (key == MAX_RCPTS) {
		if (parse_number(value, INT64_MAX, &session.max_rcpts) == 0 &&
		    session.max_rcpts > 0)
			return 0;
		snprintf(why, size,
		    "--max-rcpts: `%s' is no number of 1 and more", value);
		return -1;
	}
	if (parse_duration(value, &n) == 0 && n > 0 && n <= 7 * 86400) {
		session.agenda.max_time = hop.seconds = (unsigned)n;
		return 0;
	}
	snprintf(
	    why, size, "--max-time: `%s' is not a time of 1s to 1w", value);
	return -1;
}

/* Of the way to mail hosts. */
static int
set_mx_option(int key, const char *value, char *why, size_t size)
{
	uint64_t n;

	switch (key) {
	case RESOLVER:
		mx_only = "--resolver";
		if (resolver_set(&hop.resolver, value) == 0)
			return 0;
		snprintf(
		    why, size, "--resolver: `%s' is not ADDRESS[:PORT]", value);
		return -1;
	case PORT:
		mx_only = "--port";
		if (parse_number(value, 65535, &n) == 0 && n > 0) {
			hop.port = (unsigned)n;
			return 0;
		}
		snprintf(why, size, "--port: `%s' is no port", value);
		return -1;
	case LOCAL:
		mx_only = "--local";
		add_own(value);
		return 0;
	}
	return dial_option(&dial, key, value, why, size);
}

static int
set_option(int key, const char *value, char *why, size_t size)
{
	switch (key) {
	case RELAY:
		relay = value;
		return 0;
	case LMTP:
		lmtp = value;
		return 0;
	case MX:
		mx = true;
		return 0;
	case 'f':
		letter.sender = value;
		return 0;
	case 't':
		letter.from_header = true;
		return 0;
	case BATCH:
		batch = true;
		return 0;
	case PROBE:
		probing = true;
		return 0;
	case SIZE:
		letter.sized = true;
		if (parse_number(value, INT64_MAX, &letter.size) == 0)
			return 0;
		snprintf(why, size, "--size: no number of octets");
		return -1;
	case ALLOW_EMPTY:
		session.allow_empty = true;
		return 0;
	case MAX_RCPTS:
	case MAX_TIME:
		return set_limit(key, value, why, size);
	case HOSTNAME:
		return set_hostname(value, why, size);
	case 'q':
		quiet = true;
		return 0;
	}
	return set_mx_option(key, value, why, size);
}

static void
report_result(const struct batch_job *b, size_t i, enum batch_fate fate,
    const struct reply *why)
{
	struct batch_result r = {b->id, b->rcpts[i].address, fate, why->code,
	    why->enhanced, why->text};
	struct buf line = BUF_INIT;

	batch_result_write(&r, &line);
	ssize_t n = write(STDOUT_FILENO, line.data, line.len);
	if (n != (ssize_t)line.len)
		log_die(EX_TEMPFAIL, "write results: %s",
		    n < 0 ? strerror(errno) : "short write");
	buf_free(&line);
}

/* The single form speaks of failures alone. */
static void
report_failure(const struct batch_job *b, size_t i, enum batch_fate fate,
    const struct reply *why)
{
	struct buf line = BUF_INIT;

	if (fate == BATCH_OK)
		return;
	if (fate != BATCH_PERM)
		exit_code = EX_TEMPFAIL;
	else if (!exit_code)
		exit_code = EX_UNAVAILABLE;
	if (quiet)
		return;
	if (fate == BATCH_UNSURE)
		buf_adds(&line, "unsure: ");
	if (why->code)
		buf_addf(&line, "%d ", why->code);
	if (why->enhanced[0])
		buf_addf(&line, "%s ", why->enhanced);
	buf_adds(&line, why->text);
	log_error("send <%s>: %s", b->rcpts[i].address, buf_str(&line));
	buf_free(&line);
}

static void
check_options(int operands)
{
	char why[200];

	int ways = (relay != NULL) + (lmtp != NULL) + mx;

	if (ways != 1)
		log_die(EX_USAGE,
		    ways ? "--relay, --mx and --lmtp: choose one"
			 : "no server: give --relay URL, --mx or "
			   "--lmtp PLACE");
	if (mx_only && !mx)
		log_die(EX_USAGE, "%s: only with --mx", mx_only);
	if (batch &&
	    (operands || letter.from_header || letter.sender || letter.sized))
		log_die(
		    EX_USAGE, "--batch takes no sender, recipients or size");
	if (probing && (lmtp || batch || letter.from_header || letter.sender))
		log_die(EX_USAGE,
		    "--probe takes --relay or --mx, and nothing to send");
	if (probing && mx != (operands > 0))
		log_die(EX_USAGE,
		    mx ? "--probe --mx: no domain or recipient"
		       : "--probe --relay takes no recipients");
	if (!batch && !probing && !operands && !letter.from_header)
		log_die(EX_USAGE, "no recipients (-t takes the header's)");
	if (relay &&
	    url_parse(&target, "smtp", relay, dial.tls, why, sizeof why) < 0)
		log_die(EX_USAGE, "--relay %s: %s", relay, why);
	if (lmtp && url_parse_lmtp(&target, lmtp, why, sizeof why) < 0)
		log_die(EX_USAGE, "--lmtp %s: %s", lmtp, why);
	if (!hostname[0] && gethostname(hostname, sizeof hostname - 1) < 0)
		strcpy(hostname, "localhost");
	dial.hostname = own[0] = hostname;
}

static void
set_hop(void)
{
	hop.server = mx ? NULL : &target;
	hop.tls = dial.tls;
	hop.resolver.own = own;
	hop.resolver.seconds = LOOKUP_SECONDS;
	if (dial.timeout && dial.timeout < hop.resolver.seconds)
		hop.resolver.seconds = dial.timeout;
	if (hop.seconds && hop.seconds < hop.resolver.seconds)
		hop.resolver.seconds = hop.seconds;
}

/* Jobs to results, or the message to its recipients. */
static void
carry(char *rcpts[])
{
	session.hop = &hop;
	session.options = &dial;
	session.lmtp = lmtp != NULL;
	session.results = batch ? STDOUT_FILENO : -1;
	session.jobs = -1;
	session.report = batch ? report_result : report_failure;
	if (batch)
		jobs_begin(&session);
	else
		letter_take(&letter, &session, rcpts);
	if (session_run(&session) < 0)
		log_die(EX_TEMPFAIL, "write results: the reader is gone");
	if (batch)
		exit_code = jobs_end();
	else if (session.fault)
		exit_code = session.fault;
	if (batch && close(STDOUT_FILENO) < 0)
		log_die(EX_TEMPFAIL, "close results: %s", strerror(errno));
}

int
main(int argc, char *argv[])
{
	static const struct options options = {.defs = option_defs,
	    .set = set_option,
	    .usage = usage,
	    .program = "smtp-send",
	    .plus = true};
	int first;

	log_open("smtp-send", LOG_TO_STDERR);
	signal(SIGPIPE, SIG_IGN);
	add_own(hostname);
	first = options_parse(&options, argc, argv);
	child_path();
	check_options(argc - first);
	set_hop();
	if (probing)
		exit_code = probe(&hop, &dial, argv + first);
	else
		carry(argv + first);
	url_free(&target);
	hop_free(&hop);
	free(own);
	if (probing && fclose(stdout) != 0)
		log_die(EX_TEMPFAIL, "write stdout: %s", strerror(errno));
	return exit_code;
}
