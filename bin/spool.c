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
#include <sys/uio.h>
#include <sysexits.h>
#include <unistd.h>

#include "child.h"
#include "control.h"
#include "date.h"
#include "entry.h"
#include "health.h"
#include "listing.h"
#include "log.h"
#include "options.h"
#include "parse.h"
#include "runner.h"
#include "sendmail.h"
#include "submit.h"

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
#define HOST_MAX 255

static const char *dir; /* NULL: the default */
static enum log_target log_to = LOG_TO_STDERR;
static bool log_given;

static const char *sender; /* NULL: the default */
static struct submission mail = {.size = SUBMIT_ANY, .notify = ""};
static uint64_t life;

static const char **locals;
static size_t local_count;
static struct runner_options runs = RUNNER_OPTIONS_INIT;

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
set_duration(
    const char *name, const char *value, uint64_t *out, char *why, size_t size)
{
	if (parse_duration(value, out) || !*out || *out > LIFE_MAX)
		return refuse(why, size, name, value);
	return 0;
}

static int
set_common(int key, const char *value, char *why, size_t size)
{
	if (key == 'd') {
		dir = value;
		return 0;
	}
	log_given = true;
	return log_target(value, &log_to, NULL, 0)
	    ? refuse(why, size, "log", value)
	    : 0;
}

static int
set_add(int key, const char *value, char *why, size_t size)
{
	switch (key) {
	case 'f':
		sender = value;
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
		return set_duration("expires", value, &life, why, size);
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
		runs.settle.hostname = value;
		return strlen(value) > HOST_MAX || !*value
		    ? refuse(why, size, "hostname", value)
		    : 0;
	case KEY_LOCAL:
		add_local(value);
		return 0;
	case KEY_TIMEOUT:
		return set_duration("timeout", value, &runs.seconds, why, size);
	case KEY_DELAY_WARNING:
		return set_duration("delay-warning", value,
		    &runs.settle.delay_warning, why, size);
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

/* False where there is none and none is to be made. */
static bool
open_queue(struct queue *q, bool create)
{
	struct buf path = BUF_INIT;
	int err;

	if (!queue_open(q, dir, create))
		return true;
	err = errno;
	if (err == ENOENT && !create)
		return false;
	if (!dir)
		queue_default_path(&path);
	log_die(EX_TEMPFAIL, "open spool %s: %s", dir ? dir : buf_str(&path),
	    strerror(err));
}

static int
close_stdout(void)
{
	if (fflush(stdout) || fclose(stdout))
		log_die(EX_TEMPFAIL, "write stdout: %s", strerror(errno));
	return EX_OK;
}

/* In one call, without memory: until the caller has it, a kill has the message
 * queued again. The exit status is the promise, the id only tells: a failure
 * here must not have the caller repeat what is safe. */
static void
print_line(const char *line)
{
	size_t n = strlen(line);
	struct iovec parts[] = {{(char *)line, n}, {(char *)"\n", 1}};
	ssize_t done = writev(STDOUT_FILENO, parts, 2);

	if (done != (ssize_t)n + 1)
		log_error("write stdout: %s: %s",
		    done < 0 ? strerror(errno) : "short write", line);
}

static void
no_operand(const char *name, char *args[])
{
	if (*args)
		log_die(EX_USAGE, "%s: takes no operand: %s", name, *args);
}

static const char *
check_id(const char *id)
{
	if (strlen(id) != QNAME_ID - 1 || !parse_is_mail_id(id))
		log_die(EX_USAGE, "no queue id: %s", id);
	return id;
}

/* --- the commands --- */

static int
do_add(const char *name, char *args[])
{
	struct queue q;
	struct buf why = BUF_INIT;
	char id[QNAME_ID];
	int code = submit_envelope(&mail, sender, NULL, args, &why);

	if (code)
		log_die(code, "%s", buf_str(&why));
	if (!log_given && !mail.in_transit) /* a user's terminal is no log */
		log_open("spool", LOG_TO_NOWHERE);
	if (life)
		mail.options.expires =
		    life + (mail.options.due ? mail.options.due : time(NULL));
	open_queue(&q, true);
	atomic_on_term();
	code = submit(&q, &mail, STDIN_FILENO, id, &why);
	if (code == EX_OK || code == EX_UNAVAILABLE)
		print_line(code ? buf_str(&why) : id);
	if (code)
		log_die(code, "%s: %s", name, buf_str(&why));
	return EX_OK;
}

static int
do_run(const char *name, char *args[])
{
	struct queue q;

	no_operand(name, args);
	open_queue(&q, true);
	child_path();
	runs.locals = locals;
	return runner_run(&q, &runs);
}

static int
do_change(const char *name, char *args[])
{
	struct queue q;
	char **id;

	if (!*args)
		log_die(EX_USAGE, "%s: no queue id (try --help)", name);
	for (id = args; *id; id++)
		check_id(*id);
	open_queue(&q, true);
	return control_each(&q, name, args);
}

static int
do_retry(const char *name, char *args[])
{
	struct queue q;

	if (*args)
		return do_change(name, args);
	open_queue(&q, true);
	return control_retry(&q);
}

static int
do_list(const char *name, char *args[])
{
	struct queue q;

	no_operand(name, args);
	if (open_queue(&q, false) && listing_write(&q, json, stdout))
		log_die(EX_TEMPFAIL, "read queue: %s", strerror(errno));
	return close_stdout();
}

static int
do_show(const char *name, char *args[])
{
	struct queue q;
	struct entry e;

	if (!args[0] || args[1])
		log_die(EX_USAGE, "%s: one queue id (try --help)", name);
	check_id(args[0]);
	if (!open_queue(&q, false))
		log_die(EX_NOINPUT, "%s %s: no such message", name, args[0]);
	if (entry_find(&q, args[0], &e))
		log_die(errno == ENOENT    ? EX_NOINPUT
			: errno == EBADMSG ? EX_DATAERR
					   : EX_TEMPFAIL,
		    "%s %s: %s", name, args[0],
		    errno == ENOENT ? "no such message" : strerror(errno));
	if (listing_message(&e, isatty(STDOUT_FILENO), stdout))
		log_die(
		    EX_TEMPFAIL, "%s %s: %s", name, args[0], strerror(errno));
	entry_close(&e);
	return close_stdout();
}

static int
do_health(const char *name, char *args[])
{
	struct queue q;
	struct buf line = BUF_INIT;
	int bad = 0;

	no_operand(name, args);
	if (!open_queue(&q, false))
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
	int (*run)(const char *name, char *args[]);
	const struct option_def *defs;
	int (*set)(int key, const char *value, char *why, size_t size);
} commands[] = {{"add", do_add, add_defs, set_add},
    {"run", do_run, run_defs, set_run}, {"list", do_list, list_defs, set_look},
    {"show", do_show, common_defs, set_common},
    {"hold", do_change, common_defs, set_common},
    {"release", do_change, common_defs, set_common},
    {"retry", do_retry, common_defs, set_common},
    {"rm", do_change, common_defs, set_common},
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
	const struct command *c;
	int first;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	if (!strcmp(program_invocation_short_name, "sendmail")) {
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
	return c->run(c->name, argv + first);
}
