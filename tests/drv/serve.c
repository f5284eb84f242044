/* serve [-l ADDRESS]... [-m MAX] [-a PER_ADDRESS]: a session greets, then
 * answers lines: who, fds, env, crash, hold (SIGTERM waits until `finish'),
 * quit; anything else it sends back. Exits 3 after `quit'. */
#include "drv.h"

#include <dirent.h>
#include <signal.h>

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

static int
session(int in, int out, void *arg)
{
	struct conn c;
	char *line;
	ssize_t n;
	int *code = arg;

	conn_open(&c, in, out);
	c.seconds = 30;
	conn_putf(&c, "hello\r\n");
	while ((n = conn_line(&c, &line, 512)) > 0)
		if (answer(&c, line, (size_t)n) < 0) {
			*code = 3;
			break;
		}
	conn_flush(&c);
	conn_close(&c);
	return *code;
}

int
main(int argc, char *argv[])
{
	const char *listen[8];
	int code = 0, o;
	struct serve s = {.listen = listen,
	    .busy = "421 busy\r\n",
	    .session = session,
	    .arg = &code};

	while ((o = getopt(argc, argv, "l:m:a:")) != -1) {
		if (o == 'l')
			listen[s.listens++] = optarg;
		else if (o == 'm')
			s.max = (unsigned)atoi(optarg);
		else
			s.per_addr = (unsigned)atoi(optarg);
	}
	/* The test's own descriptors are not ours to lose or to keep. */
	if (!getenv("LISTEN_FDS"))
		close_range(3, ~0U, 0);
	log_open("drv", LOG_TO_STDERR);
	return serve(&s);
}
