/* pop3-fetch: fetches messages by POP3 (RFC 1939) into a maildir, an mbox,
 * stdout or a command. A message counts as fetched only when its end was
 * received; it is durable before its unique-id is in the journal, and both are
 * before the server is told to delete it. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "atomic.h"
#include "child.h"
#include "collector.h"
#include "dial.h"
#include "log.h"
#include "options.h"
#include "seen.h"
#include "sink.h"
#include "verdict.h"

static struct dial_options dialing;
static struct sink sink;
static unsigned sinks; /* named on the command line */
static bool deletes, keeps, quiet;

static const char usage[] =
    "usage: pop3-fetch [--keep | --delete] [-o DIR | --mbox FILE | --stdout] "
    "URL\n"
    "       pop3-fetch [--keep | --delete] URL -- COMMAND [ARG...]\n"
    "Fetch mail from pop3://USER@HOST[:PORT]/ or pop3s://...\n"
    "\n"
    "  -o, --maildir DIR     into a maildir, made if its parent exists\n"
    "  --mbox FILE           append to an mbox\n"
    "  --stdout              as an mbox stream\n"
    "  --keep                leave messages on the server (default)\n"
    "  --delete              delete there what is safely here\n"
    "  --tls WHEN            required (default), opportunistic, or off\n"
    "  --cafile FILE         authorities to trust instead of the system's\n"
    "  --proxy URL           go through a proxy\n"
    "  --password-command CMD, --password-file FILE, --password-fd N\n"
    "                        the password, else ~/.netrc or the terminal\n"
    "  --timeout TIME        of silence (5m)\n"
    "  -q, --quiet           no summary\n"
    "  -v, --verbose         show the dialogue\n"
    "  --config FILE, -h, --help, -V, --version\n"
    "\n"
    "COMMAND gets each message on its standard input; exit 0 takes it.\n";

enum { MBOX = 0x300, STDOUT, KEEP, DELETE };

static const struct option_def options[] = {
    {"maildir", 'o', true},
    {"mbox", MBOX, true},
    {"stdout", STDOUT, false},
    {"keep", KEEP, false},
    {"delete", DELETE, false},
    {"quiet", 'q', false},
    DIAL_OPTIONS,
    {NULL, 0, false},
};

static struct collector collector;

static void
set_sink(enum sink_kind kind, const char *path)
{
	sink.kind = kind;
	sink.path = path;
	sinks++;
}

static int
set(int key, const char *value, char *why, size_t size)
{
	switch (key) {
	case 'o':
		set_sink(SINK_MAILDIR, value);
		return 0;
	case MBOX:
		set_sink(SINK_MBOX, value);
		return 0;
	case STDOUT:
		set_sink(SINK_STDOUT, NULL);
		return 0;
	case KEEP:
		keeps = true;
		return 0;
	case DELETE:
		deletes = true;
		return 0;
	case 'q':
		quiet = true;
		return 0;
	default:
		return dial_option(&dialing, key, value, why, size);
	}
}

static bool
is_there(const char *name, void *arg)
{
	return sink_has(arg, name);
}

static char *
open_journal(struct seen **seen, const char *source)
{
	char *name = sink_name(&sink), *path;

	if (!name)
		log_die(EX_TEMPFAIL, "open %s: %s", sink.path, strerror(errno));
	*seen = seen_open(source, name, &path);
	free(name);
	if (!*seen && errno == EAGAIN)
		log_die(
		    EX_TEMPFAIL, "journal %s: another fetcher has it", path);
	if (!*seen || seen_settle(*seen, is_there, &sink) < 0)
		log_die(EX_TEMPFAIL, "journal %s: %s",
		    path ? path : "(no HOME)",
		    errno == EBADMSG ? "it is none" : strerror(errno));
	return path;
}

/* A login that is refused for now: RFC 2449 8, RFC 3206. */
static int
refused(const struct reply *why)
{
	static const char *const codes[] = {
	    "-ERR [IN-USE]", "-ERR [LOGIN-DELAY]", "-ERR [SYS/TEMP]"};

	if (strncmp(why->text, "+ ", 2) == 0)
		return EX_NOPERM; /* a token, in a challenge */
	if (strncmp(why->text, "-ERR", 4) != 0)
		return EX_TEMPFAIL;
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		if (strncmp(why->text, codes[i], strlen(codes[i])) == 0)
			return EX_TEMPFAIL;
	return EX_NOPERM;
}

static struct dial *
dial(struct url *t)
{
	struct reply why;
	int code;
	struct dial *d = dial_open(t, &dialing, &why, &code);

	if (d)
		return d;
	log_error("connect %s: %s", t->name, why.text);
	collector.status = code == EX_TEMPFAIL ? refused(&why) : code;
	return NULL;
}

static void
collect(struct dial *d, struct seen *seen)
{
	struct collector *c = &collector;

	c->wire.dial = d;
	c->wire.timeout = dialing.timeout;
	c->wire.verbose = dialing.verbose;
	c->sink = &sink;
	c->seen = seen;
	c->deletes = deletes;
	c->progress = isatty(STDERR_FILENO) && !quiet && !dialing.verbose;
	collector_run(c);
}

static void
summarize(const char *journal)
{
	const struct collector *c = &collector;

	if (quiet || c->status)
		return;
	if (c->seen)
		fprintf(stderr,
		    "pop3-fetch: %zu new, %zu already fetched (journal %s)\n",
		    c->fetched, c->had, journal);
	else
		fprintf(stderr, "pop3-fetch: %zu fetched\n", c->fetched);
}

static void
finish(struct seen *seen, const char *journal)
{
	struct collector *c = &collector;

	if (c->seen && !c->status && c->listing.n && seen_compact(seen) < 0)
		log_error("compact %s: %s", journal, strerror(errno));
	if (seen_close(seen) < 0) {
		log_error("write %s: %s", journal, strerror(errno));
		collector_failed(c, EX_TEMPFAIL);
	}
	sink_close(&sink);
	if (sink.kind == SINK_STDOUT && close(STDOUT_FILENO) < 0) {
		log_error("write stdout: %s", strerror(errno));
		collector_failed(c, EX_TEMPFAIL);
	}
	collector_free(c);
}

static void
check_usage(int argc, char *argv[], int first)
{
	if (first == argc)
		log_die(EX_USAGE, "no URL; see --help");
	if (first + 1 < argc) {
		if (strcmp(argv[first + 1], "--") != 0 || first + 2 == argc)
			log_die(EX_USAGE,
			    "unexpected `%s': URL comes last, or "
			    "before -- COMMAND",
			    argv[first + 1]);
		set_sink(SINK_COMMAND, NULL);
		sink.command = argv + first + 2;
	}
	if (sinks != 1)
		log_die(EX_USAGE,
		    "one of -o, --mbox, --stdout and -- COMMAND "
		    "is needed");
	if (keeps && deletes)
		log_die(EX_USAGE, "--keep and --delete exclude each other");
	if (deletes && !sink_is_durable(&sink))
		log_die(EX_USAGE,
		    "--delete with --stdout needs stdout to be a "
		    "file: a pipe keeps nothing");
}

int
main(int argc, char *argv[])
{
	const struct options o = {.defs = options,
	    .set = set,
	    .usage = usage,
	    .program = "pop3-fetch"};
	struct url target = {0};
	struct seen *seen;
	struct dial *d;
	char why[512], *journal;
	int first, code;

	log_open("pop3-fetch", LOG_TO_STDERR);
	first = options_parse(&o, argc, argv);
	check_usage(argc, argv, first);
	if (url_parse(
		&target, "pop3", argv[first], dialing.tls, why, sizeof why) < 0)
		log_die(EX_USAGE, "%s", why);
	if (!target.user)
		log_die(EX_USAGE, "`%s' names no user", argv[first]);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	atomic_on_term();
	child_path();
	code = sink_open(&sink);
	if (code)
		log_die(code, "open %s: %s",
		    sink.path ? sink.path : "a temporary file",
		    strerror(errno));
	journal = open_journal(&seen, target.name);
	d = dial(&target);
	if (d)
		collect(d, seen);
	summarize(journal);
	finish(seen, journal);
	url_free(&target);
	free(journal);
	return collector.status;
}
