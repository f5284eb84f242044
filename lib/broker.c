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
#define FDS_MAX 253 /* that Linux lets come with a datagram */

/* In the broker, for its life. */
struct state {
	const struct broker *config;
	struct tls *tls;
	struct owner user;
	int signals;
	unsigned relays;
};

static size_t
take_fds(struct msghdr *m, int fds[FDS_MAX])
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	size_t n;

	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
		return 0;
	n = (c->cmsg_len - CMSG_LEN(0)) / sizeof *fds;
	memcpy(fds, CMSG_DATA(c), n * sizeof *fds);
	return n;
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

/* Who sent what nobody asked for may have seen to it that its last close takes
 * long: a process does that which nothing waits for. */
static void
drop(struct state *s, const int *fds, size_t n)
{
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			pause();
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
	if (pid > 0) {
		s->relays++;
		kill(pid, SIGKILL);
	}
}

/* One datagram, whatever it may be: those who send them talk to strangers. 1;
 * 0 when there is none, or an empty one; -1 with errno. */
static int
take_request(struct state *s)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(FDS_MAX * sizeof(int))];
	} control = {.room = ""};
	char text[8];
	struct iovec iov = {text, sizeof text};
	struct msghdr m = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control.room,
	    .msg_controllen = sizeof control.room};
	bool start, wrap;
	int fds[FDS_MAX];
	size_t count;
	ssize_t n;

	n = recvmsg(BROKER_FD, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN ? 0 : -1;
	start = n == 5 && memcmp(text, "START", 5) == 0;
	wrap = n == 4 && memcmp(text, "WRAP", 4) == 0;
	count = take_fds(&m, fds);
	if ((start || wrap) && count == 2 && is_connected(fds[0]) &&
	    is_connected(fds[1])) {
		start_relay(s, fds, start);
		close(fds[0]);
		close(fds[1]);
	} else if (count > 0)
		drop(s, fds, count);
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
