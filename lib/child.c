#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "verdict.h"

#define LINE_OCTETS 1000
/* Between SIGTERM and SIGKILL, for a command to remove what is unfinished. */
#define GRACE_MS 2000

extern char **environ;

void
child_path(void)
{
	char dir[4096], *slash, *path;
	const char *old = getenv("PATH");
	ssize_t n = readlink("/proc/self/exe", dir, sizeof dir - 1);

	if (n < 0)
		return;
	dir[n] = '\0';
	slash = strrchr(dir, '/');
	if (!slash)
		return;
	*slash = '\0';
	n = slash - dir;
	if (!old)
		old = "/usr/local/bin:/usr/bin:/bin";
	if (strncmp(old, dir, (size_t)n) == 0 &&
	    (old[n] == ':' || old[n] == '\0'))
		return;
	if (asprintf(&path, "%s:%s", dir, old) < 0)
		return;
	setenv("PATH", path, 1);
	free(path);
}

static size_t
name_length(const char *assignment)
{
	return strcspn(assignment, "=");
}

/* environ with add in the place of what it names; NULL: nothing to add. */
static char **
environment(const char *const *add)
{
	size_t n = 0, m = 0, i, j, len;
	char **env;

	if (!add)
		return NULL;
	while (environ[n])
		n++;
	while (add[m])
		m++;
	env = xrealloc(NULL, (n + m + 1) * sizeof *env);
	for (n = i = 0; environ[i]; i++) {
		len = name_length(environ[i]);
		for (j = 0; j < m; j++)
			if (strncmp(environ[i], add[j], len + 1) == 0)
				break;
		if (j == m)
			env[n++] = environ[i];
	}
	for (j = 0; j < m; j++)
		env[n++] = (char *)add[j];
	env[n] = NULL;
	return env;
}

static int
close_others(const struct child *c)
{
	unsigned k = (unsigned)c->keep;

	for (size_t i = 0; i < c->passes; i++)
		if (dup2(c->pass[i], 3 + (int)i) < 0)
			return -1;
	if (c->keep < 3)
		return close_range(3 + (unsigned)c->passes, ~0U, 0);
	if ((k > 3 && close_range(3, k - 1, 0) < 0) ||
	    close_range(k + 1, ~0U, 0) < 0)
		return -1;
	return fcntl(c->keep, F_SETFD, 0);
}

/* Between vfork and exec: system calls only, and no memory but the stack. */
static _Noreturn void
become(const struct child *c, int in, int out, char *const *env)
{
	static const int reset[] = {SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGALRM,
	    SIGTERM, SIGCHLD, SIGUSR1, SIGUSR2};
	sigset_t none;

	setpgid(0, 0);
	for (size_t i = 0; i < sizeof reset / sizeof *reset; i++)
		signal(reset[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || close_others(c) < 0 ||
	    (c->chdir && chdir(c->chdir) < 0) ||
	    (c->as && owner_become(c->as) < 0))
		_exit(EX_TEMPFAIL);
	execvpe(c->argv[0], c->argv, env);
	_exit(errno == ENOENT ? 127 : 126);
}

/* A duplicate of fd above 2, so that no dup2 in the child overwrites what a
 * later one needs; -1: /dev/null. */
static int
high(int fd)
{
	if (fd >= 0)
		return fcntl(fd, F_DUPFD_CLOEXEC, 3);
	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (fd < 0 || fd > 2)
		return fd;
	int up = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	close(fd);
	return up;
}

static pid_t
start(const struct child *c, int in, int out, char *const *env)
{
	sigset_t all, old;
	pid_t pid;

	/* The child shares our memory until it executes: no handler of ours
	 * may run in it. */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &old);
	pid = vfork();
	if (pid == 0)
		become(c, in, out, env);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return pid;
}

pid_t
child_start(const struct child *c)
{
	int in = high(c->in), out, saved;
	char **env;
	pid_t pid = -1;

	if (in < 0)
		return -1;
	out = c->out >= 0 ? high(c->out) : fcntl(2, F_DUPFD_CLOEXEC, 3);
	if (out < 0 && c->out < 0)
		out = high(-1); /* fd 2 is closed */
	env = environment(c->env);
	if (out >= 0)
		pid = start(c, in, out, env ? env : environ);
	saved = errno;
	free(env);
	close(in);
	if (out >= 0)
		close(out);
	errno = saved;
	return pid;
}

static long
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000L + t.tv_nsec / 1000000;
}

/* What there is, into line up to its LF; the rest is read and dropped, so that
 * the command need not wait. 0 at end of file. */
static ssize_t
collect(int fd, struct buf *line, size_t most, bool *whole)
{
	char data[4096], *lf;
	ssize_t n = read(fd, data, sizeof data);
	size_t add;

	if (n <= 0)
		return n < 0 && (errno == EINTR || errno == EAGAIN) ? -1 : 0;
	if (!line || *whole)
		return n;
	lf = memchr(data, '\n', (size_t)n);
	add = lf ? (size_t)(lf - data) : (size_t)n;
	if (add > most - line->len)
		add = most - line->len;
	buf_add(line, data, add);
	*whole = lf || line->len == most;
	explicit_bzero(data, (size_t)n); /* it may be a password */
	return n;
}

/* Until the command itself has ended: what it left running may keep the pipe.
 * True when the time is over first. */
static bool
watch(int pidfd, int fd, struct buf *line, size_t most, long until)
{
	struct pollfd p[2] = {{pidfd, POLLIN, 0}, {fd, POLLIN, 0}};
	bool whole = false;
	long left = -1;

	for (;;) {
		if (until > 0 && (left = until - now_ms()) <= 0)
			return true;
		if (left > 1000 * 1000)
			left = 1000 * 1000;
		p[0].revents = p[1].revents = 0;
		poll(p, 2, (int)left);
		if (p[1].revents != 0 && collect(fd, line, most, &whole) == 0)
			p[1].fd = -1;
		if (p[0].revents == 0)
			continue;
		/* What it wrote last: a pipe holds 16 reads. */
		for (int i = 0; i < 16 && p[1].fd >= 0; i++)
			if (collect(fd, line, most, &whole) <= 0)
				break;
		return false;
	}
}

static int
reap(pid_t pid, bool exact)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return EX_TEMPFAIL;
	if (exact && WIFEXITED(status) &&
	    verdict_is_misuse(WEXITSTATUS(status)))
		return WEXITSTATUS(status);
	return verdict_exit_of_wait(status);
}

static void
end_group(pid_t pid, int pidfd)
{
	struct pollfd p = {pidfd, POLLIN, 0};

	kill(-pid, SIGTERM);
	poll(&p, 1, GRACE_MS);
	kill(-pid, SIGKILL);
}

static int
wait_limited(const struct child *c, pid_t pid, int fd, struct buf *line)
{
	int pidfd = pidfd_open(pid, 0);
	long until = c->seconds > 0 ? now_ms() + c->seconds * 1000L : 0;
	bool late;
	int code;

	if (pidfd < 0) {
		kill(-pid, SIGKILL);
		reap(pid, false);
		return EX_TEMPFAIL;
	}
	late = watch(pidfd, fd, line, c->line ? c->line : LINE_OCTETS, until);
	if (late)
		end_group(pid, pidfd);
	close(pidfd);
	code = reap(pid, c->exact);
	return late ? EX_TEMPFAIL : code;
}

/* An octet counts before an end: the one that wrote it may be gone by now. */
static int
watch_octet(int pidfd, int fd, long until)
{
	struct pollfd p[2] = {{pidfd, POLLIN, 0}, {fd, POLLIN, 0}};
	long left;
	ssize_t n;
	char c;

	while ((left = until - now_ms()) > 0) {
		p[0].revents = p[1].revents = 0;
		poll(p, 2, (int)left);
		if (p[1].revents != 0) {
			n = read(fd, &c, 1);
			if (n == 1)
				return -1;
			if (n == 0)
				p[1].fd = -1;
		} else if (p[0].revents != 0)
			return 0;
	}
	return 1;
}

int
child_await(pid_t pid, int fd, unsigned seconds)
{
	int pidfd = pidfd_open(pid, 0), r, code;

	if (pidfd < 0) {
		kill(-pid, SIGKILL);
		reap(pid, false);
		return EX_TEMPFAIL;
	}
	r = watch_octet(pidfd, fd, now_ms() + seconds * 1000L);
	if (r > 0)
		end_group(pid, pidfd);
	close(pidfd);
	if (r < 0)
		return -1;
	code = reap(pid, false);
	return r > 0 ? EX_TEMPFAIL : code;
}

int
child_run(const struct child *c, struct buf *line)
{
	struct child with = *c;
	int pipes[2] = {-1, -1}, code;
	pid_t pid;

	if (line) {
		buf_reset(line);
		if (pipe2(pipes, O_CLOEXEC) < 0)
			return EX_TEMPFAIL;
		fcntl(pipes[0], F_SETFL, O_NONBLOCK);
		with.out = pipes[1];
	}
	pid = child_start(&with);
	if (line)
		close(pipes[1]);
	if (pid < 0)
		code = EX_TEMPFAIL;
	else if (!line && c->seconds == 0)
		code = reap(pid, c->exact);
	else
		code = wait_limited(c, pid, pipes[0], line);
	if (line)
		close(pipes[0]);
	return code;
}

char **
child_shell(const char *cmd, char *const args[])
{
	size_t n = 0, text = strlen(cmd) + sizeof " \"$@\"";
	char **argv, *script;

	while (args && args[n])
		n++;
	/* One block: vector, then the script. */
	argv = xrealloc(NULL, (n + 5) * sizeof *argv + text);
	script = (char *)(argv + n + 5);
	snprintf(script, text, "%s \"$@\"", cmd);
	argv[0] = (char *)"/bin/sh";
	argv[1] = (char *)"-c";
	argv[2] = script;
	argv[3] = (char *)"sh";
	for (size_t i = 0; i < n; i++)
		argv[4 + i] = args[i];
	argv[4 + n] = NULL;
	return argv;
}
