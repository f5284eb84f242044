#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "crowd.h"
#include "listener.h"
#include "log.h"
#include "parse.h"
#include "reuse.h"
#include "serve.h"

#define LISTENERS_MAX 64
#define DEFAULT_MAX 200
#define DEFAULT_PER_ADDR 20
#define ACCEPTS_IN_A_ROW 16
#define STARVED_MS 1000 /* when descriptors or memory have run out */

union address {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

struct server {
	const struct serve *s;
	int listeners[LISTENERS_MAX];
	size_t count;
	const int *connected; /* by our caller, sessions of them to come */
	size_t waiting;
	struct crowd sessions;
	struct reuse reuse;
	int signals;
	sigset_t mask; /* as it was: the sessions' */
	bool stopping, starved;
};

/* A session's place among them, and how it comes to its next one. */
static struct crowd *among;
static int place;
static struct reuse_ends ends = {-1, -1};

static const char *const peer_names[] = {"REMOTE_ADDR", "REMOTE_PORT",
    "REMOTE_HOST", "TCPREMOTEIP", "TCPREMOTEPORT", "TCPREMOTEHOST"};
static const char *const listen_names[] = {
    "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"};

static void
forget(const char *const names[], size_t n)
{
	while (n-- > 0)
		unsetenv(names[n]);
}

/* Never waits for the peer. What it sent already is read, or closing would
 * reset the connection and take our line with it. */
static void
turn_away(const struct server *v, int fd)
{
	char drop[4096];

	send(fd, v->s->busy, strlen(v->s->busy), MSG_DONTWAIT | MSG_NOSIGNAL);
	shutdown(fd, SHUT_WR);
	for (int i = 0; i < 16; i++)
		if (recv(fd, drop, sizeof drop, MSG_DONTWAIT) <= 0)
			break;
	close(fd);
}

/* In the process of the connection. */
static _Noreturn void
be_session(struct server *v, int fd)
{
	const struct serve *s = v->s;

	for (size_t i = 0; i < v->count; i++)
		close(v->listeners[i]);
	for (size_t i = 0; i < v->waiting; i++)
		close(v->connected[i]);
	close(v->signals);
	reuse_leave(&v->reuse);
	among = &v->sessions;
	sigprocmask(SIG_SETMASK, &v->mask, NULL);
	if (dup2(fd, 0) < 0 || dup2(fd, 1) < 0)
		exit(EX_TEMPFAIL);
	close(fd);
	serve_end(s->session(0, 1, s->arg));
}

static void
reap(struct server *v)
{
	char signal[16];
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		int left = crowd_find(&v->sessions, pid);
		bool rested = left >= 0 && v->sessions.rests[left];

		if (left < 0)
			continue;
		crowd_leave(&v->sessions, left);
		reuse_close(&v->reuse, left);
		if (!WIFSIGNALED(status) || v->stopping || rested)
			continue;
		snprintf(signal, sizeof signal, "%d", WTERMSIG(status));
		log_event("session-killed", "signal", signal, NULL);
	}
}

/* The place of a process of p's that is free, perhaps only just, or -1. */
static int
find_free(struct server *v, const struct peer *p)
{
	struct pollfd said[REUSE_MAX];
	int at = reuse_find(&v->reuse, p);
	size_t n;

	if (at >= 0)
		return at;
	n = reuse_poll(&v->reuse, said);
	if (n > 0 && poll(said, n, 0) > 0)
		reuse_hear(&v->reuse, said, n);
	return reuse_find(&v->reuse, p);
}

static bool
use_again(struct server *v, int fd, const struct peer *p)
{
	int at = v->s->outdated && p ? find_free(v, p) : -1;

	if (at < 0)
		return false;
	if (v->s->outdated(v->s->arg)) {
		reuse_retire(&v->reuse);
		return false;
	}
	return reuse_give(&v->reuse, at, p, fd);
}

/* p: whom it counts against, or NULL. False: there are too many. */
static bool
start_session(struct server *v, int fd, const struct peer *p)
{
	pid_t pid;

	place = crowd_place(&v->sessions, p);
	if (place < 0)
		return false;
	ends = (struct reuse_ends){-1, -1};
	if (v->s->outdated && p)
		ends = reuse_open(&v->reuse, place, p);
	pid = fork();
	if (pid == 0)
		be_session(v, fd);
	reuse_close_ends(&ends);
	crowd_fill(&v->sessions, place, pid);
	if (pid < 0) {
		log_event("no-process", "reason", strerror(errno), NULL);
		reuse_close(&v->reuse, place);
		reuse_retire(&v->reuse); /* there will be some */
		turn_away(v, fd);
		return true;
	}
	close(fd);
	return true;
}

static bool
place_one(struct server *v, int fd, const struct peer *p)
{
	if (!use_again(v, fd, p))
		return start_session(v, fd, p);
	close(fd);
	return true;
}

static void
receive_one(struct server *v, int fd, const struct peer *p)
{
	if (place_one(v, fd, p))
		return;
	reap(v); /* some may have ended just now */
	if (!place_one(v, fd, p))
		turn_away(v, fd);
}

bool
serve_next(struct peer *p)
{
	return reuse_next(&ends, p);
}

bool
serve_claim(const struct peer *p)
{
	return !among || !among->shared || crowd_claim(among, place, p);
}

static void
accept_some(struct server *v, int listener)
{
	const struct networks *proxies = v->s->proxies;
	union address a;
	struct peer p;
	socklen_t n;
	int fd;

	for (int i = 0; i < ACCEPTS_IN_A_ROW; i++) {
		n = sizeof a;
		memset(&a, 0, sizeof a);
		fd = accept4(listener, &a.sa, &n, SOCK_CLOEXEC);
		if (fd >= 0) {
			peer_from(&a.sa, &p);
			receive_one(v, fd,
			    proxies && networks_have(proxies, &p) ? NULL : &p);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
		    errno == ENOMEM) {
			log_event("accept", "reason", strerror(errno), NULL);
			v->starved = true;
		}
		return;
	}
}

static void
stop(struct server *v)
{
	for (size_t i = 0; i < v->count; i++)
		if (v->s->listens > 0)
			listener_remove(v->listeners[i]);
		else
			close(v->listeners[i]);
	v->count = 0;
	v->stopping = true;
	reuse_retire(&v->reuse);
	for (unsigned i = 0; i < crowd_places(&v->sessions); i++)
		if (v->sessions.pids[i] > 0 && !v->sessions.rests[i])
			kill(v->sessions.pids[i], SIGTERM);
}

static void
take_signals(struct server *v)
{
	struct signalfd_siginfo info[16];
	ssize_t n = read(v->signals, info, sizeof info);

	for (size_t i = 0; n > 0 && i < (size_t)n / sizeof *info; i++)
		if (info[i].ssi_signo != SIGCHLD)
			stop(v);
	reap(v);
}

static int
patience(const struct server *v)
{
	int ms = reuse_wait(&v->reuse);

	return v->starved && (ms < 0 || ms > STARVED_MS) ? STARVED_MS : ms;
}

/* Until SIGTERM (or, where all connections came from the caller, until they
 * are done) and the last process has ended. Who is free is heard before who
 * calls. */
static void
loop(struct server *v)
{
	struct pollfd p[1 + REUSE_MAX + LISTENERS_MAX], *listeners;
	size_t channels, n;

	while (v->count > 0 || v->sessions.running > 0 ||
	    v->sessions.resting > 0) {
		p[0] = (struct pollfd){v->signals, POLLIN, 0};
		channels = reuse_poll(&v->reuse, p + 1);
		listeners = p + 1 + channels;
		n = v->starved ? 0 : v->count;
		for (size_t i = 0; i < n; i++)
			listeners[i] =
			    (struct pollfd){v->listeners[i], POLLIN, 0};
		poll(p, 1 + channels + n, patience(v));
		v->starved = false;
		if (p[0].revents != 0)
			take_signals(v);
		reuse_hear(&v->reuse, p + 1, channels);
		reuse_expire(&v->reuse);
		for (size_t i = 0; i < n && i < v->count; i++)
			if (listeners[i].revents != 0)
				accept_some(v, listeners[i].fd);
	}
}

/* Blocks the signals before the first session could end or anyone could ask
 * us to: from here on they come through v->signals alone. */
static int
take_over_signals(struct server *v)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	signal(SIGCHLD, SIG_DFL);
	sigprocmask(SIG_BLOCK, &set, &v->mask);
	v->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return v->signals < 0 ? -1 : 0;
}

static int
serve_listeners(struct server *v)
{
	const struct serve *s = v->s;
	char name[128];

	forget(peer_names, sizeof peer_names / sizeof *peer_names);
	if (crowd_begin(&v->sessions, s->max ? s->max : DEFAULT_MAX,
		s->per_addr ? s->per_addr : DEFAULT_PER_ADDR,
		s->proxies != NULL) < 0 ||
	    take_over_signals(v) < 0) {
		log_error("begin to serve: %s", strerror(errno));
		crowd_end(&v->sessions);
		return EX_OSERR;
	}
	reuse_begin(&v->reuse, &v->sessions);
	if (v->count > 0 && geteuid() == 0 && !s->becomes)
		log_event("root", "note", "sessions run as root", NULL);
	for (size_t i = 0; i < v->count; i++) {
		listener_name(v->listeners[i], name);
		log_event("listening", "address", name, NULL);
	}
	tzset(); /* once, for all of them */
	while (v->waiting > 0) {
		v->waiting--;
		receive_one(v, *v->connected++, NULL);
	}
	loop(v);
	close(v->signals);
	crowd_end(&v->sessions);
	sigprocmask(SIG_SETMASK, &v->mask, NULL);
	return EX_OK;
}

static int
listen_all(struct server *v)
{
	const char *spec;
	int fd;

	for (; v->count < v->s->listens; v->count++) {
		spec = v->s->listen[v->count];
		if (v->count == LISTENERS_MAX) {
			log_error("listen %s: over %d addresses", spec,
			    LISTENERS_MAX);
			return EX_USAGE;
		}
		fd = listener_open(spec);
		if (fd < 0 && errno == EINVAL) {
			log_error("listen %s: not ADDR:PORT, [ADDR]:PORT, "
				  ":PORT or a path with a slash",
			    spec);
			return EX_USAGE;
		}
		if (fd < 0) {
			log_error("listen %s: %s", spec, strerror(errno));
			return EX_OSERR;
		}
		v->listeners[v->count] = fd;
	}
	return EX_OK;
}

/* The number of descriptors from 3 that systemd means for this process. */
static size_t
listen_fds(void)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	uint64_t who, n;

	if (!pid || !fds || parse_number(pid, INT32_MAX, &who) < 0 ||
	    (pid_t)who != getpid() || parse_number(fds, LISTENERS_MAX, &n) < 0)
		return 0;
	return (size_t)n;
}

static int
run_here(const struct serve *s, int fd)
{
	int on = 1;

	if (fd > 1) {
		if (dup2(fd, 0) < 0 || dup2(fd, 1) < 0) {
			log_error("dup2: %s", strerror(errno));
			return EX_TEMPFAIL;
		}
		close(fd);
	}
	setsockopt(1, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	return s->session(0, 1, s->arg);
}

static int
serve_systemd(struct server *v, size_t n)
{
	int connected[LISTENERS_MAX];
	size_t count = 0;

	forget(listen_names, sizeof listen_names / sizeof *listen_names);
	for (int fd = 3; fd < 3 + (int)n; fd++)
		if (!listener_is(fd))
			connected[count++] = fd;
		else if (listener_adopt(fd) == 0)
			v->listeners[v->count++] = fd;
		else {
			log_error("descriptor %d: %s", fd, strerror(errno));
			return EX_OSERR;
		}
	if (v->count == 0 && count == 1)
		return run_here(v->s, connected[0]);
	v->connected = connected;
	v->waiting = count;
	return serve_listeners(v);
}

/* inetd's `wait': the listener leaves 0 and 1 to the connections. */
static int
serve_inetd_wait(struct server *v)
{
	int fd = fcntl(0, F_DUPFD_CLOEXEC, 3);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd < 0 || null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 ||
	    listener_adopt(fd) < 0) {
		log_error("descriptor 0: %s", strerror(errno));
		return EX_OSERR;
	}
	close(null);
	v->listeners[v->count++] = fd;
	return serve_listeners(v);
}

int
serve(const struct serve *s)
{
	struct server v = {.s = s};
	size_t n;
	int r;

	if (s->listens > 0) {
		r = listen_all(&v);
		return r != EX_OK ? r : serve_listeners(&v);
	}
	n = listen_fds();
	if (n > 0)
		return serve_systemd(&v, n);
	if (listener_is(0))
		return serve_inetd_wait(&v);
	return run_here(s, 0);
}

extern void __lsan_do_leak_check(void) __attribute__((weak));

void
serve_end(int code)
{
	if (__lsan_do_leak_check)
		exit(code);
	_exit(code);
}
