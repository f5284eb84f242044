/* connected COUNT greeting|whole COMMAND [ARG...] [versus COMMAND [ARG...]]:
 * runs COMMAND that often, as inetd does, on a connection whose client waits
 * for a line and says QUIT; the other one by turns with it. Prints the
 * microseconds from its start to that line, or to the end of both: the median,
 * of each a line. A COMMAND that says nothing is waited for. */
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int
start(int wire, char *argv[], pid_t *pid)
{
	posix_spawn_file_actions_t io;
	int r;

	posix_spawn_file_actions_init(&io);
	posix_spawn_file_actions_adddup2(&io, wire, 0);
	posix_spawn_file_actions_adddup2(&io, wire, 1);
	r = posix_spawnp(pid, argv[0], &io, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&io);
	return r;
}

/* The client's side. When the first line had come, or the end. */
static double
talk(int fd)
{
	char reply[4096];
	double first;
	ssize_t n = read(fd, reply, sizeof reply);

	first = now();
	if (n > 0 && write(fd, "QUIT\r\n", 6) == 6)
		while (read(fd, reply, sizeof reply) > 0)
			;
	return first;
}

static int
run(char *argv[], double *greeting, double *whole)
{
	int pair[2], status = 0;
	double from, first;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	from = now();
	if (start(pair[1], argv, &pid) != 0)
		return -1;
	close(pair[1]);
	first = talk(pair[0]);
	close(pair[0]);
	if (waitpid(pid, &status, 0) < 0 || status != 0)
		return -1;
	*greeting = first - from;
	*whole = now() - from;
	return 0;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static int
measure(char *argv[], int whole, double *us)
{
	double times[2];

	if (run(argv, &times[0], &times[1]) < 0) {
		fprintf(stderr, "connected: a run of %s failed\n", argv[0]);
		return -1;
	}
	*us = times[whole];
	return 0;
}

static void
print_median(double *us, int count)
{
	qsort(us, (size_t)count, sizeof *us, compare);
	printf("%.1f\n", us[count / 2]);
}

int
main(int argc, char *argv[])
{
	int count = argc > 3 ? atoi(argv[1]) : 0, other = 4, whole;
	double *us;

	if (count < 1)
		return 64;
	whole = strcmp(argv[2], "whole") == 0;
	while (other < argc && strcmp(argv[other], "versus") != 0)
		other++;
	argv[other++] = NULL;
	us = malloc(2 * (size_t)count * sizeof *us);
	if (!us)
		return 75;
	for (int i = 0; i < count; i++)
		if (measure(argv + 3, whole, us + i) < 0 ||
		    (other < argc &&
			measure(argv + other, whole, us + count + i) < 0))
			return 1;
	print_median(us, count);
	if (other < argc)
		print_median(us + count, count);
	free(us);
	return 0;
}
