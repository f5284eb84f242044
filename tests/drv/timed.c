/* timed COUNT FILE COMMAND [ARG...]: runs COMMAND that often, one after the
 * other, with FILE as its input and its output thrown away, and prints the
 * microseconds each took. FILE `-': both are a connection whose other end says
 * nothing more. A failing COMMAND ends it with 1. */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int
run(const char *file, char *argv[], char *envp[])
{
	posix_spawn_file_actions_t io;
	int status = 0, pair[2] = {-1, -1}, r;
	pid_t pid;

	posix_spawn_file_actions_init(&io);
	if (strcmp(file, "-") == 0) {
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) ||
		    shutdown(pair[0], SHUT_WR))
			return -1;
		posix_spawn_file_actions_adddup2(&io, pair[1], 0);
		posix_spawn_file_actions_adddup2(&io, pair[1], 1);
	} else {
		posix_spawn_file_actions_addopen(&io, 0, file, O_RDONLY, 0);
		posix_spawn_file_actions_addopen(
		    &io, 1, "/dev/null", O_WRONLY, 0);
	}
	r = posix_spawnp(&pid, argv[0], &io, NULL, argv, envp);
	posix_spawn_file_actions_destroy(&io);
	if (r == 0 && (waitpid(pid, &status, 0) < 0 || status))
		r = -1;
	if (pair[0] >= 0) {
		close(pair[0]);
		close(pair[1]);
	}
	return r;
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
		if (run(argv[2], argv + 3, environ) != 0) {
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
