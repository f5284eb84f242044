#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conn.h"
#include "fdpass.h"
#include "parse.h"
#include "starttls.h"

#define READY_MS 10000
#define LINE 96 /* "OK TLSv1.2 ECDHE-RSA-CHACHA20-POLY1305" is the longest */
#define WORDS \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

bool
starttls_is_way(int fd)
{
	socklen_t n = sizeof(int);
	int type;

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) == 0 &&
	    type == SOCK_SEQPACKET;
}

int
starttls_open(bool *implicit)
{
	const char *number = getenv("TLS_FD"), *mode = getenv("TLS_MODE");
	struct timeval limit = {READY_MS / 1000, 0};
	uint64_t n;
	int fd = -1;

	*implicit = mode && strcmp(mode, "implicit") == 0;
	if (number && parse_number(number, INT32_MAX, &n) == 0 && n > 2 &&
	    starttls_is_way((int)n) &&
	    fcntl((int)n, F_SETFD, FD_CLOEXEC) == 0 &&
	    setsockopt((int)n, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) ==
		0)
		fd = (int)n;
	unsetenv("TLS_FD");
	unsetenv("TLS_MODE");
	return fd;
}

/* Until fd is ready for events; 0, or -1 with errno. */
static int
wait_for(int fd, short events, int64_t until)
{
	struct pollfd p = {fd, events, 0};
	int64_t left;
	int ready = 0;

	while (ready == 0 || (ready < 0 && errno == EINTR)) {
		left = until - conn_now();
		if (left <= 0) {
			errno = ETIMEDOUT;
			return -1;
		}
		ready = poll(&p, 1, left < INT32_MAX ? (int)left : INT32_MAX);
	}
	return ready < 0 ? -1 : 0;
}

/* A line without its LF, and nothing behind it: that is the peer's. 0, or -1
 * with errno, EPROTO for an end or too long a line. */
static int
read_line(int fd, char line[LINE], int64_t until)
{
	size_t n = 0;
	ssize_t r;

	while (n < LINE) {
		if (wait_for(fd, POLLIN, until) < 0)
			return -1;
		r = recv(fd, line + n, 1, MSG_DONTWAIT);
		if (r < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (r <= 0)
			break;
		if (line[n] == '\n') {
			line[n] = '\0';
			return 0;
		}
		n++;
	}
	errno = EPROTO;
	return -1;
}

int
starttls_ready(int tls_fd, int wire)
{
	int64_t until = conn_now() + READY_MS;
	int pair[2], fds[2], r, saved;
	char line[LINE];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	fds[0] = wire;
	fds[1] = pair[1];
	r = fdpass_send(tls_fd, "START", 5, fds, 2);
	close(pair[1]);
	if (r == 0)
		r = read_line(pair[0], line, until);
	if (r == 0 && strcmp(line, "READY") == 0)
		return pair[0];
	saved = r == 0 ? EPROTO : errno;
	close(pair[0]);
	errno = saved;
	return -1;
}

/* "OK VERSION CIPHER". */
static bool
parse_ok(const char *line, char version[STARTTLS_VERSION],
    char cipher[STARTTLS_CIPHER])
{
	size_t n, m;

	if (strncmp(line, "OK ", 3) != 0)
		return false;
	line += 3;
	n = strspn(line, WORDS);
	if (n == 0 || n >= STARTTLS_VERSION || line[n] != ' ')
		return false;
	m = strspn(line + n + 1, WORDS);
	if (m == 0 || m >= STARTTLS_CIPHER || line[n + 1 + m] != '\0')
		return false;
	memcpy(version, line, n);
	version[n] = '\0';
	memcpy(cipher, line + n + 1, m + 1);
	return true;
}

int
starttls_begin(int ready, int in, int out, unsigned seconds,
    char version[STARTTLS_VERSION], char cipher[STARTTLS_CIPHER])
{
	int64_t until = conn_now() + (int64_t)seconds * 1000;
	char line[LINE];
	int r;

	r = dup2(ready, in) < 0 || dup2(ready, out) < 0 ? -1 : 0;
	close(ready);
	/* An empty line: the wire is the relay's alone. */
	if (r == 0 && send(out, "\n", 1, MSG_NOSIGNAL) != 1) {
		errno = EPROTO;
		r = -1;
	}
	if (r == 0)
		r = read_line(in, line, until);
	if (r == 0 && parse_ok(line, version, cipher))
		return 0;
	if (r == 0)
		errno = EPROTO;
	r = errno;
	shutdown(in, SHUT_RDWR);
	errno = r;
	return -1;
}

int
starttls_wrap(int tls_fd, int wire, int plain)
{
	int fds[2] = {wire, plain};

	return fdpass_send(tls_fd, "WRAP", 4, fds, 2);
}
