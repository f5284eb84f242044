/* mbox-deliver: reads one message on stdin and puts it into a maildir, an mbox
 * or the mailboxes that a table gives its recipients. Line ends become LF, all
 * else stays byte for byte; with an envelope Return-Path and Delivered-To come
 * on top. Exit 0 promises that every copy is on the disk under its name; any
 * other status that nothing is (mailpipe-mailboxes(5) tells the rest). On
 * stdout, if anything, one line: the SMTP reply that explains the status. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "address.h"
#include "atomic.h"
#include "buf.h"
#include "child.h"
#include "crlf.h"
#include "deliver.h"
#include "envelope.h"
#include "log.h"
#include "mailboxes.h"
#include "options.h"
#include "parse.h"
#include "verdict.h"

#define BLOCK 65536

static const char usage[] =
    "usage: mbox-deliver [-f SENDER] -o MAILDIR [-- RCPT...] < message\n"
    "       mbox-deliver [-f SENDER] --mbox FILE [-- RCPT...] < message\n"
    "       mbox-deliver [-f SENDER] --mailboxes FILE [--local DOMAIN]... "
    "-- RCPT...\n"
    "Delivers the message on stdin.\n"
    "\n"
    "  -f, --from SENDER    envelope sender, without <>; '' is the null "
    "sender\n"
    "  -o, --maildir DIR    deliver into this maildir\n"
    "      --mbox FILE      append to this mbox (mboxrd form)\n"
    "      --mailboxes FILE look recipients up in this table\n"
    "      --local DOMAIN   a domain served here (default: all)\n"
    "      --size N         refuse a message of any other size (75)\n"
    "      --allow-empty    accept a message of no octets\n"
    "  -d, --dir SPOOL      where forwards are queued\n"
    "      --log TARGET     log deliveries: stderr, syslog or none (default)\n"
    "      --config FILE    read long options from FILE\n"
    "  -h, --help   -V, --version\n"
    "\n"
    "Exit status: 0 delivered, 65 bad message or address, 67 no such user,\n"
    "69 mail loop, 77 foreign domain, 75 try again, 64 and 78 misuse.\n";

enum { MBOX = 256, MAILBOXES, LOCAL, SIZE, EMPTY, LOG };

static const struct option_def defs[] = {{"from", 'f', true},
    {"maildir", 'o', true}, {"mbox", MBOX, true},
    {"mailboxes", MAILBOXES, true}, {"local", LOCAL, true},
    {"size", SIZE, true}, {"allow-empty", EMPTY, false}, {"dir", 'd', true},
    {"log", LOG, true}, {NULL, 0, false}};

static const char *from, *maildir, *mbox, *table, *spool;
static const char **locals;
static size_t local_count;
static bool sized, allow_empty;
static uint64_t size;
static enum log_target target = LOG_TO_NOWHERE;

static void
add_local(const char *domain)
{
	locals = xrealloc(locals, (local_count + 2) * sizeof(*locals));
	locals[local_count++] = domain;
	locals[local_count] = NULL;
}

static int
set(int key, const char *value, char *why, size_t room)
{
	switch (key) {
	case 'f':
		from = value;
		break;
	case 'o':
		maildir = value;
		break;
	case MBOX:
		mbox = value;
		break;
	case MAILBOXES:
		table = value;
		break;
	case LOCAL:
		add_local(value);
		break;
	case SIZE:
		sized = true;
		if (parse_number(value, INT64_MAX, &size) != 0) {
			snprintf(why, room, "--size: no number of octets");
			return -1;
		}
		break;
	case EMPTY:
		allow_empty = true;
		break;
	case 'd':
		spool = value;
		break;
	case LOG:
		if (log_target(value, &target, NULL, 0) != 0) {
			snprintf(why, room, "--log: stderr, syslog or none");
			return -1;
		}
		break;
	}
	return 0;
}

/* The reply for whoever runs us as a handler. What is delivered stays so, if
 * nobody reads this. */
static void
reply(const char *line)
{
	struct buf b = BUF_INIT;

	if (*line == '\0')
		return;
	buf_addf(&b, "%s\n", line);
	if (write(STDOUT_FILENO, b.data, b.len) != (ssize_t)b.len)
		log_error("write stdout: %s", strerror(errno));
	buf_free(&b);
}

static void
read_envelope(struct envelope *e, char *rcpts[])
{
	struct buf sender = BUF_INIT;
	struct address a;

	if (from ? envelope_parse_sender(from, &sender) != 0
		 : *rcpts && table && envelope_default_sender(&sender) != 0) {
		reply("553 5.1.7 Bad sender address");
		log_die(EX_DATAERR, "parse sender %s: no address",
		    from ? from : buf_str(&sender));
	}
	if (from || sender.len)
		envelope_sender(e, buf_str(&sender), "");
	buf_free(&sender);
	for (; *rcpts; rcpts++) {
		if (address_parse(&a, *rcpts, strlen(*rcpts),
			ADDRESS_BARE | ADDRESS_UTF8) != 0) {
			reply("553 5.1.3 Bad recipient address");
			log_die(EX_DATAERR, "parse recipient %s: no address",
			    *rcpts);
		}
		address_strip(&a);
		envelope_rcpt(e, a.text, "");
	}
	envelope_unique(e);
}

static _Noreturn void
die_unfound(int code, const char *rcpt)
{
	if (code == EX_NOUSER)
		log_die(code, "find %s: no such mailbox", rcpt);
	if (code == EX_NOPERM)
		log_die(code, "find %s: foreign domain", rcpt);
	if (code == EX_DATAERR) {
		reply("553 5.1.3 Bad recipient address");
		log_die(code, "find %s: no name for a mailbox", rcpt);
	}
	log_die(code, "find %s: %s", rcpt, strerror(errno));
}

/* All are found before anything is made. */
static void
resolve(const struct envelope *e, struct mailbox *found)
{
	struct mailboxes *t;
	struct address a;
	char why[512];
	size_t i;
	int code;

	t = mailboxes_read(table, locals, why, sizeof(why));
	if (!t)
		log_die(verdict_exit_of_errno(errno, EX_CONFIG), "%s", why);
	for (i = 0; i < e->n; i++) {
		const char *rcpt = e->rcpts[i].address;

		address_parse(
		    &a, rcpt, strlen(rcpt), ADDRESS_BARE | ADDRESS_UTF8);
		code = mailboxes_find(t, &a, &found[i]);
		if (code != 0)
			die_unfound(code, rcpt);
	}
	mailboxes_free(t);
}

static _Noreturn void
die(struct delivery *d, int code)
{
	struct buf reason = BUF_INIT;

	buf_adds(&reason, deliver_reason(d));
	reply(deliver_reply(d));
	deliver_end(d);
	log_die(code, "%s", buf_str(&reason));
}

static struct delivery *
begin(const struct envelope *e, const char *id)
{
	struct deliver_options o = {.sender = e->sender,
	    .mail_id = id,
	    .spool = spool,
	    .become_owner = true,
	    .create = !table,
	    .allow_program = true,
	    .last = true};
	size_t n = e->n ? e->n : 1, i;
	struct mailbox *found = xrealloc(NULL, n * sizeof(*found));
	struct delivery *d;
	int code = 0;

	if (table)
		resolve(e, found);
	for (i = 0; !table && i < n; i++) {
		found[i].kind = maildir ? MAILBOX_MAILDIR : MAILBOX_MBOX;
		found[i].target = xstrdup(maildir ? maildir : mbox);
	}
	d = deliver_begin(&o);
	for (i = 0; i < n; i++) {
		if (code == 0)
			code = deliver_target(d, &found[i],
			    e->sender && e->n ? e->rcpts[i].address : NULL);
		mailbox_free(&found[i]);
	}
	free(found);
	if (code != 0)
		die(d, code);
	return d;
}

/* Stdin to its end. Its verdict comes after it, since a writer that died looks
 * like one that is done. */
static uint64_t
pump(struct delivery *d)
{
	char *block = xrealloc(NULL, BLOCK);
	struct buf text = BUF_INIT;
	struct crlf_text state = {0};
	int code = 0;
	ssize_t n;

	while (code == 0 && (n = read(STDIN_FILENO, block, BLOCK)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			deliver_end(d);
			log_die(EX_TEMPFAIL, "read stdin: %s", strerror(errno));
		}
		crlf_text(&state, block, (size_t)n, &text);
		code = deliver_write(d, text.data, text.len);
		buf_reset(&text);
	}
	crlf_text_end(&state, &text);
	if (code == 0)
		code = deliver_write(d, text.data, text.len);
	if (code != 0)
		die(d, code);
	buf_free(&text);
	free(block);
	return state.offset;
}

static void
check_size(struct delivery *d, uint64_t octets)
{
	if (sized && octets != size) {
		deliver_end(d);
		log_die(EX_TEMPFAIL, "read stdin: %llu octets, not %llu",
		    (unsigned long long)octets, (unsigned long long)size);
	}
	if (octets == 0 && !allow_empty) {
		deliver_end(d);
		log_die(EX_DATAERR, "read stdin: no message");
	}
}

static void
log_delivered(const struct envelope *e, const char *id, uint64_t octets)
{
	char text[24];
	size_t i;

	snprintf(text, sizeof(text), "%llu", (unsigned long long)octets);
	for (i = 0; i < (e->n ? e->n : 1); i++)
		log_event("delivered", "id", id, "from", e->sender, "to",
		    e->n ? e->rcpts[i].address : NULL, "size", text, "box",
		    maildir ? maildir : mbox, NULL);
}

int
main(int argc, char *argv[])
{
	static const struct options options = {.defs = defs,
	    .set = set,
	    .usage = usage,
	    .program = "mbox-deliver"};
	static struct envelope e = ENVELOPE_INIT;
	static struct delivery *d;
	const char *id = getenv("MAIL_ID");
	uint64_t octets;
	int code, first;

	log_open("mbox-deliver", LOG_TO_STDERR);
	first = options_parse(&options, argc, argv);
	if (!maildir + !mbox + !table != 2)
		log_die(EX_USAGE,
		    "one of -o, --mbox and --mailboxes must say where");
	if (table && first == argc)
		log_die(EX_USAGE, "--mailboxes needs recipients");
	log_open("mbox-deliver", target);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	if (table)
		child_path();
	atomic_on_term();
	if (id && !parse_is_mail_id(id))
		id = NULL;
	read_envelope(&e, argv + first);
	d = begin(&e, id);
	octets = pump(d);
	check_size(d, octets);
	code = deliver_commit(d);
	if (code != 0)
		die(d, code);
	reply(deliver_reply(d));
	log_delivered(&e, id, octets);
	/* The end closes and frees all: a kill that comes before it has the
	 * message delivered twice. */
	return EX_OK;
}
