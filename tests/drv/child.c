/* child [-t SECONDS] [-l] [-i FILE] [-e NAME=VALUE] [-d DIR] [-p] COMMAND...:
 * runs it and says its exit code, with -l the line it said. child -s CMD
 * ARG...: as options' commands are run. -a: passes it a pipe as fd 4 beside fd
 * 0 as 3, and waits for an octet in that; its exit code, or -1. */
#include "drv.h"

#include <fcntl.h>
#include <signal.h>

#include "child.h"

static int
run(struct child *c, bool lines)
{
	struct buf line = BUF_INIT;
	int code = child_run(c, lines ? &line : NULL);

	printf("%d", code);
	if (lines)
		printf(" %zu [%s]", line.len, buf_str(&line));
	printf("\n");
	buf_free(&line);
	return 0;
}

static int
await(struct child *c)
{
	int ends[2], pass[2], code;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return 1;
	pass[0] = fcntl(0, F_DUPFD_CLOEXEC, 10);
	pass[1] = fcntl(ends[1], F_DUPFD_CLOEXEC, 10);
	close(ends[1]);
	c->pass = pass;
	c->passes = 2;
	pid = child_start(c);
	close(pass[1]);
	code = child_await(pid, ends[0], c->seconds);
	printf("%d\n", code);
	if (code < 0)
		kill(-pid, SIGKILL);
	return 0;
}

int
main(int argc, char *argv[])
{
	struct child c = {.in = -1, .out = -1};
	const char *env[] = {NULL, NULL};
	bool lines = false, awaits = false;
	char **vector = NULL;
	int o, r;

	while ((o = getopt(argc, argv, "+t:lai:e:d:ps:")) != -1) {
		if (o == 't')
			c.seconds = (unsigned)atoi(optarg);
		else if (o == 'l')
			lines = true;
		else if (o == 'a')
			awaits = true;
		else if (o == 'i')
			c.in = open(optarg, O_RDONLY);
		else if (o == 'e')
			env[0] = optarg;
		else if (o == 'd')
			c.chdir = optarg;
		else if (o == 'p')
			child_path();
		else
			vector = child_shell(optarg, argv + optind);
	}
	c.env = env[0] ? env : NULL;
	c.argv = vector ? vector : argv + optind;
	r = awaits ? await(&c) : run(&c, lines);
	free(vector);
	return r;
}
