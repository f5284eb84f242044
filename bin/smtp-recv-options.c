#include "smtp-recv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "buf.h"
#include "options.h"
#include "parse.h"
#include "transaction.h"

static struct settings said = {
    .smtp = {.max_size = 100 << 20, .max_rcpts = 100},
    .timeout = 300,
    .log_to = LOG_TO_STDERR,
};
static bool proxied;

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
		return parse_size(value, &said.smtp.max_size);
	if ((key == KEY_TIMEOUT ? parse_duration(value, &n)
				: parse_number(value, max, &n)) != 0 ||
	    n == 0 || n > max)
		return -1;
	*(key == KEY_TIMEOUT ? &said.timeout : &said.smtp.max_rcpts) =
	    (unsigned)n;
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
		said.smtp.normalize = i == 1;
	else
		said.rules.source_routes = (enum accept_routes)i;
	return 0;
}

static int
set_option(int key, const char *value)
{
	switch (key) {
	case KEY_HOSTNAME:
		said.smtp.hostname = value;
		return 0;
	case KEY_LOCAL:
		return accept_add_local(&said.rules, value);
	case KEY_RELAY_FROM:
		return networks_add(&said.rules.relays, value);
	case KEY_PROXY_PROTOCOL:
		proxied = true;
		return 0;
	case KEY_PROXY_FROM:
		return networks_add(&said.proxies, value);
	case KEY_MAILBOXES:
		said.mailboxes = value;
		return 0;
	case KEY_SUBMISSION:
		said.smtp.submission = true;
		return 0;
	case KEY_SENDER_MAP:
		said.sender_map = value;
		said.rules.sender_map = true;
		return 0;
	case KEY_RCPT_CHECK:
		said.rcpt_check = value;
		return 0;
	case KEY_SPOOL:
		said.spool = value;
		return 0;
	case KEY_LMTP:
		said.smtp.lmtp = true;
		return 0;
	case KEY_USER:
		said.user = value;
		return 0;
	case KEY_AUTH:
		said.auth = value;
		said.smtp.auth = true;
		return 0;
	case KEY_AUTH_CLEAR:
		said.smtp.auth_clear = true;
		return 0;
	case KEY_LISTEN:
		said.listens = xrealloc(said.listens,
		    (said.listen_count + 1) * sizeof *said.listens);
		said.listens[said.listen_count++] = value;
		return 0;
	case KEY_SOURCE_ROUTES:
	case KEY_BARE_NEWLINE:
		return set_word(key, value);
	case KEY_LOG:
		return log_target(value, &said.log_to, NULL, 0);
	case 'v':
		said.verbose = true;
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

/* What the options leave open or contradict. */
static void
check_options(void)
{
	static char name[256];

	if (!said.smtp.hostname && gethostname(name, sizeof name - 1) == 0)
		said.smtp.hostname = name;
	if (!said.smtp.hostname || !address_is_domain(said.smtp.hostname))
		log_die(EX_USAGE, "`%s' is no host name: give --hostname",
		    said.smtp.hostname ? said.smtp.hostname : "");
	said.rules.hostname = said.smtp.hostname;
	said.smtp.dsn = said.spool != NULL;
	if (!said.rules.locals)
		accept_add_local(&said.rules, said.smtp.hostname);
	if (said.command && said.spool)
		log_die(EX_USAGE, "either --spool or -- COMMAND, not both");
	if (!said.command && !said.spool && !said.mailboxes)
		log_die(EX_USAGE,
		    "where to? --mailboxes FILE, --spool DIR or -- COMMAND");
	if (proxied != (said.proxies.count > 0))
		log_die(
		    EX_USAGE, "--proxy-protocol and --proxy-from go together");
	if (said.smtp.submission && !said.auth)
		log_die(EX_USAGE, "--submission needs --auth");
	if (said.smtp.submission && said.smtp.lmtp)
		log_die(EX_USAGE, "either --submission or --lmtp, not both");
	if (said.sender_map && !said.smtp.submission)
		log_die(EX_USAGE, "--sender-map needs --submission");
	if (said.rules.relays.count && !said.command && !said.spool)
		log_die(EX_USAGE, "--relay-from needs --spool or -- COMMAND");
}

const struct settings *
settings_read(int argc, char *argv[])
{
	const struct options options = {.defs = option_defs,
	    .set = set,
	    .usage = usage,
	    .program = "smtp-recv"};
	int first = options_parse(&options, argc, argv);

	if (argv[first])
		said.command = argv + first;
	log_open("smtp-recv", said.log_to);
	check_options();
	return &said;
}
