/* peak FILE COMMAND [ARG...]: runs it and adds a line to FILE, how much memory
 * the largest process of it had at most: "COMMAND KIB". SIGTERM is passed on.
 * Exits as it does, with 128 and the number of a signal that ended it. */
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t pid;

static void
pass_on(int sig)
{
	kill(pid, sig);
}

int
main(int argc, char *argv[])
{
	struct sigaction on_term = {
	    .sa_handler = pass_on, .sa_flags = SA_RESTART};
	struct rusage use;
	int status;
	FILE *f;

	if (argc < 3)
		return 64;
	pid = fork();
	if (pid == 0) {
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	sigaction(SIGTERM, &on_term, NULL);
	if (pid < 0 || wait4(pid, &status, 0, &use) < 0)
		return 71;
	f = fopen(argv[1], "a");
	if (f == NULL)
		return 73;
	fprintf(f, "%s %ld\n", argv[2], use.ru_maxrss);
	fclose(f);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
