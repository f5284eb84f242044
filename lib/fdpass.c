#include "fdpass.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

union control {
	struct cmsghdr align;
	char room[CMSG_SPACE(FDPASS_MAX * sizeof(int))];
};

static ssize_t
send_first(int fd, const void *data, size_t n, const int *fds, size_t count)
{
	union control control = {.room = ""};
	struct iovec iov = {(void *)data, n};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *c;

	if (count > 0) {
		m.msg_control = control.room;
		m.msg_controllen = CMSG_SPACE(count * sizeof *fds);
		c = &control.align;
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(count * sizeof *fds);
		memcpy(CMSG_DATA(c), fds, count * sizeof *fds);
	}
	return sendmsg(fd, &m, MSG_NOSIGNAL);
}

int
fdpass_send(int fd, const void *data, size_t n, const int *fds, size_t count)
{
	const char *p = data;
	ssize_t w;

	while (n > 0) {
		w = send_first(fd, p, n, fds, count);
		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -1;
		count = 0;
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

static void
take_fds(struct msghdr *m, int fds[FDPASS_MAX])
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);

	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len <= CMSG_LEN(FDPASS_MAX * sizeof *fds))
		memcpy(fds, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
}

static ssize_t
recv_first(int fd, void *data, size_t n, int fds[FDPASS_MAX])
{
	union control control = {.room = ""};
	struct iovec iov = {data, n};
	struct msghdr m = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control.room,
	    .msg_controllen = sizeof control.room};
	ssize_t r;

	do
		r = recvmsg(fd, &m, MSG_CMSG_CLOEXEC | MSG_WAITALL);
	while (r < 0 && errno == EINTR);
	if (r >= 0)
		take_fds(&m, fds);
	return r;
}

void
fdpass_close(int fds[FDPASS_MAX])
{
	for (size_t i = 0; i < FDPASS_MAX; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
}

int
fdpass_recv(int fd, void *data, size_t n, int fds[FDPASS_MAX])
{
	char *p = data;
	ssize_t r = 0;

	for (size_t i = 0; fds && i < FDPASS_MAX; i++)
		fds[i] = -1;
	if (fds && n > 0 && (r = recv_first(fd, p, n, fds)) <= 0) {
		fdpass_close(fds);
		return -1;
	}
	for (p += r, n -= (size_t)r; n > 0; p += r, n -= (size_t)r) {
		r = recv(fd, p, n, MSG_WAITALL);
		if (r < 0 && errno == EINTR)
			r = 0;
		else if (r <= 0) {
			if (fds)
				fdpass_close(fds);
			return -1;
		}
	}
	return 0;
}
