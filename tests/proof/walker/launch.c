#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "walker.h"

#define AFTERLIFE 500 /* ms */

static volatile sig_atomic_t late;

static void
on_alarm(int sig)
{
	(void)sig;
	late = 1;
}

/* The timer repeats, should it fire just before a wait. */
void
limit_set(int ms)
{
	struct itimerval t = {.it_interval.tv_usec = ms ? 20000 : 0,
	    .it_value = {ms / 1000, ms % 1000 * 1000}};
	struct sigaction sa = {.sa_handler = on_alarm};

	late = 0;
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &t, NULL);
}

bool
limit_passed(void)
{
	bool was = late;

	late = 0;
	return was;
}

static _Noreturn void
child(char *const argv[], const int fds[2], bool traced)
{
	int null = open("/dev/null", O_RDWR);

	setsid();
	if (dup2(fds[0] < 0 ? null : fds[0], 0) < 0 ||
	    dup2(fds[1] < 0 ? null : fds[1], 1) < 0 ||
	    (!getenv("WALK_SHOW") && dup2(null, 2) < 0) ||
	    chdir(world_dir) != 0)
		_exit(126);
	closefrom(3);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (traced)
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	execvp(argv[0], argv);
	_exit(126);
}

/* vfork, since what is copied for a fork costs as much as a program's start. A
 * traced one stops when it has become the program. The descriptors are its own
 * from then on. */
pid_t
launch(char *const argv[], const int fds[2], bool traced)
{
	pid_t pid = vfork();

	if (pid == 0)
		child(argv, fds, traced);
	if (pid < 0)
		exit(75);
	for (int i = 0; i < 2; i++)
		if (fds[i] >= 0 && (i == 0 || fds[i] != fds[0]))
			close(fds[i]);
	return pid;
}

static int
kill_children(void)
{
	char path[64];
	int pid, n = 0;
	FILE *f;

	snprintf(
	    path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	f = fopen(path, "re");
	while (f && fscanf(f, "%d", &pid) == 1)
		n += kill(pid, SIGKILL) == 0;
	if (f)
		fclose(f);
	return n;
}

/* What has left its group, as a transport does, has a moment to see that it is
 * alone. The number of those that do not. */
static int
bury(pid_t pid)
{
	int strays = 0;

	kill(-pid, SIGKILL);
	limit_set(AFTERLIFE);
	while (waitpid(-1, NULL, __WALL) > 0 || errno == EINTR)
		if (limit_passed())
			strays += kill_children();
	limit_set(0);
	return strays;
}

void
plain_run(char *const argv[], const int fds[2], int limit, struct outcome *o)
{
	pid_t pid = launch(argv, fds, false);

	*o = (struct outcome){0};
	limit_set(limit);
	while (waitpid(pid, &o->status, 0) < 0 && errno == EINTR)
		if (limit_passed()) {
			o->hung = true;
			kill(-pid, SIGKILL);
		}
	o->strays = bury(pid);
}
