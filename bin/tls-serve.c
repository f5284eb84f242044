/* tls-serve: TLS for a server program. Leaves a broker behind that holds the
 * keys, and executes COMMAND in its own place with TLS_FD, the way to that
 * broker; with --wrap TLS begins at once, and COMMAND speaks plain on
 * descriptors 0 and 1. The broker is a program of its own: a client that wants
 * no TLS does not wait for the library to be loaded. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "broker.h"
#include "buf.h"
#include "child.h"
#include "log.h"
#include "options.h"
#include "peer.h"
#include "starttls.h"

/* Far from those that systemd passes, 3 to 66. */
#define HIGH 100
#define STACK (64 * 1024)
#define GREETING_MS 50

static const char **files; /* certificates and keys in turn */
static size_t files_room, certs, keys;
static const char *user;
static enum log_target target = LOG_TO_STDERR;
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

static const char **
file_at(size_t i)
{
	if (i >= files_room) {
		files = xrealloc(files, (i + 1) * sizeof *files);
		while (files_room <= i)
			files[files_room++] = NULL;
	}
	return &files[i];
}

static int
set(int key, const char *value, char *why, size_t size)
{
	switch (key) {
	case CERT:
		*file_at(2 * certs++) = value;
		return 0;
	case KEY:
		*file_at(2 * keys++ + 1) = value;
		return 0;
	case IMPLICIT:
		implicit = true;
		return 0;
	case WRAP:
		wrap = true;
		return 0;
	case USER:
		user = value;
		return 0;
	default:
		return log_target(value, &target, why, size);
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

/* The servers' end, which stays open in COMMAND. */
static int
open_way(int *requests)
{
	int pair[2], fd;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	/* Neither in the place of a standard one that was closed. */
	fd = fcntl(pair[0], F_DUPFD, HIGH);
	*requests = fcntl(pair[1], F_DUPFD_CLOEXEC, BROKER_FD + 1);
	close(pair[0]);
	close(pair[1]);
	return *requests < 0 ? -1 : fd;
}

/* Nothing of the server's stays open here: it would not see its peers go. */
static int
leave(int requests)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	log_open("tls-serve", target);
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 ||
	    dup2(requests, BROKER_FD) < 0)
		return -1;
	return close_range(BROKER_FD + 1, ~0U, 0);
}

static const char **
broker_argv(void)
{
	const char **argv = xrealloc(NULL, (2 * certs + 7) * sizeof *argv);
	size_t n = 0;

	argv[n++] = "tls-broker";
	argv[n++] = "--log";
	argv[n++] = log_target_name();
	if (user) {
		argv[n++] = "--user";
		argv[n++] = user;
	}
	argv[n++] = "--";
	memcpy(argv + n, files, 2 * certs * sizeof *files);
	argv[n + 2 * certs] = NULL;
	return argv;
}

/* The greeting first: what is loaded would compete with it, and a server that
 * is gone by then needs nothing. False where it is. */
static bool
has_server(void)
{
	struct pollfd p = {BROKER_FD, POLLIN, 0};
	char c;

	/* What it asked for before it went is still to be done. */
	return poll(&p, 1, GREETING_MS) <= 0 || !(p.revents & POLLHUP) ||
	    recv(BROKER_FD, &c, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

static _Noreturn void
become_broker(int requests)
{
	const char **argv;

	if (leave(requests) == 0) {
		if (!has_server())
			_exit(EX_OK);
		argv = broker_argv();
		execvp(argv[0], (char **)argv);
	}
	log_error("execute tls-broker: %s", strerror(errno));
	_exit(EX_OSERR);
}

static int
leave_orphan(void *requests)
{
	pid_t pid;

	/* Sessions end by themselves; a stop of the server must not cut them,
	 * from its first word on. */
	setsid();
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	pid = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0L);
	if (pid == 0)
		become_broker(*(int *)requests);
	return pid < 0 ? errno : 0;
}

/* Two processes deep, so that it is nobody's child that COMMAND could wait for.
 * The first shares our memory and holds us up until it ends: to copy memory is
 * most of what the greeting waits for. */
static int
leave_broker(int requests)
{
	_Alignas(16) char stack[STACK];
	pid_t pid = clone(leave_orphan, stack + STACK,
	    CLONE_VM | CLONE_VFORK | SIGCHLD, &requests);
	int status;

	if (pid < 0)
		return -1;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return 0;
	errno = WEXITSTATUS(status);
	return errno ? -1 : 0;
}

int
main(int argc, char *argv[])
{
	const struct options options = {.defs = option_defs,
	    .set = set,
	    .usage = usage,
	    .program = "tls-serve"};
	char **command = argv + options_parse(&options, argc, argv);
	int requests, fd, code;

	check_options(command);
	fd = open_way(&requests);
	if (fd < 0)
		log_die(EX_OSERR, "make a socket: %s", strerror(errno));
	if (wrap)
		begin_wrapped(fd);
	else
		export_way(fd);
	child_path();
	if (leave_broker(requests) < 0)
		log_die(EX_OSERR, "fork: %s", strerror(errno));
	execvp(command[0], command);
	code = errno == ENOENT ? 127 : 126;
	log_error("execute %s: %s", command[0], strerror(errno));
	return code;
}
