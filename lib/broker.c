#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "broker.h"
#include "confine.h"
#include "log.h"
#include "owner.h"
#include "relay.h"

#define RELAYS_MAX 400

/* In the broker, for its life. */
struct state {
	const struct broker *config;
	struct tls *tls;
	struct owner user;
	int signals;
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
		close(BROKER_FD);
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

	n = recvmsg(BROKER_FD, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
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
	struct pollfd p[2] = {{BROKER_FD, POLLIN, 0}, {s->signals, POLLIN, 0}};
	int r = 1;

	while (r > 0 || !(p[0].revents & (POLLHUP | POLLERR))) {
		if (poll(p, 2, -1) < 0)
			continue;
		if (p[1].revents != 0)
			reap(s);
		r = p[0].revents != 0 ? take_request(s) : 1;
	}
}

_Noreturn void
broker_run(const struct broker *b)
{
	struct state s = {.config = b};
	sigset_t chld;
	char why[256];

	prctl(PR_SET_DUMPABLE, 0);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_SETMASK, &chld, NULL);
	s.signals = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s.signals < 0) {
		log_error("broker: %s", strerror(errno));
		_exit(EX_OSERR);
	}
	if (b->user && owner_named(b->user, &s.user, why, sizeof why) < 0) {
		log_error("%s", why);
		_exit(EX_CONFIG);
	}
	confine_probe(false, false);
	s.tls = tls_new(b->files, b->count);
	tls_refresh(s.tls);
	loop(&s);
	_exit(EX_OK);
}
