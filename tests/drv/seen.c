/* seen SOURCE SINK < COMMANDS: opens the journal, prints its path, and does
 * line by line: has UID, add UID [NAME], sync, confirm, settle [NAME]... (what
 * exists), compact, count, hold (prints and waits for the end of input), die
 * (without closing). */
#include "drv.h"

#include <errno.h>

#include "seen.h"

static const char *existing;

static bool
exists(const char *name, void *arg)
{
	(void)arg;
	return existing && strstr(existing, name);
}

static void
tell(int r)
{
	puts(r < 0 ? strerrorname_np(errno) : "done");
}

static void
run(struct seen *s, char *verb, char *arg, char *more)
{
	if (strcmp(verb, "has") == 0)
		puts(seen_has(s, arg, strlen(arg)) ? "yes" : "no");
	else if (strcmp(verb, "add") == 0)
		tell(seen_add(s, arg, strlen(arg), more));
	else if (strcmp(verb, "sync") == 0)
		tell(seen_sync(s));
	else if (strcmp(verb, "confirm") == 0)
		seen_confirm(s);
	else if (strcmp(verb, "compact") == 0)
		tell(seen_compact(s));
	else if (strcmp(verb, "count") == 0)
		printf("%zu\n", seen_count(s));
	else if (strcmp(verb, "die") == 0) {
		fflush(stdout);
		_exit(0);
	} else {
		existing = arg;
		tell(seen_settle(s, exists, NULL));
	}
	fflush(stdout);
}

int
main(int argc, char *argv[])
{
	char *path, *line = NULL, *verb, *arg;
	struct seen *s;
	size_t cap = 0;

	if (argc != 3)
		return 64;
	s = seen_open(SEEN_TOKENS, argv[1], argv[2], &path);
	puts(s ? path : strerrorname_np(errno));
	fflush(stdout);
	while (s && getline(&line, &cap, stdin) > 0) {
		verb = strtok(line, " \n");
		arg = strtok(NULL, " \n");
		run(s, verb, arg, arg ? strtok(NULL, " \n") : NULL);
	}
	free(line);
	free(path);
	return s ? seen_close(s) < 0 : 75;
}
