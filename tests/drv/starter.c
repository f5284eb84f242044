/* starter [-f SENDER] HANDLER ARG... -- RCPT...: has a starter run the handler,
 * twice, with fd 0 as the body; $SECONDS_LIMIT its time, $ENV its environment,
 * $COUNT that many recipients more, $RCPT_CHECK the command for recipients.
 * starter -a CMD [NAME PASSWORD]...: has it check them. starter -r CMD HANDLER:
 * sends what is on fd 0 as it is, and prints what comes back and how the
 * starter ended. */
#include "drv.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "starter.h"

static void
run(struct starter *s, const char *sender, char **rcpts)
{
	const char *env[] = {getenv("ENV"), NULL};
	struct buf line = BUF_INIT;
	int code;

	lseek(0, 0, SEEK_SET);
	code = starter_handle(s, sender, rcpts, env, 0, &line);
	printf("%d [%s]\n", code, buf_str(&line));
	buf_free(&line);
}

/* args and count long ones behind. */
static char **
more(char **args, int count)
{
	static char text[321];
	int n = 0;
	char **all;

	while (args[n])
		n++;
	all = xrealloc(NULL, (size_t)(n + count + 1) * sizeof *all);
	memcpy(all, args, (size_t)n * sizeof *all);
	memset(text, 'r', sizeof text - 1);
	for (int i = 0; i < count; i++)
		all[n + i] = text;
	all[n + count] = NULL;
	return all;
}

static int
check(struct starter *s, char **pairs)
{
	for (; pairs[0] && pairs[1]; pairs += 2)
		printf("%d\n", starter_check(s, pairs[0], pairs[1]));
	starter_end(s);
	return 0;
}

static int
send_raw(struct starter *s)
{
	struct buf in = drv_input();
	unsigned char c;
	int status;

	for (size_t done = 0; done < in.len;) {
		ssize_t n =
		    send(s->fd, in.data + done, in.len - done, MSG_NOSIGNAL);

		if (n < 0)
			break;
		done += (size_t)n;
	}
	shutdown(s->fd, SHUT_WR);
	while (read(s->fd, &c, 1) == 1)
		printf("%02x", c);
	waitpid(s->pid, &status, 0);
	printf(" exit %d\n", status);
	buf_free(&in);
	return 0;
}

int
main(int argc, char *argv[])
{
	const char *limit = getenv("SECONDS_LIMIT"), *count = getenv("COUNT");
	const char *sender = "s";
	struct starter_config c = {.seconds = limit ? atoi(limit) : 0,
	    .rcpt_seconds = limit ? atoi(limit) : 0,
	    .rcpt_check = getenv("RCPT_CHECK")};
	struct starter s;
	bool raw = false;
	char **args;

	for (int option; (option = getopt(argc, argv, "+f:a:r:")) > 0;) {
		*(option == 'f' ? &sender : &c.auth) = optarg;
		raw |= option == 'r';
	}
	c.handler = args = argv + optind;
	if (c.auth && !raw)
		c.handler = NULL;
	while (!c.auth && strcmp(*args, "--") != 0)
		args++;
	if (!c.auth)
		*args++ = NULL;
	if (starter_begin(&s, &c) < 0)
		return 1;
	if (c.auth)
		return raw ? send_raw(&s) : check(&s, args);
	if (count)
		args = more(args, atoi(count));
	run(&s, sender, args);
	if (getenv("KILL"))
		kill(s.pid, SIGKILL);
	run(&s, sender, args);
	starter_end(&s);
	if (count)
		free(args);
	return 0;
}
