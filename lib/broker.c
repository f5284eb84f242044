#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "broker.h"
#include "confine.h"
#include "owner.h"
#include "relay.h"

/* Far from those that systemd passes, 3 to 66. */
#define HIGH 100
#define RELAYS_MAX 400
#define GREETING_MS 50

/* In the broker, for its life. */
struct state {
	const struct broker *config;
	struct tls *tls;
	struct owner user;
	int requests, signals;
	unsigned relays;
};

/* The two descriptors of a request; whatever else came along is closed. 0, or
 * -1. */
static int
take_fds(struct msghdr *m, int fds[2])
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	size_t n;

	fds[0] = fds[1] = -1;
	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
		return -1;
	n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(fds, CMSG_DATA(c), (n < 2 ? n : 2) * sizeof(int));
	return n == 2 && !(m->msg_flags & MSG_CTRUNC) ? 0 : -1;
}

/* What is not connected would be waited for in vain. */
static bool
is_connected(int fd)
{
	struct sockaddr_storage peer;
	socklen_t n = sizeof(int), size = sizeof peer;
	int type;

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) == 0 &&
	    type == SOCK_STREAM &&
	    getpeername(fd, (struct sockaddr *)&peer, &size) == 0;
}

static void
reap(struct state *s)
{
	struct signalfd_siginfo info[16];

	while (read(s->signals, info, sizeof info) > 0)
		;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		s->relays--;
}

/* Without a relay the server sees the end of its stream. */
static void
start_relay(struct state *s, const int fds[2], bool told)
{
	struct relay r = {.user = s->config->user ? &s->user : NULL,
	    .wire = fds[0],
	    .plain = fds[1],
	    .told = told};
	pid_t pid;

	reap(s);
	if (s->relays >= RELAYS_MAX || !tls_refresh(s->tls))
		return;
	pid = fork();
	if (pid == 0) {
		close(s->requests);
		close(s->signals);
		r.tls = s->tls;
		relay_run(&r);
	}
	if (pid > 0)
		s->relays++;
	else
		log_event("no-process", "reason", strerror(errno), NULL);
}

/* One datagram, whatever it may be: those who send them talk to strangers. 1;
 * 0 when there is none, or an empty one; -1 with errno. */
static int
take_request(struct state *s)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(2 * sizeof(int))];
	} control = {.room = ""};
	char text[8];
	struct iovec iov = {text, sizeof text};
	struct msghdr m = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control.room,
	    .msg_controllen = sizeof control.room};
	ssize_t n;
	int fds[2];

	n = recvmsg(s->requests, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN ? 0 : -1;
	if (take_fds(&m, fds) == 0 && is_connected(fds[0]) &&
	    is_connected(fds[1])) {
		if (n == 5 && memcmp(text, "START", 5) == 0)
			start_relay(s, fds, true);
		else if (n == 4 && memcmp(text, "WRAP", 4) == 0)
			start_relay(s, fds, false);
	}
	for (int i = 0; i < 2; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	return n > 0;
}

/* Until no server has the other end, and what they asked for is done. An empty
 * datagram looks like the end, but not to poll. */
static void
loop(struct state *s)
{
	struct pollfd p[2] = {
	    {s->requests, POLLIN, 0}, {s->signals, POLLIN, 0}};
	int r = 1;

	while (r > 0 || !(p[0].revents & (POLLHUP | POLLERR))) {
		if (poll(p, 2, -1) < 0)
			continue;
		if (p[1].revents != 0)
			reap(s);
		r = p[0].revents != 0 ? take_request(s) : 1;
	}
}

/* Nothing of the server's stays open here: it would not see its peers go. */
static int
leave(struct state *s)
{
	sigset_t chld;
	int null;

	setsid();
	prctl(PR_SET_DUMPABLE, 0);
	log_open("tls-serve", s->config->log);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 ||
	    dup2(s->requests, 3) < 0 || close_range(4, ~0U, 0) < 0)
		return -1;
	s->requests = 3;
	fcntl(3, F_SETFD, FD_CLOEXEC);
	/* Sessions end by themselves; a stop of the server must not cut them.
	 */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_SETMASK, &chld, NULL);
	s->signals = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signals < 0 ? -1 : 0;
}

static _Noreturn void
work(const struct broker *b)
{
	struct state s = {.config = b, .requests = b->requests};
	char why[256];

	if (leave(&s) < 0) {
		log_error("broker: %s", strerror(errno));
		_exit(EX_OSERR);
	}
	s.tls = tls_new(b->files, b->count);
	/* The greeting first: what we load would compete with it. */
	poll(&(struct pollfd){s.requests, POLLIN, 0}, 1, GREETING_MS);
	if (b->user && owner_named(b->user, &s.user, why, sizeof why) < 0) {
		log_error("%s", why);
		_exit(EX_CONFIG);
	}
	confine_probe(false, false);
	tls_refresh(s.tls);
	loop(&s);
	_exit(EX_OK);
}

int
broker_open(struct broker *b)
{
	int pair[2], fd, saved;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	/* Neither in the place of a standard one that was closed. */
	fd = fcntl(pair[0], F_DUPFD, HIGH);
	b->requests = fcntl(pair[1], F_DUPFD_CLOEXEC, 3);
	saved = errno;
	close(pair[0]);
	close(pair[1]);
	errno = saved;
	return b->requests < 0 ? -1 : fd;
}

/* By a fork whose end sends no signal: no wait of what we become finds a child
 * that it does not know (wait(2): it would take __WCLONE). That is half of what
 * forking twice costs, and a greeting waits for it. */
int
broker_fork(const struct broker *b)
{
	pid_t pid = (pid_t)syscall(SYS_clone, 0L, NULL, NULL, NULL, 0L);

	if (pid == 0)
		work(b);
	return pid < 0 ? -1 : 0;
}
