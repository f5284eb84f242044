#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "world.h"

#define SILENCE 5 /* s */

const int order[DROP] = {FIRST, SECOND, THIRD, NEXT};
static int port;

size_t
octets(int text)
{
	const char *p = state->text[text];
	size_t n = strlen(p);

	for (; *p; p++)
		n += *p == '\n';
	return n;
}

static void
serve(int fd)
{
	static void (*const dialogues[])(struct wire *) = {
	    [SMTP] = serve_smtp, [POP3] = serve_pop3, [IMAP] = serve_imap};
	struct timeval t = {.tv_sec = SILENCE};
	struct wire w = {.fd = fd};
	int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	dialogues[state->protocol](&w);
	wire_flush(&w);
	close(fd);
}

/* Until the other end of alive is closed. */
static _Noreturn void
run_server(int listener, int alive)
{
	struct pollfd p[] = {{listener, POLLIN, 0}, {alive, POLLIN, 0}};

	for (;;) {
		if (poll(p, 2, -1) < 0)
			continue;
		if (p[1].revents)
			_exit(0);
		serve(accept4(listener, NULL, NULL, SOCK_CLOEXEC));
	}
}

/* No child of the walker, which waits until it has none. */
static void
start_server(int listener)
{
	int alive[2];
	pid_t pid;

	fflush(NULL);
	if (pipe2(alive, O_CLOEXEC) != 0 || (pid = fork()) < 0)
		exit(75);
	if (pid == 0) {
		close(alive[1]);
		if (fork() == 0)
			run_server(listener, alive[0]);
		_exit(0);
	}
	close(alive[0]);
	waitpid(pid, NULL, 0);
}

int
world_port(void)
{
	struct sockaddr_in a = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);
	int fd;

	if (port)
		return port;
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, n) != 0 ||
	    listen(fd, 128) != 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &n) != 0) {
		perror("listen");
		exit(75);
	}
	start_server(fd);
	close(fd);
	port = ntohs(a.sin_port);
	return port;
}

/* It greets in the order in which connections came. */
void
server_settle(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct linger none = {.l_onoff = 1};
	char c;
	int fd;

	if (!port)
		return;
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0 ||
	    read(fd, &c, 1) != 1) {
		perror("server");
		exit(75);
	}
	/* No port is to wait for what may still come. */
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	close(fd);
}
