/* imap-fetch: fetches messages by IMAP (RFC 3501, 9051) into maildirs, an
 * mbox, stdout or a command. A message counts as fetched only when its end and
 * its UID were received; it is durable before that is in the folder's journal,
 * and both are before the server is told to delete it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fetcher.h"
#include "folders.h"
#include "imapwire.h"
#include "log.h"
#include "mutf7.h"
#include "options.h"
#include "retrieval.h"
#include "verdict.h"

static struct fetcher fetcher;
static struct imapwire wire;
static struct folders folders;
static bool all, rebuild;
static size_t fetched, had;

static const char usage[] =
    "usage: imap-fetch [--all | --folder NAME]... [-o DIR | --mbox FILE |\n"
    "           --stdout] URL, or with URL -- COMMAND [ARG...] at the end\n"
    "Fetch mail from imap://USER@HOST[:PORT]/[FOLDER] or imaps://...\n"
    "\n"
    "  --all, --folder NAME  all folders, or these: INBOX to DIR, X to DIR/.X\n"
    "  -o, --maildir DIR     into a maildir, made if its parent exists\n"
    "  --mbox FILE, --stdout append to an mbox, or write such a stream\n"
    "  --keep                leave messages on the server (default)\n"
    "  --delete              delete there what is safely here\n"
    "  --rebuild             the journal from the maildir's file names\n"
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
    "COMMAND gets each message on its standard input; exit 0 takes it.\n";

enum { ALL = 0x400, FOLDER, REBUILD };

static const struct option_def options[] = {
    {"all", ALL, false},
    {"folder", FOLDER, true},
    {"rebuild", REBUILD, false},
    FETCHER_OPTIONS,
    {NULL, 0, false},
};

static int
add_folder(const char *name)
{
	struct buf b = BUF_INIT;
	int r = mutf7_encode(name, strlen(name), &b);

	if (r == 0 && b.len)
		folders_add(&folders, b.data, b.len, 0);
	r = r < 0 || !b.len ? -1 : 0;
	buf_free(&b);
	return r;
}

static int
set(int key, const char *value, char *why, size_t size)
{
	switch (key) {
	case ALL:
		all = true;
		return 0;
	case FOLDER:
		if (add_folder(value) == 0)
			return 0;
		snprintf(why, size, "`%s' is no name in UTF-8", value);
		return -1;
	case REBUILD:
		rebuild = true;
		return 0;
	default:
		return fetcher_option(&fetcher, key, value, why, size);
	}
}

/* The one folder that the URL names needs no listing and is the sink. */
static bool
set_folders(const struct url *t)
{
	size_t n = strlen(t->path);

	if (all && folders.n)
		log_die(EX_USAGE, "--all and --folder exclude each other");
	if (n && t->path[n - 1] == '/')
		t->path[n - 1] = 0;
	if (*t->path && (all || folders.n))
		log_die(EX_USAGE, "the URL names a folder, and so does %s",
		    all ? "--all" : "--folder");
	if (rebuild && fetcher.sink.kind != SINK_MAILDIR)
		log_die(EX_USAGE, "--rebuild needs a maildir (-o)");
	if (all || folders.n)
		return false;
	if (add_folder(*t->path ? t->path : "INBOX") < 0)
		log_die(EX_USAGE, "`%s' is no name in UTF-8", t->path);
	return true;
}

/* --- the work --- */
/* 0; -1 when the connection is of no more use. */
static int
run(const struct folders_entry *e, struct seen *seen, const char *journal)
{
	struct retrieval t = {.folder = {.wire = &wire,
				  .sink = &fetcher.sink,
				  .seen = seen,
				  .name = e->shown,
				  .quoted = e->quoted,
				  .deletes = fetcher.deletes,
				  .rebuild = rebuild},
	    .progress = fetcher_shows(&fetcher)};
	int r = 0;

	if (folder_is_done(&t.folder, &e->counts))
		t.had = e->counts.messages;
	else
		r = retrieval_run(&t);
	if (!t.folder.status && seen_compact(seen) < 0)
		log_error("compact %s: %s", journal, strerror(errno));
	fetched += t.fetched;
	had += t.had;
	fetcher.status = verdict_worst(fetcher.status, t.folder.status);
	retrieval_free(&t);
	return r;
}

static struct seen *
open_journal(const struct url *t, const struct folders_entry *e, char **path)
{
	struct buf source = BUF_INIT;
	struct seen *seen;

	buf_addf(&source, "%s/%s", t->name, e->name);
	seen = fetcher_journal(&fetcher, SEEN_NUMBERS, buf_str(&source), path);
	buf_free(&source);
	return seen;
}

static void
failed(const char *what, const char *why, int code)
{
	log_error("%s: %s", what, why);
	fetcher.status = verdict_worst(fetcher.status, code);
}

/* Into a maildir of its own, or all into one mbox, stream or command. */
static int
fetch_into(const struct url *t, const struct folders_entry *e, const char *base)
{
	struct buf dir = BUF_INIT;
	char *journal = NULL;
	struct seen *seen;
	int r = 0;

	if (base) {
		buf_addf(&dir, *e->disk ? "%s/%s" : "%s", base, e->disk);
		fetcher.sink.path = buf_str(&dir);
	}
	if (fetcher_open(&fetcher) == 0) {
		seen = open_journal(t, e, &journal);
		if (seen)
			r = run(e, seen, journal);
		fetcher_close(&fetcher, seen, journal);
	}
	free(journal);
	buf_free(&dir);
	return r;
}

static int
fetch_several(const struct url *t)
{
	bool maildir = fetcher.sink.kind == SINK_MAILDIR;
	const char *base = maildir ? fetcher.sink.path : NULL;
	int code, r = 0;

	if (folders_list(&folders, &wire, all, &code) < 0) {
		failed(t->name, wire.why, code);
		return -1;
	}
	folders_place(&folders);
	for (size_t i = 0; i < folders.n && r == 0; i++) {
		const struct folders_entry *e = &folders.list[i];

		if (e->again)
			continue;
		if (!e->quoted)
			failed(e->shown, "a name that cannot be asked for",
			    EX_UNAVAILABLE);
		else if (maildir && e->clash)
			failed(e->shown,
			    "its maildir is that of another folder",
			    EX_UNAVAILABLE);
		else
			r = fetch_into(t, e, base);
	}
	return r;
}

static void
summarize(const char *journal)
{
	if (fetcher.quiet || fetcher.status)
		return;
	fprintf(
	    stderr, "imap-fetch: %zu new, %zu already fetched ", fetched, had);
	if (journal)
		fprintf(stderr, "(journal %s)\n", journal);
	else
		fprintf(stderr, "(%zu folders)\n", folders.n);
}

/* Once nothing is left to be done, the server's farewell does not matter. */
static void
leave(void)
{
	int code;

	imapwire_ask(&wire, IMAP_LOGOUT, 0, NULL);
	while (imap_waiting(&wire.imap) && imapwire_next(&wire, &code) >= 0)
		;
}

/* Begins with CAPABILITY; the answer is awaited with that to the next. */
static bool
connect_to(struct url *t)
{
	wire.line.dial = fetcher_dial(&fetcher, t);
	wire.line.timeout = fetcher.dialing.timeout;
	wire.line.verbose = fetcher.dialing.verbose;
	imapwire_ask(&wire, IMAP_CAPABILITY, 0, NULL);
	return wire.line.dial;
}

static void
work_on_one(struct url *t)
{
	char *journal;
	struct seen *seen;

	if (fetcher_open(&fetcher) != 0)
		return;
	seen = open_journal(t, folders.list, &journal);
	if (seen && connect_to(t) && run(folders.list, seen, journal) == 0)
		leave();
	summarize(journal);
	fetcher_close(&fetcher, seen, journal);
	free(journal);
}

static void
work_on_several(struct url *t)
{
	if (fetcher_open(&fetcher) != 0)
		return;
	fetcher_close(&fetcher, NULL, NULL);
	if (connect_to(t) && fetch_several(t) == 0)
		leave();
	summarize(NULL);
}

int
main(int argc, char *argv[])
{
	const struct options o = {.defs = options,
	    .set = set,
	    .usage = usage,
	    .program = "imap-fetch"};
	struct url target = {0};
	bool one;
	int first;

	log_open("imap-fetch", LOG_TO_STDERR);
	first = options_parse(&o, argc, argv);
	fetcher_usage(&fetcher, argc, argv, first);
	fetcher_url(&fetcher, &target, "imap", argv[first]);
	one = set_folders(&target);
	fetcher_start();
	if (one)
		work_on_one(&target);
	else
		work_on_several(&target);
	imapwire_close(&wire);
	fetcher_end(&fetcher);
	folders_free(&folders);
	url_free(&target);
	return fetcher.status;
}
