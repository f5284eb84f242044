#include "checker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sysexits.h>
#include <unistd.h>

#include "buf.h"
#include "child.h"

/* Above all numbers that descriptors are given in the command. */
#define LOWEST 10

static int
raise_fd(int fd)
{
	int high = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, LOWEST);

	if (fd >= 0)
		close(fd);
	return high;
}

static int
make_pipe(int ends[2])
{
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	ends[0] = raise_fd(ends[0]);
	ends[1] = raise_fd(ends[1]);
	if (ends[0] >= 0 && ends[1] >= 0)
		return 0;
	close(ends[0]);
	close(ends[1]);
	return -1;
}

/* The pair to be read: it fits into an empty pipe at once. */
static int
credentials(const struct checker *c)
{
	size_t name = strlen(c->name) + 1, password = strlen(c->password) + 1;
	char text[CHECKER_OCTETS] = "";
	int ends[2], fd = -1;

	if (name + password + 1 > sizeof text) {
		errno = EMSGSIZE;
		return -1;
	}
	if (make_pipe(ends) < 0)
		return -1;
	memcpy(text, c->name, name);
	memcpy(text + name, c->password, password);
	if (write(ends[1], text, name + password + 1) > 0)
		fd = ends[0];
	else
		close(ends[0]);
	close(ends[1]);
	explicit_bzero(text, sizeof text);
	return fd;
}

int
checker_check(const struct checker *c)
{
	char word[] = "true", *args[] = {word, NULL};
	int fd = credentials(c), code;
	struct child child = {.in = -1,
	    .out = -1,
	    .seconds = CHECKER_SECONDS,
	    .pass = &fd,
	    .passes = 1};
	char **argv;

	if (fd < 0)
		return EX_TEMPFAIL;
	argv = child_shell(c->command, args);
	child.argv = argv;
	code = child_run(&child, NULL);
	free(argv);
	close(fd);
	return code == 0 || code == 1 ? code : EX_TEMPFAIL;
}

/* Not a pipe: how much that takes is the system's to say. */
static int
read_ahead(const struct checker *c)
{
	int fd = raise_fd(memfd_create("ahead", MFD_CLOEXEC));

	if (fd < 0)
		return -1;
	if (write(fd, c->ahead, c->n) == (ssize_t)c->n &&
	    lseek(fd, 0, SEEK_SET) == 0)
		return fd;
	close(fd);
	return -1;
}

/* Whether `exec' may stand in front: one command, by its name. */
static bool
is_simple(const char *command)
{
	static const char *const others[] = {"exec", "eval", ".", "command",
	    "{", "!", "if", "while", "until", "for", "case", ":"};
	size_t n;

	command += strspn(command, " \t");
	n = strcspn(command, " \t");
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (strlen(others[i]) == n &&
		    memcmp(others[i], command, n) == 0)
			return false;
	return n > 0 && !memchr(command, '=', n) && !strpbrk(command, ";&|(\n");
}

/* A shell that waited for the session would have its wire too. */
static char **
shell_words(const struct checker *c)
{
	struct buf text = BUF_INIT;
	char **argv;

	buf_addf(
	    &text, "%s%s", is_simple(c->command) ? "exec " : "", c->command);
	argv = child_shell(buf_str(&text), c->session);
	buf_free(&text);
	return argv;
}

static pid_t
start(const struct checker *c, const int pass[3])
{
	char *user = xrealloc(NULL, sizeof "AUTH_USER=" + strlen(c->name));
	const char *env[] = {user, NULL};
	char **argv = shell_words(c);
	struct child child = {.argv = argv,
	    .in = c->wire[0],
	    .out = c->wire[1],
	    .env = env,
	    .pass = pass,
	    .passes = 3};
	pid_t pid;

	stpcpy(stpcpy(user, "AUTH_USER="), c->name);
	pid = child_start(&child);
	free(argv);
	free(user);
	return pid;
}

int
checker_start(const struct checker *c, pid_t *pid)
{
	int status[2] = {-1, -1}, pass[3], saved;

	*pid = -1;
	pass[0] = credentials(c);
	pass[1] = pass[0] < 0 ? -1 : read_ahead(c);
	if (pass[1] >= 0 && make_pipe(status) == 0) {
		pass[2] = status[1];
		*pid = start(c, pass);
	}
	saved = errno;
	close(pass[0]);
	close(pass[1]);
	close(status[1]);
	if (*pid < 0) {
		close(status[0]);
		status[0] = -1;
	}
	errno = saved;
	return status[0];
}
