#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "listener.h"
#include "parse.h"

union address {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

int
listener_adopt(int fd)
{
	int on = 1;

	/* Connections inherit it; there is none to set on a Unix socket. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0)
		return -1;
	return fcntl(fd, F_SETFD, FD_CLOEXEC);
}

bool
listener_is(int fd)
{
	int on = 0;
	socklen_t n = sizeof on;

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &n) == 0 && on;
}

/* Removes a socket that nobody listens on any more. */
static void
remove_dead(const struct sockaddr_un *un)
{
	struct stat st;
	int fd;

	if (lstat(un->sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	if (connect(fd, (const struct sockaddr *)un, sizeof *un) < 0 &&
	    errno == ECONNREFUSED)
		unlink(un->sun_path);
	close(fd);
}

/* both: families, on an IPv6 socket. */
static int
bind_and_listen(const union address *a, socklen_t n, bool both)
{
	int on = 1, only = !both, saved;
	int fd = socket(a->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (a->sa.sa_family == AF_UNIX)
		remove_dead(&a->un);
	else
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (a->sa.sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
	if (bind(fd, &a->sa, n) == 0 && listen(fd, SOMAXCONN) == 0 &&
	    listener_adopt(fd) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static int
open_path(const char *path)
{
	union address a = {.un = {.sun_family = AF_UNIX}};

	if (strlen(path) >= sizeof a.un.sun_path) {
		errno = EINVAL;
		return -1;
	}
	strcpy(a.un.sun_path, path);
	return bind_and_listen(&a, sizeof a.un, false);
}

/* One socket for both families where this host has IPv6. */
static int
open_any(uint16_t port)
{
	union address in6 = {
	    .in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)}};
	union address in = {
	    .in = {.sin_family = AF_INET, .sin_port = htons(port)}};
	int fd = bind_and_listen(&in6, sizeof in6.in6, true);

	if (fd < 0 && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL))
		fd = bind_and_listen(&in, sizeof in.in, false);
	return fd;
}

/* host is n octets, in brackets for IPv6. */
static int
open_host(const char *host, size_t n, const char *port)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
	    .ai_family = AF_INET,
	    .ai_socktype = SOCK_STREAM};
	struct addrinfo *found;
	union address a;
	char text[80];

	if (*host == '[' && host[n - 1] == ']') {
		hints.ai_family = AF_INET6;
		host++;
		n -= 2;
	}
	snprintf(text, sizeof text, "%.*s", (int)n, host);
	if (n >= sizeof text || getaddrinfo(text, port, &hints, &found) != 0) {
		errno = EINVAL;
		return -1;
	}
	memcpy(&a, found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	return bind_and_listen(
	    &a, a.sa.sa_family == AF_INET ? sizeof a.in : sizeof a.in6, false);
}

int
listener_open(const char *spec)
{
	const char *colon = strrchr(spec, ':');
	uint64_t port;

	if (strchr(spec, '/'))
		return open_path(spec);
	if (!colon || parse_number(colon + 1, 65535, &port) < 0) {
		errno = EINVAL;
		return -1;
	}
	if (colon == spec)
		return open_any((uint16_t)port);
	return open_host(spec, (size_t)(colon - spec), colon + 1);
}

static sa_family_t
name_of(int fd, union address *a)
{
	socklen_t n = sizeof *a;

	memset(a, 0, sizeof *a);
	return getsockname(fd, &a->sa, &n) < 0 ? AF_UNSPEC : a->sa.sa_family;
}

void
listener_name(int fd, char out[128])
{
	char host[64];
	union address a;

	switch (name_of(fd, &a)) {
	case AF_INET:
		inet_ntop(AF_INET, &a.in.sin_addr, host, sizeof host);
		snprintf(out, 128, "%s:%u", host, ntohs(a.in.sin_port));
		break;
	case AF_INET6:
		inet_ntop(AF_INET6, &a.in6.sin6_addr, host, sizeof host);
		snprintf(out, 128, "[%s]:%u", host, ntohs(a.in6.sin6_port));
		break;
	case AF_UNIX:
		snprintf(
		    out, 128, "%.*s", (int)sizeof a.un.sun_path, a.un.sun_path);
		break;
	default:
		strcpy(out, "unknown");
	}
}

void
listener_remove(int fd)
{
	union address a;

	if (name_of(fd, &a) == AF_UNIX)
		unlink(a.un.sun_path);
	close(fd);
}
