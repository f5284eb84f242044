/* child [-t SECONDS] [-l] [-i FILE] [-e NAME=VALUE] [-d DIR] [-p] COMMAND...:
 * runs it and says its exit code, with -l the line it said. child -s CMD
 * ARG...: as options' commands are run. */
#include "drv.h"

#include <fcntl.h>

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

int
main(int argc, char *argv[])
{
	struct child c = {.in = -1, .out = -1};
	const char *env[] = {NULL, NULL};
	bool lines = false;
	char **vector = NULL;
	int o, r;

	while ((o = getopt(argc, argv, "+t:li:e:d:ps:")) != -1) {
		if (o == 't')
			c.seconds = (unsigned)atoi(optarg);
		else if (o == 'l')
			lines = true;
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
	r = run(&c, lines);
	free(vector);
	return r;
}
