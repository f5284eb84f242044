/* pop3-fetch: fetches messages by POP3 (RFC 1939) into a maildir, an mbox,
 * stdout or a command. A message counts as fetched only when its end was
 * received; it is durable before its unique-id is in the journal, and both are
 * before the server is told to delete it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector.h"
#include "fetcher.h"
#include "log.h"
#include "options.h"
#include "verdict.h"

static struct fetcher fetcher;

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
    "  --tls WHEN            required (default), or off: log in in clear\n"
    "  --cafile FILE         authorities to trust instead of the system's\n"
    "  --proxy URL           go through a proxy\n"
    "  --password-command CMD, --password-file FILE, --password-fd N\n"
    "                        the password, else ~/.netrc or the terminal\n"
    "  --oauth2-command CMD  a token instead of a password\n"
    "  --timeout TIME        of silence (5m)\n"
    "  -q, --quiet           no summary\n"
    "  -v, --verbose         show the dialogue\n"
    "  --config FILE, -h, --help, -V, --version\n"
    "\n"
    "COMMAND gets each message on its standard input; exit 0 takes it.\n";

static const struct option_def options[] = {
    FETCHER_OPTIONS,
    {NULL, 0, false},
};

static struct collector collector;

static int
set(int key, const char *value, char *why, size_t size)
{
	return fetcher_option(&fetcher, key, value, why, size);
}

static void
collect(struct dial *d, struct seen *seen)
{
	struct collector *c = &collector;

	c->wire.line.dial = d;
	c->wire.line.timeout = fetcher.dialing.timeout;
	c->wire.line.verbose = fetcher.dialing.verbose;
	c->sink = &fetcher.sink;
	c->seen = seen;
	c->deletes = fetcher.deletes;
	c->progress = fetcher_shows(&fetcher);
	collector_run(c);
	fetcher.status = c->status;
}

static void
summarize(const char *journal)
{
	const struct collector *c = &collector;

	if (fetcher.quiet || fetcher.status)
		return;
	if (c->seen)
		fprintf(stderr,
		    "pop3-fetch: %zu new, %zu already fetched (journal %s)\n",
		    c->fetched, c->had, journal);
	else
		fprintf(stderr, "pop3-fetch: %zu fetched\n", c->fetched);
}

static void
compact(const char *journal)
{
	const struct collector *c = &collector;

	if (c->seen && !c->status && c->listing.n && seen_compact(c->seen) < 0)
		log_error("compact %s: %s", journal, strerror(errno));
}

static void
work(struct url *target)
{
	char *journal;
	struct seen *seen =
	    fetcher_journal(&fetcher, SEEN_TOKENS, target->name, &journal);
	struct dial *d = seen ? fetcher_dial(&fetcher, target) : NULL;

	if (d)
		collect(d, seen);
	summarize(journal);
	compact(journal);
	fetcher_close(&fetcher, seen, journal);
	fetcher_end(&fetcher);
	collector_free(&collector);
	free(journal);
}

int
main(int argc, char *argv[])
{
	const struct options o = {.defs = options,
	    .set = set,
	    .usage = usage,
	    .program = "pop3-fetch"};
	struct url target = {0};
	int first;

	log_open("pop3-fetch", LOG_TO_STDERR);
	first = options_parse(&o, argc, argv);
	fetcher_usage(&fetcher, argc, argv, first);
	fetcher_url(&fetcher, &target, "pop3", argv[first]);
	fetcher_start();
	if (fetcher_open(&fetcher) == 0)
		work(&target);
	url_free(&target);
	return fetcher.status;
}
