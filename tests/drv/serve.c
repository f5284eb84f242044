/* serve [-l ADDRESS]... [-m MAX] [-a PER_ADDRESS] [-r]: a session greets, then
 * answers lines: who, fds, env, pid, peer, crash, hold (SIGTERM waits until
 * `finish'), free (and does not end when nothing comes), babble (to the
 * listener), quit; anything else it sends back. Exits 3 after `quit', or, with
 * -r, waits for its client's next connection, unless somebody has made a file
 * `new'. */
#include "drv.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/stat.h>

#include "conn.h"
#include "log.h"
#include "peer.h"
#include "serve.h"

extern char **environ;

static void
say_fds(struct conn *c)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;
	int n = 0;

	while ((e = readdir(d)))
		if (*e->d_name != '.' && atoi(e->d_name) != dirfd(d)) {
			conn_putf(c, "%s%s", n++ ? " " : "", e->d_name);
		}
	conn_putf(c, "\r\n");
	closedir(d);
}

static void
say_env(struct conn *c)
{
	for (char **e = environ; *e; e++)
		if (!strncmp(*e, "REMOTE", 6) || !strncmp(*e, "TCPREM", 6) ||
		    !strncmp(*e, "LISTEN", 6))
			conn_putf(c, "%s\r\n", *e);
	conn_putf(c, "end\r\n");
}

/* What is told of the next connection, or was seen of the first. */
static struct peer peer;

static void
say_free(void)
{
	serve_next(&peer);
	for (;;)
		pause();
}

/* Misuses what leads to the listener. */
static void
say_more(struct conn *c)
{
	struct stat st;

	for (int fd = 3; fd < 64; fd++)
		if (fstat(fd, &st) != 0)
			continue;
		else if (S_ISFIFO(st.st_mode) && write(fd, "xx", 2) < 0)
			conn_putf(c, "pipe: %s\r\n", strerror(errno));
		else if (S_ISSOCK(st.st_mode) &&
		    send(fd, "x", 1, MSG_DONTWAIT) < 0)
			conn_putf(c, "socket: %s\r\n", strerror(errno));
}

static void
block_term(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(how, &set, NULL);
}

static int
answer(struct conn *c, const char *line, size_t n)
{
	struct peer p;

	if (!strncmp(line, "who\r\n", n)) {
		peer_of(0, &p);
		conn_putf(c, "%s\r\n", p.addr);
	} else if (!strncmp(line, "fds\r\n", n)) {
		say_fds(c);
	} else if (!strncmp(line, "env\r\n", n)) {
		say_env(c);
	} else if (!strncmp(line, "pid\r\n", n)) {
		conn_putf(c, "%d\r\n", (int)getpid());
	} else if (!strncmp(line, "peer\r\n", n)) {
		conn_putf(c, "%s %s\r\n", peer.addr, peer.port);
	} else if (!strncmp(line, "free\r\n", n)) {
		conn_flush(c);
		say_free();
	} else if (!strncmp(line, "babble\r\n", n)) {
		say_more(c);
	} else if (!strncmp(line, "crash\r\n", n)) {
		raise(SIGKILL);
	} else if (!strncmp(line, "hold\r\n", n)) {
		block_term(SIG_BLOCK);
		conn_putf(c, "holding\r\n");
	} else if (!strncmp(line, "finish\r\n", n)) {
		conn_putf(c, "finished\r\n");
		conn_flush(c);
		block_term(SIG_UNBLOCK);
	} else if (!strncmp(line, "quit\r\n", n)) {
		conn_putf(c, "bye\r\n");
		return -1;
	} else
		conn_put(c, line, n);
	return 0;
}

static bool
outdated(void *arg)
{
	(void)arg;
	return unlink("new") == 0;
}

/* True after `quit'. */
static bool
converse(int in, int out)
{
	struct conn c;
	bool left = false;
	char *line;
	ssize_t n;

	conn_open(&c, in, out);
	c.seconds = 30;
	conn_putf(&c, "hello\r\n");
	while (!left && (n = conn_line(&c, &line, 512)) > 0)
		left = answer(&c, line, (size_t)n) < 0;
	conn_flush(&c);
	conn_close(&c);
	return left;
}

static int
session(int in, int out, void *arg)
{
	(void)arg;
	peer_of(in, &peer);
	while (converse(in, out))
		if (!serve_next(&peer))
			return 3;
	return 0;
}

int
main(int argc, char *argv[])
{
	const char *listen[8];
	int o;
	struct serve s = {
	    .listen = listen, .busy = "421 busy\r\n", .session = session};

	while ((o = getopt(argc, argv, "l:m:a:r")) != -1) {
		if (o == 'l')
			listen[s.listens++] = optarg;
		else if (o == 'm')
			s.max = (unsigned)atoi(optarg);
		else if (o == 'r')
			s.outdated = outdated;
		else
			s.per_addr = (unsigned)atoi(optarg);
	}
	/* The test's own descriptors are not ours to lose or to keep. */
	if (!getenv("LISTEN_FDS"))
		close_range(3, ~0U, 0);
	log_open("drv", LOG_TO_STDERR);
	signal(SIGPIPE, SIG_IGN);
	return serve(&s);
}
