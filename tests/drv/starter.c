/* starter COMMAND ARG... -- ARG...: runs COMMAND with what follows `--' through
 * a starter, twice, with fd 0 as the body; $SECONDS_LIMIT its time, $ENV its
 * environment, $COUNT that many recipients more. */
#include "drv.h"

#include <signal.h>

#include "starter.h"

static void
run(struct starter *s, char **args)
{
	const char *env[] = {getenv("ENV"), NULL};
	struct buf line = BUF_INIT;
	int code;

	lseek(0, 0, SEEK_SET);
	code = starter_run(s, args, env, 0, &line);
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

int
main(int argc, char *argv[])
{
	const char *limit = getenv("SECONDS_LIMIT"), *count = getenv("COUNT");
	struct starter s;
	char **args = argv;

	(void)argc;
	while (strcmp(*args, "--") != 0)
		args++;
	*args++ = NULL;
	if (starter_begin(&s, argv + 1, limit ? (unsigned)atoi(limit) : 0) < 0)
		return 1;
	if (count)
		args = more(args, atoi(count));
	run(&s, args);
	if (getenv("KILL"))
		kill(s.pid, SIGKILL);
	run(&s, args);
	starter_end(&s);
	if (count)
		free(args);
	return 0;
}
