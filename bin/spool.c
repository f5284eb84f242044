/* spool: the durable queue. Adds messages from standard input, runs a
 * transport for those that are due and records what became of each recipient,
 * lists and changes what waits. Called as sendmail it takes sendmail's flags.
 * Exit 0 of add means that the message survives a power cut; nothing leaves
 * the queue before every recipient is accepted or reported. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "address.h"
#include "child.h"
#include "date.h"
#include "entry.h"
#include "health.h"
#include "listing.h"
#include "log.h"
#include "options.h"
#include "parse.h"
#include "runner.h"
#include "spool.h"

static const char usage[] =
    "usage: spool [-d DIR] COMMAND [options]\n"
    "Keep mail on disk until it is delivered. (default DIR: see spool(1))\n"
    "  add [-f, --from SENDER] [-t, --read-recipients] [--] [RCPT...]\n"
    "                           queue the message on standard input:\n"
    "      --at TIME   --hold   --expires TIME   --size N   --allow-empty\n"
    "  run [--once | --watch] [-j, --jobs N]    send what is due:\n"
    "      --transport CMD      run for each route (smtp-send)\n"
    "      --unsure retry|hold  after a lost reply to a whole message\n"
    "      --hostname NAME      ours, in reports and source routes\n"
    "      --local DOMAIN       ours too in source routes; repeatable\n"
    "      --timeout TIME       without any result, for a transport (4h)\n"
    "      --delay-warning TIME tell the sender after that long (never)\n"
    "  list [--json]       what waits      show ID      print a message\n"
    "  hold ID...          do not send     release ID...   do send\n"
    "  retry [ID...]       due now         rm ID...     remove unsent\n"
    "  health [--older TIME]  one line; exit 1 if something needs care\n"
    "Each command takes -d, --dir DIR, --log stderr|syslog|none,\n"
    "--config FILE, -h, --help and -V, --version.\n";

enum key {
	KEY_AT = 256,
	KEY_HOLD,
	KEY_EXPIRES,
	KEY_SIZE,
	KEY_ALLOW_EMPTY,
	KEY_ONCE,
	KEY_WATCH,
	KEY_TRANSPORT,
	KEY_UNSURE,
	KEY_HOSTNAME,
	KEY_LOCAL,
	KEY_TIMEOUT,
	KEY_DELAY_WARNING,
	KEY_JSON,
	KEY_OLDER,
	KEY_LOG
};

#define LIFE_MAX (10 * 366 * 86400ULL)

static const char *dir; /* NULL: the default */
static enum log_target log_to = LOG_TO_STDERR;
bool log_given;

const char *sender_given;
struct submission mail = {.size = SUBMIT_ANY, .notify = ""};
struct buf mail_params = BUF_INIT; /* of sendmail -R and -V */
static uint64_t life;

static char host[256];
static const char **locals;
static size_t local_count;
static struct runner_options runs = {.jobs = 8, .seconds = 4 * 3600};

static bool json;
static uint64_t older = 3600;

/* --- options --- */

static int
refuse(char *why, size_t size, const char *name, const char *value)
{
	snprintf(why, size, "--%s: bad value `%s'", name, value);
	return -1;
}

static void
add_local(const char *name)
{
	locals = xrealloc(locals, (local_count + 2) * sizeof *locals);
	locals[local_count++] = name;
	locals[local_count] = NULL;
}

static int
set_common(int key, const char *value, char *why, size_t size)
{
	if (key == 'd') {
		dir = value;
		return 0;
	}
	log_given = true;
	return log_target(value, &log_to) ? refuse(why, size, "log", value) : 0;
}

static int
set_add(int key, const char *value, char *why, size_t size)
{
	switch (key) {
	case 'f':
		sender_given = value;
		return 0;
	case 't':
		mail.collect = true;
		return 0;
	case KEY_AT:
		return date_parse(value, time(NULL), &mail.options.due)
		    ? refuse(why, size, "at", value)
		    : 0;
	case KEY_HOLD:
		mail.options.held = true;
		return 0;
	case KEY_EXPIRES:
		return parse_duration(value, &life) || !life || life > LIFE_MAX
		    ? refuse(why, size, "expires", value)
		    : 0;
	case KEY_SIZE:
		return parse_size(value, &mail.size)
		    ? refuse(why, size, "size", value)
		    : 0;
	case KEY_ALLOW_EMPTY:
		mail.allow_empty = true;
		return 0;
	default:
		return set_common(key, value, why, size);
	}
}

static int
set_duration(
    const char *name, const char *value, uint64_t *out, char *why, size_t size)
{
	if (parse_duration(value, out) || !*out || *out > LIFE_MAX)
		return refuse(why, size, name, value);
	return 0;
}

static int
set_run(int key, const char *value, char *why, size_t size)
{
	uint64_t n;

	switch (key) {
	case 'j':
		if (parse_number(value, 1000, &n) || n == 0)
			return refuse(why, size, "jobs", value);
		runs.jobs = (unsigned)n;
		return 0;
	case KEY_ONCE:
	case KEY_WATCH:
		runs.watch = key == KEY_WATCH;
		return 0;
	case KEY_TRANSPORT:
		runs.transport = value;
		return 0;
	case KEY_UNSURE:
		runs.settle.hold_unsure = !strcmp(value, "hold");
		return !runs.settle.hold_unsure && strcmp(value, "retry")
		    ? refuse(why, size, "unsure", value)
		    : 0;
	case KEY_HOSTNAME:
		snprintf(host, sizeof host, "%s", value);
		return strlen(value) >= sizeof host || !*value
		    ? refuse(why, size, "hostname", value)
		    : 0;
	case KEY_LOCAL:
		add_local(value);
		return 0;
	case KEY_TIMEOUT:
		if (set_duration("timeout", value, &n, why, size))
			return -1;
		runs.seconds = (unsigned)n;
		return 0;
	case KEY_DELAY_WARNING:
		if (set_duration("delay-warning", value, &n, why, size))
			return -1;
		runs.settle.delay_warning = n;
		return 0;
	default:
		return set_common(key, value, why, size);
	}
}

static int
set_look(int key, const char *value, char *why, size_t size)
{
	if (key == KEY_OLDER)
		return set_duration("older", value, &older, why, size);
	if (key != KEY_JSON)
		return set_common(key, value, why, size);
	json = true;
	return 0;
}

#define COMMON                                      \
	{"dir", 'd', true}, {"log", KEY_LOG, true}, \
	{                                           \
		NULL, 0, false                      \
	}

static const struct option_def common_defs[] = {COMMON};
static const struct option_def add_defs[] = {{"from", 'f', true},
    {"read-recipients", 't', false}, {"at", KEY_AT, true},
    {"hold", KEY_HOLD, false}, {"expires", KEY_EXPIRES, true},
    {"size", KEY_SIZE, true}, {"allow-empty", KEY_ALLOW_EMPTY, false}, COMMON};
static const struct option_def run_defs[] = {{"jobs", 'j', true},
    {"once", KEY_ONCE, false}, {"watch", KEY_WATCH, false},
    {"transport", KEY_TRANSPORT, true}, {"unsure", KEY_UNSURE, true},
    {"hostname", KEY_HOSTNAME, true}, {"local", KEY_LOCAL, true},
    {"timeout", KEY_TIMEOUT, true}, {"delay-warning", KEY_DELAY_WARNING, true},
    COMMON};
static const struct option_def list_defs[] = {
    {"json", KEY_JSON, false}, COMMON};
static const struct option_def health_defs[] = {
    {"older", KEY_OLDER, true}, COMMON};

/* --- what the commands share --- */

static const char *
our_name(void)
{
	if (!*host && gethostname(host, sizeof host - 1))
		snprintf(host, sizeof host, "localhost");
	return host;
}

static _Noreturn void
no_spool(void)
{
	int err = errno;
	struct buf path = BUF_INIT;

	if (!dir)
		queue_default_path(&path);
	log_die(EX_TEMPFAIL, "open spool %s: %s", dir ? dir : buf_str(&path),
	    strerror(err));
}

void
open_queue(struct queue *q)
{
	if (queue_open(q, dir, true))
		no_spool();
}

/* To look only: false where there is no spool yet. */
static bool
look_queue(struct queue *q)
{
	if (!queue_open(q, dir, false))
		return true;
	if (errno != ENOENT)
		no_spool();
	return false;
}

int
close_stdout(void)
{
	if (fflush(stdout) || fclose(stdout))
		log_die(EX_TEMPFAIL, "write stdout: %s", strerror(errno));
	return EX_OK;
}

/* --- add --- */

static void
take_sender(void)
{
	struct buf text = BUF_INIT;

	if (sender_given ? envelope_parse_sender(sender_given, &text)
			 : envelope_default_sender(&text))
		log_die(EX_DATAERR, "sender: no address: %s",
		    sender_given ? sender_given : buf_str(&text));
	envelope_sender(&mail.envelope, buf_str(&text), buf_str(&mail_params));
	buf_free(&text);
}

/* Mail in transit keeps its addresses; a user's are completed. */
static void
take_rcpts(char *args[])
{
	struct buf text = BUF_INIT;
	struct address a;

	for (; *args; args++) {
		buf_reset(&text);
		if (mail.in_transit)
			buf_adds(&text, *args);
		else
			envelope_qualify(*args, &text);
		if (address_parse(&a, buf_str(&text), text.len, ADDRESS_UTF8))
			log_die(EX_DATAERR, "recipient: no address: %s", *args);
		envelope_rcpt(&mail.envelope, a.text, mail.notify);
	}
	buf_free(&text);
	if (mail.envelope.n == 0 && !mail.collect)
		log_die(EX_USAGE, "no recipient (try --help)");
}

void
take_mail_id(void)
{
	const char *id = getenv("MAIL_ID");

	if (!id || !parse_is_mail_id(id))
		return;
	mail.in_transit = true;
	mail.options.mail_id = id;
	mail.supply = false;
}

static void
log_queued(const char *id)
{
	const char *mail_id = mail.options.mail_id;
	char count[24];

	snprintf(count, sizeof count, "%zu", mail.envelope.n);
	log_event("queued", "id", id, "mail_id", mail_id ? mail_id : id,
	    "sender", mail.envelope.sender, "rcpts", count, NULL);
}

int
add_message(char *args[], const char *action, bool print)
{
	struct queue q;
	struct buf why = BUF_INIT;
	char id[QNAME_ID];
	int code;

	/* A user's terminal is no log. */
	if (!log_given && !mail.in_transit)
		log_open(action ? "spool" : "sendmail", LOG_TO_NOWHERE);
	take_sender();
	take_rcpts(args);
	mail.hostname = our_name();
	if (life)
		mail.options.expires =
		    life + (mail.options.due ? mail.options.due : time(NULL));
	open_queue(&q);
	atomic_on_term();
	code = submit(&q, &mail, STDIN_FILENO, id, &why);
	if (code == EX_UNAVAILABLE)
		printf("%s\n", buf_str(&why));
	if (code) {
		close_stdout();
		log_die(code, "%s%s", action ? action : "", buf_str(&why));
	}
	log_queued(id);
	if (print)
		printf("%s\n", id);
	return close_stdout();
}

static int
do_add(char *args[])
{
	take_mail_id();
	return add_message(args, "add: ", true);
}

/* --- run --- */

int
do_run(char *args[])
{
	char link[64], path[4096];
	struct queue q;
	ssize_t n;

	if (*args)
		log_die(EX_USAGE, "run: takes no operand: %s", *args);
	open_queue(&q);
	if (queue_locks(&q))
		log_die(EX_TEMPFAIL, "open lock: %s", strerror(errno));
	snprintf(link, sizeof link, "/proc/self/fd/%d", q.dir);
	n = readlink(link, path, sizeof path - 1);
	if (n <= 0)
		log_die(EX_TEMPFAIL, "readlink %s: %s", link, strerror(errno));
	path[n] = '\0';
	if (strpbrk(path, "\t\r\n"))
		log_die(
		    EX_CONFIG, "run: a TAB or line end in the spool's path");
	child_path();
	runs.path = path;
	runs.settle.hostname = our_name();
	add_local(our_name());
	runs.locals = locals;
	return runner_run(&q, &runs);
}

/* --- looking --- */

int
do_list(char *args[])
{
	struct queue q;

	if (*args)
		log_die(EX_USAGE, "list: takes no operand: %s", *args);
	if (look_queue(&q) && listing_write(&q, json, stdout))
		log_die(EX_TEMPFAIL, "read queue: %s", strerror(errno));
	return close_stdout();
}

const char *
check_id(const char *id)
{
	if (strlen(id) != QNAME_ID - 1 || !parse_is_mail_id(id))
		log_die(EX_USAGE, "no queue id: %s", id);
	return id;
}

static int
find_anywhere(struct queue *q, const char *id, struct entry *e)
{
	struct qname n;

	if (!qname_find(q->queue, id, &n))
		return entry_open(q->queue, &n, e);
	if (queue_dead(q, false) < 0 || qname_find(q->dead, id, &n))
		return -1;
	return entry_open(q->dead, &n, e);
}

static int
do_show(char *args[])
{
	struct queue q;
	struct entry e;

	if (!args[0] || args[1])
		log_die(EX_USAGE, "show: one queue id (try --help)");
	check_id(args[0]);
	if (!look_queue(&q))
		log_die(EX_NOINPUT, "show %s: no such message", args[0]);
	if (find_anywhere(&q, args[0], &e))
		log_die(errno == ENOENT    ? EX_NOINPUT
			: errno == EBADMSG ? EX_DATAERR
					   : EX_TEMPFAIL,
		    "show %s: %s", args[0],
		    errno == ENOENT ? "no such message" : strerror(errno));
	if (listing_message(&e, isatty(STDOUT_FILENO), stdout))
		log_die(EX_TEMPFAIL, "show %s: %s", args[0], strerror(errno));
	entry_close(&e);
	return close_stdout();
}

static int
do_health(char *args[])
{
	struct queue q;
	struct buf line = BUF_INIT;
	int bad = 0;

	if (*args)
		log_die(EX_USAGE, "health: takes no operand: %s", *args);
	if (!look_queue(&q))
		puts("ok: no spool");
	else if ((bad = health_check(&q, older, &line)) < 0)
		log_die(EX_TEMPFAIL, "read spool: %s", strerror(errno));
	else
		puts(buf_str(&line));
	buf_free(&line);
	close_stdout();
	return bad;
}

static const struct command {
	const char *name;
	int (*run)(char *args[]);
	const struct option_def *defs;
	int (*set)(int key, const char *value, char *why, size_t size);
} commands[] = {{"add", do_add, add_defs, set_add},
    {"run", do_run, run_defs, set_run}, {"list", do_list, list_defs, set_look},
    {"show", do_show, common_defs, set_common},
    {"hold", do_hold, common_defs, set_common},
    {"release", do_release, common_defs, set_common},
    {"retry", do_retry, common_defs, set_common},
    {"rm", do_rm, common_defs, set_common},
    {"health", do_health, health_defs, set_look}};

static const struct command *
find_command(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof commands / sizeof *commands; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	log_die(EX_USAGE, "%s: unknown command (try --help)", name);
}

int
main(int argc, char *argv[])
{
	struct options options = {.defs = common_defs,
	    .set = set_common,
	    .usage = usage,
	    .program = "spool"};
	const char *slash = strrchr(argv[0] ? argv[0] : "spool", '/');
	const struct command *c;
	int first;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	if (!strcmp(slash ? slash + 1 : argv[0], "sendmail")) {
		log_open("sendmail", LOG_TO_STDERR);
		return sendmail(argc, argv);
	}
	log_open("spool", LOG_TO_STDERR);
	first = options_parse(&options, argc, argv);
	if (!argv[first])
		log_die(EX_USAGE, "no command (try --help)");
	c = find_command(argv[first]);
	options.defs = c->defs;
	options.set = c->set;
	argv += first;
	first = options_parse(&options, argc - first, argv);
	log_open("spool", log_to);
	return c->run(argv + first);
}
