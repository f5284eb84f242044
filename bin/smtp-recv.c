/* smtp-recv: SMTP or LMTP server (RFC 5321, RFC 2033) on fds 0 and 1 or on
 * listening sockets. Reads commands, logins and messages from strangers. A
 * message whose end was received goes, with a Received field on top, to exactly
 * one of a command, the queue or the mailboxes of a table; 250 is said when it
 * is durable there. Anything less than the end leaves nothing behind. Events go
 * to the log, a line each. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "child.h"
#include "confine.h"
#include "log.h"
#include "options.h"
#include "owner.h"
#include "parse.h"
#include "profile.h"
#include "proxied.h"
#include "receive.h"
#include "serve.h"
#include "smtp-recv.h"
#include "starttls.h"
#include "verdict.h"

#define COMMAND_SECONDS 540 /* for the handler; clients wait 600 */
#define RCPT_SECONDS 30     /* for the check of a recipient */
#define HEADER_SECONDS 10   /* for a proxy's header; 3 at least are due */

static struct accept_config rules;
static struct smtpd_config smtp = {.max_size = 100 << 20, .max_rcpts = 100};
static const char *spool, *table, *auth, *rcpt_check, *sender_map, *user_name;
static char **command;
static const char **listens;
static size_t listen_count;
static unsigned timeout = 300;
static enum log_target log_to = LOG_TO_STDERR;
static struct networks proxies;
static bool proxied, verbose, implicit;
static char busy[320];
static int tls; /* the way to it, or -1 */

static struct owner user;
static struct tables tables;
static pid_t first_pid; /* which has read them */

static const char usage[] =
    "usage: smtp-recv [options] (--mailboxes FILE | --spool DIR | -- COMMAND)\n"
    "Receive mail by SMTP on standard input and output, or on sockets.\n"
    "  --hostname NAME       our name (the system's)\n"
    "  --local DOMAIN        we receive for it; may be repeated (our name)\n"
    "  --mailboxes FILE      the recipients there are; alone, deliver to them\n"
    "  --rcpt-check CMD      judges a recipient, in place of the table\n"
    "  --spool DIR           queue what is received\n"
    "  --lmtp                LMTP, which has a reply for each recipient\n"
    "  --relay-from CIDR     who may send elsewhere; may be repeated (nobody)\n"
    "  --auth CMD            who logs in may, too; CMD checks the password\n"
    "  --auth-clear          take logins without TLS\n"
    "  --submission          take mail after a login alone, and complete it\n"
    "  --sender-map FILE     the senders that each login may use\n"
    "  --source-routes=strip|follow|reject  what @a,@b:user@c becomes (strip)\n"
    "  --user NAME           sessions run as that user, or as UID:GID\n"
    "  --listen ADDR:PORT    listen there; may be repeated\n"
    "  --proxy-protocol --proxy-from CIDR   these send a header, version 2\n"
    "  --max-size SIZE --max-rcpts N        of a message; 0: any (100M, 100)\n"
    "  --bare-newline=refuse|normalize      in a message (refuse)\n"
    "  --timeout TIME        for each command (5m)\n"
    "  --log=stderr|syslog|none             where events go (stderr)\n"
    "  --config FILE         options, one a line, without dashes\n"
    "  -v, --verbose         show the dialogue on stderr\n"
    "  -h, --help   -V, --version\n";

enum key {
	KEY_HOSTNAME = 256,
	KEY_LOCAL,
	KEY_MAILBOXES,
	KEY_RCPT_CHECK,
	KEY_SUBMISSION,
	KEY_SENDER_MAP,
	KEY_SPOOL,
	KEY_LMTP,
	KEY_RELAY_FROM,
	KEY_AUTH,
	KEY_AUTH_CLEAR,
	KEY_SOURCE_ROUTES,
	KEY_USER,
	KEY_LISTEN,
	KEY_PROXY_PROTOCOL,
	KEY_PROXY_FROM,
	KEY_MAX_SIZE,
	KEY_MAX_RCPTS,
	KEY_BARE_NEWLINE,
	KEY_TIMEOUT,
	KEY_LOG
};

static const struct option_def option_defs[] = {
    {"hostname", KEY_HOSTNAME, true},
    {"local", KEY_LOCAL, true},
    {"mailboxes", KEY_MAILBOXES, true},
    {"rcpt-check", KEY_RCPT_CHECK, true},
    {"submission", KEY_SUBMISSION, false},
    {"sender-map", KEY_SENDER_MAP, true},
    {"spool", KEY_SPOOL, true},
    {"lmtp", KEY_LMTP, false},
    {"relay-from", KEY_RELAY_FROM, true},
    {"auth", KEY_AUTH, true},
    {"auth-clear", KEY_AUTH_CLEAR, false},
    {"source-routes", KEY_SOURCE_ROUTES, true},
    {"user", KEY_USER, true},
    {"listen", KEY_LISTEN, true},
    {"proxy-protocol", KEY_PROXY_PROTOCOL, false},
    {"proxy-from", KEY_PROXY_FROM, true},
    {"max-size", KEY_MAX_SIZE, true},
    {"max-rcpts", KEY_MAX_RCPTS, true},
    {"bare-newline", KEY_BARE_NEWLINE, true},
    {"timeout", KEY_TIMEOUT, true},
    {"log", KEY_LOG, true},
    {"verbose", 'v', false},
    {NULL, 0, false},
};

static int
set_number(int key, const char *value)
{
	uint64_t max = key == KEY_TIMEOUT ? 86400 : TRANSACTION_RCPTS, n;

	if (key == KEY_MAX_SIZE)
		return parse_size(value, &smtp.max_size);
	if ((key == KEY_TIMEOUT ? parse_duration(value, &n)
				: parse_number(value, max, &n)) != 0 ||
	    n == 0 || n > max)
		return -1;
	*(key == KEY_TIMEOUT ? &timeout : &smtp.max_rcpts) = (unsigned)n;
	return 0;
}

static int
set_word(int key, const char *value)
{
	static const char *const newlines[] = {"refuse", "normalize", NULL};
	static const char *const ways[] = {"strip", "follow", "reject", NULL};
	const char *const *words = key == KEY_BARE_NEWLINE ? newlines : ways;
	int i = 0;

	while (words[i] && strcmp(words[i], value) != 0)
		i++;
	if (!words[i])
		return -1;
	if (key == KEY_BARE_NEWLINE)
		smtp.normalize = i == 1;
	else
		rules.source_routes = (enum accept_routes)i;
	return 0;
}

static int
set_option(int key, const char *value)
{
	switch (key) {
	case KEY_HOSTNAME:
		smtp.hostname = value;
		return 0;
	case KEY_LOCAL:
		return accept_add_local(&rules, value);
	case KEY_RELAY_FROM:
		return networks_add(&rules.relays, value);
	case KEY_PROXY_PROTOCOL:
		proxied = true;
		return 0;
	case KEY_PROXY_FROM:
		return networks_add(&proxies, value);
	case KEY_MAILBOXES:
		table = value;
		return 0;
	case KEY_SUBMISSION:
		smtp.submission = true;
		return 0;
	case KEY_SENDER_MAP:
		sender_map = value;
		rules.sender_map = true;
		return 0;
	case KEY_RCPT_CHECK:
		rcpt_check = value;
		return 0;
	case KEY_SPOOL:
		spool = value;
		return 0;
	case KEY_LMTP:
		smtp.lmtp = true;
		return 0;
	case KEY_USER:
		user_name = value;
		return 0;
	case KEY_AUTH:
		auth = value;
		smtp.auth = true;
		return 0;
	case KEY_AUTH_CLEAR:
		smtp.auth_clear = true;
		return 0;
	case KEY_LISTEN:
		listens =
		    xrealloc(listens, (listen_count + 1) * sizeof *listens);
		listens[listen_count++] = value;
		return 0;
	case KEY_SOURCE_ROUTES:
	case KEY_BARE_NEWLINE:
		return set_word(key, value);
	case KEY_LOG:
		return log_target(value, &log_to, NULL, 0);
	case 'v':
		verbose = true;
		return 0;
	default:
		return set_number(key, value);
	}
}

static int
set(int key, const char *value, char *why, size_t size)
{
	int r = set_option(key, value);

	if (r != 0)
		snprintf(why, size, "bad value `%s'", value);
	return r;
}

/* Programs of the table are run by mbox-deliver, which looks them up itself:
 * nothing that a stranger has sent chooses a command. NULL-ended, to be freed.
 */
static char **
program_command(void)
{
	static char words[][16] = {"mbox-deliver", "--mailboxes", "--local"};
	char **argv =
	    xrealloc(NULL, (4 + 2 * rules.local_count) * sizeof *argv);
	size_t n = 0;

	argv[n++] = words[0];
	argv[n++] = words[1];
	argv[n++] = (char *)table;
	for (size_t i = 0; i < rules.local_count; i++) {
		argv[n++] = words[2];
		argv[n++] = (char *)rules.locals[i];
	}
	argv[n] = NULL;
	return argv;
}

/* Whoever does not read a last word hears the close, as does who waits for
 * TLS. */
static void
part(int out, const char *word)
{
	if (!implicit && write(out, word, strlen(word)) < 0)
		return;
}

static int
unavailable(int out)
{
	char line[320];

	snprintf(line, sizeof line,
	    "421 4.3.0 %s Temporary trouble, try again later\r\n",
	    smtp.hostname);
	part(out, line);
	return EX_TEMPFAIL;
}

/* Who the client is, if a proxy must say that, and whether it is one too many.
 * -1: there is no session with it. */
static int
meet(struct peer *peer, int in, int out)
{
	if (networks_have(&proxies, peer) &&
	    proxied_peer(in,
		timeout < HEADER_SECONDS ? timeout : HEADER_SECONDS,
		peer) != 0) {
		log_event("no-header", "proxy", peer->addr, "reason",
		    strerror(errno), NULL);
		return -1;
	}
	if (serve_claim(peer))
		return 0;
	part(out, busy);
	return -1;
}

static int
begin_starter(struct starter *starter)
{
	struct starter_config c = {.handler = command,
	    .auth = auth,
	    .rcpt_check = rcpt_check,
	    .rcpt_seconds = timeout < RCPT_SECONDS ? timeout : RCPT_SECONDS,
	    .seconds = COMMAND_SECONDS};
	char **programs = NULL;
	int r;

	starter->fd = -1;
	if (tables.deliver && tables.mailboxes &&
	    mailboxes_has_programs(tables.mailboxes))
		c.handler = programs = program_command();
	if (programs && user_name)
		c.user = &user;
	if (!c.handler && !auth && !rcpt_check)
		return 0;
	r = starter_begin(starter, &c);
	free(programs);
	return r;
}

/* Leaves this session nothing but what it needs. 0, or -1 and said why. */
static int
drop_rights(struct queue *queue)
{
	const struct profile_smtp profile = {.queue = spool ? queue : NULL,
	    .mailboxes = tables.deliver ? &tables.reach : NULL,
	    .command = command != NULL};

	if (user_name && owner_become(&user) != 0) {
		log_error("become user %s: %s", user_name, strerror(errno));
		return -1;
	}
	if (spool && queue_open(queue, spool, true) != 0) {
		log_error("open spool %s: %s", spool, strerror(errno));
		return -1;
	}
	if (profile_smtp(&profile) != 0) {
		log_error("confine the session: %s", strerror(errno));
		return -1;
	}
	return 0;
}

static int
session(int in, int out, void *arg)
{
	struct queue queue = {-1, -1, -1, -1, -1, -1};
	struct starter starter;
	struct receive r = {.smtp = smtp,
	    .tls = tls,
	    .implicit = implicit,
	    .queue = &queue,
	    .starter = &starter,
	    .rcpt_check = rcpt_check != NULL,
	    .timeout = timeout,
	    .verbose = verbose};
	char why[512];

	(void)arg;
	r.sink = command ? HANDOVER_COMMAND
	    : spool      ? HANDOVER_QUEUE
			 : HANDOVER_MAILBOXES;
	peer_of(in, &r.peer);
	r.accept = (struct accept){.config = &rules, .routes = &tables.routes};
	if (getpid() != first_pid && tables_changed(&tables) &&
	    tables_read(&tables, why, sizeof why) != 0) {
		log_error("%s", why);
		r.accept.broken = true;
	}
	r.accept.table = tables.mailboxes;
	r.accept.senders = tables.senders;
	if (begin_starter(&starter) != 0) {
		log_error("fork: %s", strerror(errno));
		return unavailable(out);
	}
	if (drop_rights(&queue) != 0)
		return unavailable(out);
	if (meet(&r.peer, in, out) == 0) {
		r.accept.may_relay =
		    (command || spool) && networks_have(&rules.relays, &r.peer);
		receive_session(&r, in, out);
	}
	queue_close(&queue);
	starter_end(&starter);
	return EX_OK;
}

/* What the options leave open or contradict. */
static void
check_options(void)
{
	static char name[256];

	if (!smtp.hostname && gethostname(name, sizeof name - 1) == 0)
		smtp.hostname = name;
	if (!smtp.hostname || !accept_domain(smtp.hostname))
		log_die(EX_USAGE, "`%s' is no host name: give --hostname",
		    smtp.hostname ? smtp.hostname : "");
	rules.hostname = smtp.hostname;
	smtp.dsn = spool != NULL;
	if (!rules.locals)
		accept_add_local(&rules, smtp.hostname);
	if (command && spool)
		log_die(EX_USAGE, "either --spool or -- COMMAND, not both");
	if (!command && !spool && !table)
		log_die(EX_USAGE,
		    "where to? --mailboxes FILE, --spool DIR or -- COMMAND");
	if (proxied != (proxies.count > 0))
		log_die(
		    EX_USAGE, "--proxy-protocol and --proxy-from go together");
	if (smtp.submission && !auth)
		log_die(EX_USAGE, "--submission needs --auth");
	if (smtp.submission && smtp.lmtp)
		log_die(EX_USAGE, "either --submission or --lmtp, not both");
	if (sender_map && !smtp.submission)
		log_die(EX_USAGE, "--sender-map needs --submission");
	if (rules.relays.count && !command && !spool)
		log_die(EX_USAGE, "--relay-from needs --spool or -- COMMAND");
}

int
main(int argc, char *argv[])
{
	const struct options options = {.defs = option_defs,
	    .set = set,
	    .usage = usage,
	    .program = "smtp-recv"};
	int first = options_parse(&options, argc, argv);
	char why[512];
	struct serve server = {.session = session,
	    .busy = busy,
	    .proxies = proxied ? &proxies : NULL};

	if (argv[first])
		command = argv + first;
	log_open("smtp-recv", log_to);
	check_options();
	if (user_name && owner_named(user_name, &user, why, sizeof why) != 0)
		log_die(EX_CONFIG, "%s", why);
	confine_probe(!command, false);
	tables.mailboxes_file = table;
	tables.senders_file = sender_map;
	tables.spool = spool;
	tables.locals = rules.locals;
	tables.deliver = !command && !spool;
	tables_changed(&tables);
	if (tables_read(&tables, why, sizeof why) != 0)
		log_die(verdict_exit_of_errno(errno, EX_CONFIG), "%s", why);
	first_pid = getpid();
	if (command || table || auth || rcpt_check)
		child_path();
	tls = starttls_open(&implicit);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	snprintf(busy, implicit ? 1 : sizeof busy,
	    "421 4.3.2 %s Too many connections\r\n", smtp.hostname);
	server.becomes = user_name != NULL;
	server.listen = listens;
	server.listens = listen_count;
	serve_end(serve(&server));
}
