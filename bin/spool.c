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
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "control.h"
#include "entry.h"
#include "health.h"
#include "listing.h"
#include "parse.h"
#include "spool.h"

static const char usage[] =
    "usage: spool [-d DIR] COMMAND [options]\n"
    "Keep mail on disk until it is delivered. (default DIR: see spool(1))\n"
    "  add [-f, --from SENDER] [-t, --read-recipients] [--] [RCPT...]\n"
    "                           queue the message on standard input:\n"
    "      --at TIME   --hold   --expires TIME   --size N   --allow-empty\n"
    "      --notify never|success,failure,delay   --ret full|hdrs\n"
    "      --envid ID           what reports are wanted (RFC 3461)\n"
    "  run [--once | --watch] [-j, --jobs N]    send what is due:\n"
    "      --per-host N         connections to one destination (1)\n"
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

/* --- what the commands share --- */

bool
open_queue(struct queue *q, bool create)
{
	struct buf path = BUF_INIT;
	int err;

	if (!queue_open(q, said.dir, create))
		return true;
	err = errno;
	if (err == ENOENT && !create)
		return false;
	if (!said.dir)
		queue_default_path(&path);
	log_die(EX_TEMPFAIL, "open spool %s: %s",
	    said.dir ? said.dir : buf_str(&path), strerror(err));
}

int
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
	struct submission *mail = &said.mail;
	struct queue q;
	struct buf why = BUF_INIT;
	char id[QNAME_ID];
	int code = submit_envelope(mail, said.sender, args, &why);

	if (code)
		log_die(code, "%s", buf_str(&why));
	/* A user's terminal is no log. */
	if (!said.log_given && !mail->in_transit)
		log_open("spool", LOG_TO_NOWHERE);
	open_queue(&q, true);
	atomic_on_term();
	code = submit(&q, mail, STDIN_FILENO, id, &why);
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
	return runner_run(&q, &said.runs);
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
	if (open_queue(&q, false) && listing_write(&q, said.json, stdout))
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
	else if ((bad = health_check(&q, said.older, &line)) < 0)
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
} commands[] = {{"add", do_add, add_defs}, {"run", do_run, run_defs},
    {"list", do_list, list_defs}, {"show", do_show, common_defs},
    {"hold", do_change, common_defs}, {"release", do_change, common_defs},
    {"retry", do_retry, common_defs}, {"rm", do_change, common_defs},
    {"health", do_health, health_defs}};

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
	    .set = said_set,
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
	argv += first;
	first = options_parse(&options, argc - first, argv);
	log_open("spool", said.log);
	return c->run(c->name, argv + first);
}
