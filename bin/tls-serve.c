/* tls-serve: TLS for a server program. Leaves a broker behind that holds the
 * keys, and executes COMMAND in its own place with TLS_FD, the way to that
 * broker; with --wrap TLS begins at once, and COMMAND speaks plain on
 * descriptors 0 and 1. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "broker.h"
#include "buf.h"
#include "child.h"
#include "log.h"
#include "options.h"
#include "peer.h"
#include "starttls.h"

static struct broker broker = {.log = LOG_TO_STDERR};
static struct tls_files *files;
static size_t certs, keys;
static bool implicit, wrap;

static const char usage[] =
    "usage: tls-serve --cert FILE --key FILE [--cert FILE --key FILE]...\n"
    "                 [--implicit | --wrap] [--user NAME] -- COMMAND [ARG...]\n"
    "TLS for the server COMMAND, which asks for it at its STARTTLS or STLS.\n"
    "\n"
    "  --cert FILE    certificate and chain, PEM; of several the client's\n"
    "                 server name chooses, and the first serves all others\n"
    "  --key FILE     its key, PEM, without passphrase\n"
    "  --implicit     COMMAND is to begin with TLS, before its greeting\n"
    "  --wrap         begin with TLS here: COMMAND knows nothing of it\n"
    "  --user NAME    whom the processes become that talk to clients\n"
    "  --log WHERE    stderr, syslog or none\n"
    "  --config FILE  long options, one a line\n"
    "  -h, --help     this\n"
    "  -V, --version  the version\n"
    "\n"
    "A renewed certificate is used from the next client on.\n";

enum { CERT = 0x300, KEY, IMPLICIT, WRAP, USER, LOG };

static const struct option_def option_defs[] = {
    {"cert", CERT, true},
    {"key", KEY, true},
    {"implicit", IMPLICIT, false},
    {"wrap", WRAP, false},
    {"user", USER, true},
    {"log", LOG, true},
    {NULL, 0, false},
};

static struct tls_files *
files_at(size_t i)
{
	if (i == broker.count) {
		files = xrealloc(files, (i + 1) * sizeof *files);
		files[broker.count++] = (struct tls_files){NULL, NULL};
	}
	return &files[i];
}

static int
set(int key, const char *value, char *why, size_t size)
{
	switch (key) {
	case CERT:
		files_at(certs++)->cert = value;
		return 0;
	case KEY:
		files_at(keys++)->key = value;
		return 0;
	case IMPLICIT:
		implicit = true;
		return 0;
	case WRAP:
		wrap = true;
		return 0;
	case USER:
		broker.user = value;
		return 0;
	default:
		if (log_target(value, &broker.log) == 0)
			return 0;
		snprintf(
		    why, size, "`%s' is not stderr, syslog or none", value);
		return -1;
	}
}

/* The same open socket or file on both. */
static bool
is_same(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev &&
	    x.st_ino == y.st_ino;
}

/* Descriptors 0 and 1 become the plain stream, and 2 where it was the wire,
 * as under inetd. */
static void
begin_wrapped(int fd)
{
	struct peer peer;
	int pair[2], near, last = is_same(0, 2) ? 2 : 1;

	peer_of(0, &peer);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0 ||
	    (near = fcntl(pair[0], F_DUPFD_CLOEXEC, 3)) < 0 ||
	    starttls_wrap(fd, 0, pair[1]) < 0)
		log_die(EX_OSERR, "start TLS: %s", strerror(errno));
	close(pair[0]);
	close(pair[1]);
	close(fd);
	for (int i = 0; i <= last; i++)
		if (dup2(near, i) < 0)
			log_die(EX_OSERR, "dup2: %s", strerror(errno));
	if (peer.port[0]) {
		setenv("REMOTE_ADDR", peer.addr, 1);
		setenv("REMOTE_PORT", peer.port, 1);
	}
}

static void
export_way(int fd)
{
	char number[16];

	snprintf(number, sizeof number, "%d", fd);
	setenv("TLS_FD", number, 1);
	if (implicit)
		setenv("TLS_MODE", "implicit", 1);
	else
		unsetenv("TLS_MODE");
}

static void
check_options(char *const command[])
{
	if (certs == 0 || certs != keys)
		log_die(EX_USAGE, "--cert and --key are needed, each as often");
	if (implicit && wrap)
		log_die(EX_USAGE, "either --implicit or --wrap, not both");
	if (!*command)
		log_die(EX_USAGE, "which server? -- COMMAND [ARG...]");
	if (wrap && getpeername(0, &(struct sockaddr){0}, &(socklen_t){0}) < 0)
		log_die(EX_USAGE, "descriptor 0 is no connection");
}

int
main(int argc, char *argv[])
{
	const struct options options = {.defs = option_defs,
	    .set = set,
	    .usage = usage,
	    .program = "tls-serve"};
	char **command = argv + options_parse(&options, argc, argv);
	int fd, code;

	check_options(command);
	broker.files = files;
	fd = broker_open(&broker);
	if (fd < 0)
		log_die(EX_OSERR, "make a socket: %s", strerror(errno));
	if (wrap)
		begin_wrapped(fd);
	else
		export_way(fd);
	child_path();
	/* From here on each page that is written is copied: nothing is between
	 * this and the greeting. */
	if (broker_fork(&broker) < 0)
		log_die(EX_OSERR, "fork: %s", strerror(errno));
	execvp(command[0], command);
	code = errno == ENOENT ? 127 : 126;
	log_error("execute %s: %s", command[0], strerror(errno));
	return code;
}
