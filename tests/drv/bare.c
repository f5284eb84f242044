/* bare MAILDIR: what any server that forks for a connection must spend. Accepts
 * on a port of its own, which it prints, forks, says 250 to all but DATA, and
 * makes each message durable in MAILDIR. It checks nothing: for tests/bench. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int tmp, new;

static void
reap(int signal)
{
	(void)signal;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

static void
say(int fd, const char *reply)
{
	if (write(fd, reply, strlen(reply)) < 0)
		_exit(1);
}

static void
receive(FILE *in, unsigned count)
{
	char name[32], line[1024];
	FILE *out;
	int fd;

	snprintf(name, sizeof name, "%d.%u", (int)getpid(), count);
	fd = openat(tmp, name, O_CREAT | O_EXCL | O_WRONLY, 0600);
	out = fd < 0 ? NULL : fdopen(fd, "w");
	while (out && fgets(line, sizeof line, in) && strcmp(line, ".\r\n"))
		fputs(line, out);
	if (!out || feof(in) || fflush(out) != 0 || fsync(fd) < 0 ||
	    linkat(tmp, name, new, name, 0) < 0 || fsync(new) < 0)
		_exit(1);
	unlinkat(tmp, name, 0);
	fclose(out);
}

static void
session(int fd)
{
	FILE *in = fdopen(fd, "r");
	unsigned count = 0;
	char line[1024];

	say(fd, "220 bare\r\n");
	while (in && fgets(line, sizeof line, in)) {
		if (strncmp(line, "DATA", 4) == 0) {
			say(fd, "354 go on\r\n");
			receive(in, count++);
		}
		say(fd, "250 OK\r\n");
		if (strncmp(line, "QUIT", 4) == 0)
			break;
	}
	_exit(0);
}

static int
open_listener(void)
{
	struct sockaddr_in a = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof a;
	int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, n) < 0 ||
	    listen(fd, SOMAXCONN) < 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &n) < 0)
		return -1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	printf("event=listening address=127.0.0.1:%u\n", ntohs(a.sin_port));
	fflush(stdout);
	return fd;
}

int
main(int argc, char *argv[])
{
	struct sigaction act = {.sa_handler = reap, .sa_flags = SA_RESTART};
	int listener, fd;

	if (argc != 2 || chdir(argv[1]) < 0)
		return 64;
	tmp = open("tmp", O_RDONLY | O_DIRECTORY);
	new = open("new", O_RDONLY | O_DIRECTORY);
	listener = open_listener();
	if (tmp < 0 || new < 0 || listener < 0)
		return 71;
	sigaction(SIGCHLD, &act, NULL);
	for (;;) {
		fd = accept(listener, NULL, NULL);
		if (fd >= 0 && fork() == 0)
			session(fd);
		if (fd >= 0)
			close(fd);
	}
}
