/* timed COUNT FILE COMMAND [ARG...]: runs COMMAND that often, one after the
 * other, with FILE as its input and its output thrown away, and prints the
 * microseconds each took. A failing COMMAND ends it with 1. */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int
run(const char *file, char *argv[], char *envp[])
{
	posix_spawn_file_actions_t io;
	int status = 0;
	pid_t pid;

	posix_spawn_file_actions_init(&io);
	posix_spawn_file_actions_addopen(&io, 0, file, O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&io, 1, "/dev/null", O_WRONLY, 0);
	if (posix_spawnp(&pid, argv[0], &io, NULL, argv, envp))
		return -1;
	posix_spawn_file_actions_destroy(&io);
	if (waitpid(pid, &status, 0) < 0 || status)
		return -1;
	return 0;
}

int
main(int argc, char *argv[])
{
	struct timespec from, to;
	int count, i;

	if (argc < 4 || (count = atoi(argv[1])) < 1)
		return 64;
	clock_gettime(CLOCK_MONOTONIC, &from);
	for (i = 0; i < count; i++)
		if (run(argv[2], argv + 3, environ) < 0) {
			fprintf(stderr, "timed: run %d of %s failed\n", i + 1,
			    argv[3]);
			return 1;
		}
	clock_gettime(CLOCK_MONOTONIC, &to);
	printf("%.1f\n",
	    ((double)(to.tv_sec - from.tv_sec) * 1e6 +
		(double)(to.tv_nsec - from.tv_nsec) / 1e3) /
		count);
	return 0;
}
