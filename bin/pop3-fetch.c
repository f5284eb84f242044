/* pop3-fetch: fetches messages by POP3 (RFC 1939) into a maildir, an mbox,
 * stdout or a command. A message counts as fetched only when its end was
 * received; it is durable before its unique-id is in the journal, and both are
 * before the server is told to delete it. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "atomic.h"
#include "buf.h"
#include "child.h"
#include "conn.h"
#include "dial.h"
#include "hash.h"
#include "log.h"
#include "options.h"
#include "pop3.h"
#include "reply.h"
#include "seen.h"
#include "sink.h"
#include "verdict.h"

#define INPUT 65536
#define REPLY_SECONDS 300
#define SLOWEST 1024 /* octets that must come within one time-out */

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

/* One message of the server's listing. */
struct item {
	uint32_t number;
	char *uid; /* for the journal; NULL where the server gives none */
	bool shared, wanted;
};

struct fetch {
	struct dial *dial;
	struct pop3 pop;
	char in[INPUT];
	size_t start, end;
	int64_t deadline;
	size_t credit; /* octets since the deadline was set */

	struct seen *seen; /* NULL: no unique-ids */
	struct item *items;
	size_t n, cap;
	size_t next; /* item to ask for */
	size_t wanted, fetched, had;
	struct item *current;
	struct item *committed[SINK_BATCH];
	const char *names[SINK_BATCH];
	size_t n_committed;
	uint32_t *doomed; /* numbers to delete */
	size_t n_doomed, next_doomed;
	int status;
};

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

/* Any permanent failure shows only where nothing temporary did. */
static void
note_failure(struct fetch *f, int code)
{
	if (verdict_of_exit(code) == PERM)
		code = EX_UNAVAILABLE;
	if (!f->status || verdict_of_exit(f->status) == PERM)
		f->status = code;
}

/* --- the connection --- */
static void
show(const char *side, const char *s, size_t n)
{
	char text[512];

	if (!dialing.verbose)
		return;
	reply_escape(s, n, text, sizeof text);
	fprintf(stderr, "%s%s\n", side, text);
}

static void
restart_clock(struct fetch *f)
{
	unsigned seconds = dialing.timeout ? dialing.timeout : REPLY_SECONDS;

	f->deadline = conn_now() + (int64_t)seconds * 1000;
	f->credit = 0;
}

static int
send_commands(struct fetch *f)
{
	struct buf *out = &f->pop.out;
	ssize_t n;

	while (out->len) {
		n = dial_send(f->dial, out->data, out->len);
		if (n < 0)
			return errno == EAGAIN ? 0 : -1;
		pop3_sent(&f->pop, (size_t)n);
	}
	return 0;
}

/* Sends what waits and receives something. 1, 0 at the end, -1 with errno. */
static int
exchange(struct fetch *f)
{
	int64_t left;
	ssize_t n;

	for (;;) {
		if (send_commands(f) < 0)
			return -1;
		n = dial_recv(f->dial, f->in, sizeof f->in);
		if (n >= 0 || errno != EAGAIN)
			break;
		left = f->deadline - conn_now();
		if (left <= 0 ||
		    dial_wait(f->dial,
			f->pop.out.len ? POLLIN | POLLOUT : POLLIN,
			(int)left) == 0) {
			errno = ETIMEDOUT;
			return -1;
		}
	}
	f->start = 0;
	f->end = n > 0 ? (size_t)n : 0;
	f->credit += f->end;
	if (f->credit >= SLOWEST)
		restart_clock(f);
	return n > 0 ? 1 : (int)n;
}

/* The next event, or -1 when the connection is of no more use: status says
 * how it ended. */
static int
next_event(struct fetch *f)
{
	enum pop3_event event;
	size_t taken;
	int r;

	for (;;) {
		event = pop3_read(
		    &f->pop, f->in + f->start, f->end - f->start, &taken);
		f->start += taken;
		if (event == POP3_OK)
			show("< +OK ", f->pop.text, f->pop.text_len);
		else if (event == POP3_ERR)
			show("< -ERR ", f->pop.text, f->pop.text_len);
		if (event == POP3_OK || event == POP3_ERR || event == POP3_END)
			restart_clock(f);
		if (event == POP3_BROKEN) {
			log_error("server: %s", f->pop.text);
			note_failure(f, EX_PROTOCOL);
			return -1;
		}
		if (event != POP3_MORE)
			return (int)event;
		r = exchange(f);
		if (r > 0)
			continue;
		log_error("connection: %s",
		    r ? strerror(errno) : "closed by the server");
		note_failure(f, EX_TEMPFAIL);
		return -1;
	}
}

static void
ask(struct fetch *f, enum pop3_verb verb, uint32_t number)
{
	size_t at = f->pop.out.len;

	pop3_ask(&f->pop, verb, number);
	show("> ", f->pop.out.data + at, f->pop.out.len - at - 2);
	if (pop3_waiting(&f->pop) == 1)
		restart_clock(f);
}

/* --- what is there --- */
static void
add_item(struct fetch *f, bool has_uids)
{
	struct item *i;
	char hash[HASH_HEX];

	if (f->n == f->cap) {
		f->cap = f->cap ? f->cap * 2 : 64;
		f->items = xrealloc(f->items, f->cap * sizeof *f->items);
	}
	i = &f->items[f->n++];
	*i = (struct item){.number = f->pop.item};
	if (!has_uids || !f->pop.text_len)
		return;
	if (pop3_is_uid(f->pop.text, f->pop.text_len)) {
		i->uid = xstrdup(f->pop.text);
		return;
	}
	hash_hex(f->pop.text, f->pop.text_len, hash);
	i->uid = xstrdup(hash);
}

/* A whole listing. 0; 1 when the server refuses it; -1 at the end. */
static int
read_listing(struct fetch *f, enum pop3_verb verb)
{
	int event;

	ask(f, verb, 0);
	while ((event = next_event(f)) >= 0 && event != POP3_END) {
		if (event == POP3_ERR)
			return 1;
		if (event == POP3_ITEM)
			add_item(f, verb == POP3_UIDL);
	}
	return event < 0 ? -1 : 0;
}

static int
list(struct fetch *f)
{
	int r = read_listing(f, POP3_CAPA);

	if (r >= 0)
		r = read_listing(f, POP3_UIDL);
	if (r <= 0)
		return r;
	if (!deletes) {
		log_error("server has no UIDL, so that what is new cannot be "
			  "told from what is not; --delete works");
		note_failure(f, EX_UNAVAILABLE);
		return -1;
	}
	if (seen_close(f->seen) < 0)
		log_error("write the journal: %s", strerror(errno));
	f->seen = NULL;
	r = read_listing(f, POP3_LIST);
	if (r <= 0)
		return r;
	log_error("LIST: %s", f->pop.text);
	note_failure(f, EX_TEMPFAIL);
	return -1;
}

static int
by_uid(const void *a, const void *b)
{
	const struct item *x = *(struct item *const *)a;
	const struct item *y = *(struct item *const *)b;

	if (!x->uid || !y->uid)
		return (x->uid != NULL) - (y->uid != NULL);
	return strcmp(x->uid, y->uid);
}

/* Copies may share a unique-id (RFC 1939 7), and careless servers let other
 * messages do so. */
static void
find_shared(struct fetch *f)
{
	struct item **sorted = xrealloc(NULL, (f->n + 1) * sizeof *sorted);

	for (size_t i = 0; i < f->n; i++)
		sorted[i] = &f->items[i];
	qsort(sorted, f->n, sizeof *sorted, by_uid);
	for (size_t i = 1; i < f->n; i++)
		if (sorted[i]->uid && by_uid(&sorted[i - 1], &sorted[i]) == 0)
			sorted[i - 1]->shared = sorted[i]->shared = true;
	free(sorted);
}

/* What is in the journal is not fetched again; it is deleted on sight, unless
 * its unique-id may mean another message. */
static void
choose(struct fetch *f)
{
	f->doomed = xrealloc(NULL, (f->n + 1) * sizeof *f->doomed);
	find_shared(f);
	for (struct item *i = f->items; i < f->items + f->n; i++) {
		bool known = f->seen && i->uid &&
		    seen_has(f->seen, i->uid, strlen(i->uid));

		if (f->seen && !i->uid && !deletes) {
			log_error("message %u: the server gives no unique-id; "
				  "--delete fetches it",
			    i->number);
			note_failure(f, EX_UNAVAILABLE);
		} else if (!known || (deletes && i->shared)) {
			i->wanted = true;
			f->wanted++;
		} else {
			f->had++;
			if (deletes)
				f->doomed[f->n_doomed++] = i->number;
		}
	}
}

/* --- fetching --- */
static void
show_progress(const struct fetch *f, bool last)
{
	static int shown = -1;

	if (shown < 0)
		shown = isatty(STDERR_FILENO) && !quiet && !dialing.verbose;
	if (shown)
		fprintf(stderr, last ? "\r\033[K" : "\r%zu of %zu", f->fetched,
		    f->wanted);
}

static int
sink_failed(struct fetch *f, const char *action, int code)
{
	log_error("%s %s: %s", action, sink.path ? sink.path : "message",
	    strerror(errno));
	note_failure(f, code);
	return -1;
}

static int
note_committed(struct fetch *f)
{
	for (size_t i = 0; f->seen && i < f->n_committed; i++) {
		const char *uid = f->committed[i]->uid;

		if (uid && seen_add(f->seen, uid, strlen(uid), f->names[i]) < 0)
			return -1;
	}
	return f->seen ? seen_sync(f->seen) : 0;
}

/* The barrier: contents, journal, names; then what may be deleted. The journal
 * knows the file names before they are there, so that a run that is killed in
 * between fetches nothing twice. */
static int
settle(struct fetch *f)
{
	int code;

	if (!f->n_committed)
		return 0;
	code = sink_sync(&sink);
	if (code)
		return sink_failed(f, "sync", code);
	if (note_committed(f) < 0) {
		log_error("write the journal: %s", strerror(errno));
		note_failure(f, EX_TEMPFAIL);
		return -1;
	}
	code = sink_publish(&sink);
	if (code)
		return sink_failed(f, "link into", code);
	if (f->seen)
		seen_confirm(f->seen);
	for (size_t i = 0; deletes && i < f->n_committed; i++)
		f->doomed[f->n_doomed++] = f->committed[i]->number;
	f->fetched += f->n_committed;
	f->n_committed = 0;
	show_progress(f, false);
	return 0;
}

static int
commit(struct fetch *f)
{
	const char *name;
	int code = sink_commit(&sink, &name);

	if (code && errno)
		return sink_failed(f, "write", code);
	if (code) {
		log_error("message %u: %s: exit %d", f->pop.number,
		    sink.command[0], code);
		note_failure(f, code);
		return 0;
	}
	f->names[f->n_committed] = name;
	f->committed[f->n_committed++] = f->current;
	return f->n_committed == sink_batch(&sink) ? settle(f) : 0;
}

static struct item *
find_item(struct fetch *f, uint32_t number)
{
	size_t low = 0, high = f->n;

	while (high - low > 1) {
		size_t middle = (low + high) / 2;

		if (f->items[middle].number <= number)
			low = middle;
		else
			high = middle;
	}
	return &f->items[low];
}

static int
on_message(struct fetch *f, int event)
{
	int code;

	switch (event) {
	case POP3_OK:
		f->current = find_item(f, f->pop.number);
		code = sink_begin(&sink);
		break;
	case POP3_DATA:
		code = sink_write(&sink, f->pop.data.data, f->pop.data.len);
		break;
	default:
		return commit(f);
	}
	return code ? sink_failed(f, "write", code) : 0;
}

/* Keeps the server busy: DELE first, then RETR, as far as the window goes. */
static void
ask_more(struct fetch *f)
{
	size_t window = f->pop.has_pipelining ? POP3_WINDOW : 1;

	if (pop3_waiting(&f->pop) > window / 2)
		return;
	while (pop3_waiting(&f->pop) < window) {
		if (f->next_doomed < f->n_doomed) {
			ask(f, POP3_DELE, f->doomed[f->next_doomed++]);
			continue;
		}
		while (f->next < f->n && !f->items[f->next].wanted)
			f->next++;
		if (f->next == f->n)
			return;
		ask(f, POP3_RETR, f->items[f->next++].number);
	}
}

/* 0 when all is answered, else -1. */
static int
fetch_all(struct fetch *f)
{
	int event;

	for (;;) {
		ask_more(f);
		if (!pop3_waiting(&f->pop)) {
			if (settle(f) < 0)
				return -1;
			if (f->next_doomed == f->n_doomed)
				return 0;
			continue;
		}
		event = next_event(f);
		if (event < 0)
			return -1;
		if (event == POP3_ERR) {
			log_error("message %u: %s: %s", f->pop.number,
			    f->pop.verb == POP3_RETR ? "RETR" : "DELE",
			    f->pop.text);
			note_failure(f, EX_TEMPFAIL);
		} else if (f->pop.verb == POP3_RETR && on_message(f, event) < 0)
			return -1;
	}
}

/* The server deletes at QUIT: until it has said so, that is not known. */
static void
quit(struct fetch *f)
{
	int status = f->status, event;

	ask(f, POP3_QUIT, 0);
	event = next_event(f);
	if (event == POP3_ERR && deletes) {
		log_error("QUIT: %s", f->pop.text);
		note_failure(f, EX_TEMPFAIL);
	} else if (!f->n_doomed)
		f->status = status;
}

static void
converse(struct fetch *f)
{
	if (list(f) < 0)
		return;
	choose(f);
	if (fetch_all(f) == 0)
		quit(f);
	else {
		sink_abort(&sink);
		settle(f); /* what came whole before that is kept */
	}
	show_progress(f, true);
}

/* --- beginning and end --- */
static bool
is_there(const char *name, void *arg)
{
	return sink_has(arg, name);
}

static char *
open_journal(struct fetch *f, const char *source)
{
	char *name = sink_name(&sink), *path;

	if (!name)
		log_die(EX_TEMPFAIL, "open %s: %s", sink.path, strerror(errno));
	f->seen = seen_open(source, name, &path);
	if (!f->seen && errno == EAGAIN)
		log_die(
		    EX_TEMPFAIL, "journal %s: another fetcher has it", path);
	if (!f->seen || seen_settle(f->seen, is_there, &sink) < 0)
		log_die(EX_TEMPFAIL, "journal %s: %s",
		    path ? path : "(no HOME)",
		    errno == EBADMSG ? "it is none" : strerror(errno));
	free(name);
	return path;
}

/* A login that is refused for now: RFC 2449 8, RFC 3206. */
static int
refused(const struct reply *why)
{
	static const char *const codes[] = {
	    "-ERR [IN-USE]", "-ERR [LOGIN-DELAY]", "-ERR [SYS/TEMP]"};

	if (strncmp(why->text, "-ERR", 4) != 0)
		return EX_TEMPFAIL;
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		if (strncmp(why->text, codes[i], strlen(codes[i])) == 0)
			return EX_TEMPFAIL;
	return EX_NOPERM;
}

static void
dial(struct fetch *f, struct url *t)
{
	struct reply why;
	int code;

	f->dial = dial_open(t, &dialing, &why, &code);
	if (f->dial)
		return;
	note_failure(f, code);
	if (code == EX_TEMPFAIL)
		f->status = refused(&why);
	log_error("connect %s: %s", t->name, why.text);
}

static void
finish(struct fetch *f, const char *journal)
{
	if (f->seen && !f->status && f->n && seen_compact(f->seen) < 0)
		log_error("compact %s: %s", journal, strerror(errno));
	if (f->seen && seen_close(f->seen) < 0) {
		log_error("write %s: %s", journal, strerror(errno));
		note_failure(f, EX_TEMPFAIL);
	}
	sink_close(&sink);
	if (sink.kind == SINK_STDOUT && close(STDOUT_FILENO) < 0) {
		log_error("write stdout: %s", strerror(errno));
		note_failure(f, EX_TEMPFAIL);
	}
	dial_close(f->dial);
	pop3_free(&f->pop);
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
	static struct fetch f;
	const struct options o = {.defs = options,
	    .set = set,
	    .usage = usage,
	    .program = "pop3-fetch"};
	struct url target = {0};
	char why[512], *journal;
	int first;

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
	f.status = sink_open(&sink);
	if (f.status)
		log_die(f.status, "open %s: %s",
		    sink.path ? sink.path : "a temporary file",
		    strerror(errno));
	journal = open_journal(&f, target.name);
	dial(&f, &target);
	if (f.dial)
		converse(&f);
	if (!quiet && !f.status && f.seen)
		fprintf(stderr,
		    "pop3-fetch: %zu new, %zu already fetched (journal %s)\n",
		    f.fetched, f.had, journal);
	else if (!quiet && !f.status)
		fprintf(stderr, "pop3-fetch: %zu fetched\n", f.fetched);
	finish(&f, journal);
	url_free(&target);
	free(journal);
	return f.status;
}
