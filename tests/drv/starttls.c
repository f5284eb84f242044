/* starttls [-l ADDRESS]...: greets and answers lines: STARTTLS, how (what was
 * agreed on), fds, env, send N (that many octets), take N (sends back what
 * came, once it is all there), eof (counts to the end, then says it), half
 * (ends its output, counts, and logs it), quit; anything else it sends back.
 * Exits 3. */
#include "drv.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>

#include "conn.h"
#include "log.h"
#include "serve.h"
#include "starttls.h"

static int tls_fd;
static bool implicit;
static char version[STARTTLS_VERSION] = "none", cipher[STARTTLS_CIPHER];

static void
say_fds(struct conn *c)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;

	while ((e = readdir(d)))
		if (*e->d_name != '.' && atoi(e->d_name) != dirfd(d))
			conn_putf(c, "%s ", e->d_name);
	conn_putf(c, "\r\n");
	closedir(d);
}

static void
say_env(struct conn *c)
{
	for (char **e = environ; *e; e++)
		if (!strncmp(*e, "TLS_", 4) || !strncmp(*e, "LISTEN_", 7))
			conn_putf(c, "%s\r\n", *e);
	conn_putf(c, "end\r\n");
}

/* 0; -1 when the session is over. */
static int
start_tls(struct conn *c)
{
	int ready = tls_fd < 0 ? -1 : starttls_ready(tls_fd, c->in);

	if (ready < 0) {
		conn_putf(c, "454 %s\r\n", strerror(errno));
		return 0;
	}
	if (!implicit)
		conn_putf(c, "220 go\r\n");
	if (conn_flush(c) < 0)
		return -1;
	c->start = c->end = 0;
	if (starttls_begin(ready, c->in, c->out, 60, version, cipher) == 0)
		return 0;
	log_event("no-tls", "reason", strerror(errno), NULL);
	return -1;
}

static void
send_octets(struct conn *c, size_t n)
{
	char block[1000];

	for (size_t i = 0; i < sizeof block; i++)
		block[i] = (char)('a' + i % 23);
	for (size_t part; n > 0; n -= part) {
		part = n < sizeof block ? n : sizeof block;
		conn_put(c, block, part);
	}
}

/* How much comes until the end. */
static unsigned long
count_octets(struct conn *c)
{
	unsigned long n = 0;
	char *data;
	ssize_t r;

	while ((r = conn_peek(c, &data)) > 0) {
		n += (size_t)r;
		conn_take(c, (size_t)r);
	}
	return n;
}

/* Ends its output, then counts. */
static void
half_close(struct conn *c)
{
	char text[24];

	conn_putf(c, "half\r\n");
	conn_flush(c);
	shutdown(c->out, SHUT_WR);
	snprintf(text, sizeof text, "%lu", count_octets(c));
	log_event("half", "octets", text, NULL);
}

/* Back as they came, but only when all are there. */
static void
take_octets(struct conn *c, size_t n)
{
	struct buf all = BUF_INIT;
	char *data;
	ssize_t r;

	while (all.len < n && (r = conn_peek(c, &data)) > 0) {
		size_t part = (size_t)r;

		if (part > n - all.len)
			part = n - all.len;
		buf_add(&all, data, part);
		conn_take(c, part);
	}
	conn_put(c, all.data, all.len);
	buf_free(&all);
}

static int
answer(struct conn *c, const char *line, size_t n)
{
	if (!strncmp(line, "STARTTLS\r\n", n))
		return start_tls(c);
	if (!strncmp(line, "fds\r\n", n))
		say_fds(c);
	else if (!strncmp(line, "env\r\n", n))
		say_env(c);
	else if (!strncmp(line, "how\r\n", n))
		conn_putf(c, "%s %s\r\n", version, cipher);
	else if (!strncmp(line, "send ", 5))
		send_octets(c, strtoul(line + 5, NULL, 10));
	else if (!strncmp(line, "take ", 5))
		take_octets(c, strtoul(line + 5, NULL, 10));
	else if (!strncmp(line, "eof\r\n", n))
		conn_putf(c, "%lu and the end\r\n", count_octets(c));
	else if (!strncmp(line, "half\r\n", n))
		half_close(c);
	else if (!strncmp(line, "quit\r\n", n)) {
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

	(void)arg;
	conn_open(&c, in, out);
	c.seconds = 60;
	if (!implicit || start_tls(&c) == 0) {
		conn_putf(&c, "hello\r\n");
		while ((n = conn_line(&c, &line, 512)) > 0)
			if (answer(&c, line, (size_t)n) < 0)
				break;
	}
	conn_flush(&c);
	conn_close(&c);
	return 3;
}

int
main(int argc, char *argv[])
{
	const char *listen[8];
	struct serve s = {
	    .listen = listen, .busy = "421 busy\r\n", .session = session};
	int o;

	while ((o = getopt(argc, argv, "l:")) != -1)
		listen[s.listens++] = optarg;
	tls_fd = starttls_open(&implicit);
	signal(SIGPIPE, SIG_IGN);
	log_open("drv", LOG_TO_STDERR);
	return serve(&s);
}
