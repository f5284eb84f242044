/* conn lines MAX SECONDS: answers each piece with its length and itself, 0 to
 * ask for the end. conn flood SECONDS MS: writes 64 MiB. conn peek: the lengths
 * of what is to be had. MS is the deadline. The end is told on stderr. */
#include "drv.h"

#include <errno.h>

#include "conn.h"

static void
tell(ssize_t r)
{
	fprintf(stderr, "%s\n", r < 0 ? strerrorname_np(errno) : "end");
}

static void
do_lines(struct conn *c, size_t max)
{
	char *line;
	ssize_t n;

	while ((n = conn_line(c, &line, max)) > 0) {
		conn_putf(c, "%zd ", n);
		conn_put(c, line, (size_t)n);
		if (line[n - 1] != '\n')
			conn_put(c, "\n", 1);
	}
	tell(n);
	conn_flush(c);
}

static void
do_flood(struct conn *c)
{
	static char block[1 << 16];

	for (int i = 0; i < 1024; i++)
		conn_put(c, block, sizeof block);
	tell(conn_flush(c));
}

static void
do_peek(struct conn *c)
{
	char *data;
	ssize_t n;

	while ((n = conn_peek(c, &data)) > 0) {
		conn_putf(c, "%zd of %zu\n", n, c->end - c->start);
		conn_take(c, (size_t)(n + 1) / 2);
	}
	tell(n);
	conn_flush(c);
}

int
main(int argc, char *argv[])
{
	struct conn c;

	conn_open(&c, 0, 1);
	if (argc > 3)
		c.seconds = (unsigned)atoi(argv[argc == 4 ? 3 : 2]);
	if (!strcmp(argv[1], "lines"))
		do_lines(&c, (size_t)atoi(argv[2]));
	else if (!strcmp(argv[1], "peek"))
		do_peek(&c);
	else {
		c.seconds = (unsigned)atoi(argv[2]);
		if (atoi(argv[3]) > 0)
			c.deadline = conn_now() + atoi(argv[3]);
		if (!strcmp(argv[1], "flood"))
			do_flood(&c);
		else
			do_lines(&c, 1000);
	}
	conn_close(&c);
	return 0;
}
