/* Sends a message from standard input, or the jobs of a batch, to an SMTP
 * relay or an LMTP server. Promises: 0, or `ok', only after a complete 2xx
 * reply to the end of the data; a recipient whose fate a lost connection hides
 * is called unsure; one result for each recipient of a job; never an end of
 * data behind an incomplete message. */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "address.h"
#include "atomic.h"
#include "batch.h"
#include "session.h"
#include "child.h"
#include "dial.h"
#include "envelope.h"
#include "intake.h"
#include "log.h"
#include "options.h"
#include "parse.h"

#define BLOCK 65536

enum { RELAY = 0x100, LMTP, BATCH, HOSTNAME, SIZE, ALLOW_EMPTY };

static struct dial_options dial = {0};
static const char *relay, *lmtp, *sender;
static char hostname[256];
static bool batch, from_header, quiet, sized;
static uint64_t size_wanted;
static struct url target;
static struct session session;
static int exit_code;

static const char usage[] =
    "usage: smtp-send (--relay URL | --lmtp PLACE) [-f SENDER] [-t] RCPT..."
    " < message\n"
    "       smtp-send (--relay URL | --lmtp PLACE) --batch < jobs > results\n"
    "\n"
    "  --relay URL         smtp://[USER@]HOST[:PORT], submission://, smtps://\n"
    "  --lmtp PLACE        absolute path of a socket, or HOST:PORT\n"
    "  -f, --from SENDER   return path; '' or '<>' is the null sender\n"
    "  -t, --recipients-from-header  add the recipients of To, Cc and Bcc\n"
    "  --batch             jobs in, results out (mailpipe-batch(5))\n"
    "  --size N            refuse a message of any other size (75)\n"
    "  --allow-empty       send a message of no octets\n"
    "  --hostname NAME     our name in EHLO\n"
    "  --tls MODE          required, opportunistic or off\n"
    "  --cafile FILE       authorities to trust instead of the system's\n"
    "  --proxy URL         as curl has it\n"
    "  --password-command CMD, --password-file FILE, --password-fd N\n"
    "                      else ~/.netrc, else asked for on the terminal\n"
    "  --timeout TIME      for each wait, lower than the protocol's\n"
    "  --config FILE       long options, one a line\n"
    "  -q, --quiet         say nothing of failed recipients\n"
    "  -v, --verbose       show the dialogue\n"
    "  -h, --help    -V, --version\n";

static const struct option_def option_defs[] = {{"relay", RELAY, true},
    {"lmtp", LMTP, true}, {"from", 'f', true},
    {"recipients-from-header", 't', false}, {"batch", BATCH, false},
    {"size", SIZE, true}, {"allow-empty", ALLOW_EMPTY, false},
    {"hostname", HOSTNAME, true}, {"quiet", 'q', false}, DIAL_OPTIONS,
    {NULL, 0, false}};

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
	case 'f':
		sender = value;
		return 0;
	case 't':
		from_header = true;
		return 0;
	case BATCH:
		batch = true;
		return 0;
	case SIZE:
		sized = true;
		if (parse_number(value, INT64_MAX, &size_wanted) == 0)
			return 0;
		snprintf(why, size, "--size: no number of octets");
		return -1;
	case ALLOW_EMPTY:
		session.allow_empty = true;
		return 0;
	case HOSTNAME:
		return set_hostname(value, why, size);
	case 'q':
		quiet = true;
		return 0;
	}
	return dial_option(&dial, key, value, why, size);
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

static struct {
	struct buf in;
	size_t taken;
	unsigned long long line;
} jobs;

static void
jobs_bad(struct session *c, const char *why)
{
	log_error("read jobs: line %llu: %s", jobs.line + 1, why);
	exit_code = EX_DATAERR;
	c->jobs = -1;
}

static void
jobs_read(struct session *c)
{
	ssize_t n;

	buf_cut(&jobs.in, jobs.taken);
	jobs.taken = 0;
	n = read(STDIN_FILENO, buf_room(&jobs.in, BLOCK), BLOCK);
	if (n > 0) {
		jobs.in.len += (size_t)n;
	} else if (n < 0 && errno != EINTR && errno != EAGAIN) {
		log_error("read jobs: %s", strerror(errno));
		exit_code = EX_TEMPFAIL;
		c->jobs = -1;
	} else if (n == 0) {
		c->jobs = -1;
		if (jobs.in.len)
			jobs_bad(c, "no end of line");
	}
}

/* The next job of what was read, if a whole line is left. */
static void
jobs_take(struct session *c)
{
	size_t left = jobs.in.len - jobs.taken;
	const char *line = jobs.in.data + jobs.taken, *why;
	const char *lf = left ? memchr(line, '\n', left) : NULL;
	size_t n = lf ? (size_t)(lf - line) : left;
	struct batch_job b;

	if (!lf && left > BATCH_LINE)
		jobs_bad(c, "too long");
	if (!lf)
		return;
	char *copy = xrealloc(NULL, n + 1);
	memcpy(copy, line, n);
	if (batch_job_parse(&b, copy, n, &why) < 0) {
		jobs_bad(c, why);
		free(copy);
		return;
	}
	jobs.taken += n + 1;
	jobs.line++;
	session_add(c, &b, copy, -1);
}

static int
write_all(int fd, struct buf *b)
{
	for (size_t at = 0; at < b->len;) {
		ssize_t n = write(fd, b->data + at, b->len - at);
		if (n < 0 && errno != EINTR)
			return -1;
		at += n > 0 ? (size_t)n : 0;
	}
	buf_reset(b);
	return 0;
}

static void
check_message(const struct intake *i)
{
	const char *what;
	uint64_t offset = intake_offense(i, &what);

	if (sized && i->octets != size_wanted)
		log_die(EX_TEMPFAIL, "read message: %llu octets, not %llu",
		    (unsigned long long)i->octets,
		    (unsigned long long)size_wanted);
	if (offset)
		log_die(EX_DATAERR, "read message: %s at octet %llu", what,
		    (unsigned long long)offset - 1);
	if (i->octets == 0 && !session.allow_empty)
		log_die(EX_DATAERR,
		    "read message: no octets (--allow-empty sends it)");
}

/* Standard input to an unlinked file, as it is to be sent. */
static int
copy_message(struct intake *i)
{
	static char block[BLOCK];
	struct buf out = BUF_INIT;
	int fd = atomic_scratch();
	ssize_t n;

	if (fd < 0)
		log_die(
		    EX_TEMPFAIL, "create temporary file: %s", strerror(errno));
	do {
		n = read(STDIN_FILENO, block, BLOCK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			log_die(
			    EX_TEMPFAIL, "read message: %s", strerror(errno));
		if (n > 0)
			intake(i, block, (size_t)n, &out);
		else
			intake_end(i, &out);
		if (write_all(fd, &out) < 0)
			log_die(EX_TEMPFAIL, "write temporary file: %s",
			    strerror(errno));
	} while (n != 0);
	buf_free(&out);
	check_message(i);
	return fd;
}

static void
add_rcpt(struct envelope *e, const char *text)
{
	struct address a;

	if (address_parse(&a, text, strlen(text), ADDRESS_BARE | ADDRESS_UTF8) <
	    0)
		log_die(
		    EX_DATAERR, "read recipient `%s': not an address", text);
	envelope_rcpt(e, text, "");
}

static void
add_header_rcpts(struct envelope *e, struct intake *i)
{
	struct buf *list = i->resent.len ? &i->resent : &i->to;
	struct buf full = BUF_INIT;

	if (i->bad.len)
		log_die(EX_DATAERR, "read header: not an address list: %s",
		    buf_str(&i->bad));
	for (size_t at = 0; at < list->len; at += strlen(list->data + at) + 1) {
		buf_reset(&full);
		envelope_qualify(list->data + at, &full);
		add_rcpt(e, buf_str(&full));
	}
	buf_free(&full);
}

static void
find_sender(struct envelope *e)
{
	struct buf path = BUF_INIT;

	if (sender && envelope_parse_sender(sender, &path) < 0)
		log_die(EX_USAGE, "-f %s: not an address", sender);
	if (!sender && envelope_default_sender(&path) < 0)
		log_die(EX_CONFIG, "sender %s: not an address (-f, $EMAIL)",
		    buf_str(&path));
	envelope_sender(e, buf_str(&path), "");
	buf_free(&path);
}

/* The one job of the single form. */
static void
take_message(char *rcpts[])
{
	static struct envelope e = ENVELOPE_INIT;
	static char name[] = "message";
	struct intake i = {
	    .keep_bcc = getenv("MAIL_ID"), .collect = from_header};
	struct batch_job b = {.id = name, .path = name, .size = UINT64_MAX};
	int fd;

	find_sender(&e);
	for (; *rcpts; rcpts++)
		add_rcpt(&e, *rcpts);
	fd = copy_message(&i);
	if (from_header)
		add_header_rcpts(&e, &i);
	intake_free(&i);
	envelope_unique(&e);
	if (e.n == 0)
		log_die(EX_DATAERR, "read header: no recipients in it");
	b.sender = (struct batch_path){e.sender, e.params};
	b.rcpts = xrealloc(NULL, e.n * sizeof *b.rcpts);
	for (b.n = 0; b.n < e.n; b.n++)
		b.rcpts[b.n] = (struct batch_path){
		    e.rcpts[b.n].address, e.rcpts[b.n].params};
	session_add(&session, &b, NULL, fd);
}

static void
check_options(int operands)
{
	char why[200];

	if (!relay == !lmtp)
		log_die(EX_USAGE,
		    relay ? "--relay and --lmtp: choose one"
			  : "no server: give --relay URL or "
			    "--lmtp PLACE");
	if (batch && (operands || from_header || sender || sized))
		log_die(
		    EX_USAGE, "--batch takes no sender, recipients or size");
	if (!batch && !operands && !from_header)
		log_die(EX_USAGE, "no recipients (-t takes the header's)");
	if (relay &&
	    url_parse(&target, "smtp", relay, dial.tls, why, sizeof why) < 0)
		log_die(EX_USAGE, "--relay %s: %s", relay, why);
	if (lmtp && url_parse_lmtp(&target, lmtp, why, sizeof why) < 0)
		log_die(EX_USAGE, "--lmtp %s: %s", lmtp, why);
	if (!hostname[0] && gethostname(hostname, sizeof hostname - 1) < 0)
		strcpy(hostname, "localhost");
	dial.hostname = hostname;
}

/* Jobs to results, or the message to its recipients. */
static void
carry(char *rcpts[])
{
	session.target = &target;
	session.options = &dial;
	session.lmtp = lmtp != NULL;
	session.results = batch ? STDOUT_FILENO : -1;
	session.jobs = batch ? STDIN_FILENO : -1;
	session.take = jobs_take;
	session.more = jobs_read;
	session.report = batch ? report_result : report_failure;
	if (!batch)
		take_message(rcpts);
	if (session_run(&session) < 0)
		log_die(EX_TEMPFAIL, "write results: the reader is gone");
	if (!batch && session.fault)
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
	first = options_parse(&options, argc, argv);
	child_path();
	check_options(argc - first);
	carry(argv + first);
	url_free(&target);
	buf_free(&jobs.in);
	return exit_code;
}
