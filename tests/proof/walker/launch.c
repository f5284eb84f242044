#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "walker.h"

#define AFTERLIFE 500 /* ms */
#define LATER 20      /* ms until the timer fires again */
#define TICK 5        /* ms between looks at who has no end */
#define DEAF 60       /* looks at which one idles though it was told to end */

bool run_endless;
static volatile sig_atomic_t alarmed;
static long long until; /* ms */
static int idle;

static void
on_alarm(int sig)
{
	(void)sig;
	alarmed = 1;
}

static long long
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* The timer repeats, should it fire just before a wait. */
void
limit_set(int ms)
{
	int first = ms && run_endless ? TICK : ms;
	int then = run_endless ? TICK : LATER;
	struct itimerval t = {.it_interval.tv_usec = ms ? then * 1000 : 0,
	    .it_value = {first / 1000, first % 1000 * 1000}};
	struct sigaction sa = {.sa_handler = on_alarm};

	alarmed = 0;
	idle = 0;
	until = now() + ms;
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &t, NULL);
}

static bool
sleeps(pid_t pid)
{
	char path[64], state = '\0';
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (f && fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
		state = '\0';
	if (f)
		fclose(f);
	return state == 'S';
}

static FILE *
children(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid,
	    (int)pid);
	return fopen(path, "re");
}

/* It sleeps, and none of its own is there to wake it. */
static bool
idles(pid_t pid)
{
	FILE *f = sleeps(pid) ? children(pid) : NULL;
	bool alone = f && fgetc(f) == EOF;

	if (f)
		fclose(f);
	return alone;
}

/* Told once: who idles on is deaf. */
static bool
is_deaf(pid_t pid, struct outcome *o)
{
	if (!idles(pid))
		return false;
	if (o->told)
		return ++idle > DEAF;
	o->told = kill(pid, SIGTERM) == 0;
	return false;
}

bool
limit_passed(pid_t pid, struct outcome *o)
{
	if (!alarmed)
		return false;
	alarmed = 0;
	return (run_endless && pid > 0 && is_deaf(pid, o)) || now() >= until;
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
	FILE *f = children(getpid());
	int pid, n = 0;

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
		if (limit_passed(0, NULL))
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
		if (limit_passed(pid, o)) {
			o->hung = true;
			kill(-pid, SIGKILL);
		}
	o->strays = bury(pid);
}
