#include "starter.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "checker.h"
#include "child.h"
#include "request.h"
#include "verdict.h"

#define CONTROL 3     /* the starter's end */
#define FAILED_MAX 20 /* wrong passwords, whatever a session allows */

/* Whom a signal that ends us is for. */
static volatile pid_t front, session;
static volatile sig_atomic_t told;

static const int ending[] = {SIGHUP, SIGINT, SIGTERM};

/* --- the starter --- */
/* The words that make its data operands, and the sender an option's value, are
 * ours. */
static char **
handler_words(char *const handler[], char *const args[])
{
	static char dash_f[] = "-f", dashes[] = "--";
	size_t n = 0, m = 0;
	char **argv;

	while (handler[n])
		n++;
	while (args[m])
		m++;
	argv = xrealloc(NULL, (n + m + 3) * sizeof *argv);
	memcpy(argv, handler, n * sizeof *argv);
	argv[n++] = dash_f;
	argv[n++] = args[0];
	argv[n++] = dashes;
	memcpy(argv + n, args + 1, m * sizeof *argv); /* its NULL too */
	return argv;
}

static int
handle(
    const struct starter_config *c, const struct request *r, struct buf *line)
{
	struct child child = {.in = r->fds[0],
	    .out = -1,
	    .seconds = c->seconds,
	    .as = c->user,
	    .env = r->env};
	char **argv;
	int code;

	if (!c->handler)
		return EX_SOFTWARE;
	argv = handler_words(c->handler, r->args);
	child.argv = argv;
	code = child_run(&child, line);
	free(argv);
	return code;
}

static int
judge(const struct starter_config *c, const struct request *r, struct buf *line)
{
	struct child child = {
	    .in = -1, .out = -1, .seconds = c->rcpt_seconds, .env = r->env};
	char **argv;
	int code;

	if (!c->rcpt_check)
		return EX_SOFTWARE;
	argv = child_shell(c->rcpt_check, r->args);
	child.argv = argv;
	code = child_run(&child, line);
	free(argv);
	return code;
}

/* Blocked while a process has started and we do not know it yet. */
static void
mask_ending(int how)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof ending / sizeof *ending; i++)
		sigaddset(&set, ending[i]);
	sigprocmask(how, &set, NULL);
}

static int
log_in(const struct checker *checker)
{
	int status = -1, code;
	pid_t pid = -1;

	mask_ending(SIG_BLOCK);
	if (!told)
		status = checker_start(checker, &pid);
	session = pid;
	mask_ending(SIG_UNBLOCK);
	if (status < 0)
		return EX_TEMPFAIL;
	code = child_await(pid, status, CHECKER_SECONDS);
	close(status);
	if (code < 0)
		return 0;
	session = -1;
	return code == 1 ? 1 : EX_TEMPFAIL;
}

static int
check(const struct starter_config *c, const struct request *r)
{
	struct checker checker = {.command = c->auth,
	    .name = r->args[0],
	    .password = r->args[1],
	    .session = c->session,
	    .wire = r->fds,
	    .ahead = r->rest,
	    .n = r->rest_len};

	if (!c->auth)
		return EX_SOFTWARE;
	if (r->kind == REQUEST_CHECK)
		return checker_check(&checker);
	return c->session ? log_in(&checker) : EX_SOFTWARE;
}

/* One request. 0, or -1 after the last. */
static int
serve_one(const struct starter_config *c, unsigned *failed)
{
	struct buf line = BUF_INIT;
	struct request r;
	int code, result;

	if (request_get(CONTROL, &r) < 0)
		return -1;
	if (r.kind == REQUEST_HANDLE)
		code = handle(c, &r, &line);
	else if (r.kind == REQUEST_RCPT)
		code = judge(c, &r, &line);
	else {
		code = check(c, &r);
		*failed += code == 1;
	}
	request_free(&r);
	result = request_answer(CONTROL, code, &line);
	buf_free(&line);
	return session > 0 || *failed >= FAILED_MAX ? -1 : result;
}

static void
set_signals(void (*handler)(int))
{
	for (size_t i = 0; i < sizeof ending / sizeof *ending; i++)
		signal(ending[i], handler);
	signal(SIGCHLD, SIG_DFL);
}

/* Until the session has ended. The wire is the session's alone: while we held
 * it the peer would never see the end of it. */
static void
work(int fd, const struct starter_config *c)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	unsigned failed = 0;

	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 ||
	    (fd != CONTROL && dup2(fd, CONTROL) < 0) ||
	    close_range(CONTROL + 1, ~0U, 0) < 0)
		return;
	fcntl(CONTROL, F_SETFD, FD_CLOEXEC);
	while (serve_one(c, &failed) == 0)
		;
	close(CONTROL);
}

static void
pass_on(int signal)
{
	told = signal;
	if (session > 0)
		kill(-session, signal);
	if (front > 0)
		kill(front, SIGKILL);
}

/* Both reaped; a front whose login has ended has nothing left to do. */
static int
wait_for_both(void)
{
	int status, code = EX_TEMPFAIL;
	bool login = session > 0;
	pid_t pid;

	while (front > 0 || session > 0) {
		pid = wait(&status);
		if (pid < 0 && errno == ECHILD)
			break;
		if (pid > 0 && pid == (login ? session : front))
			code = verdict_exit_of_wait(status);
		if (pid > 0 && pid == front)
			front = -1;
		if (pid > 0 && pid == session) {
			session = -1;
			if (front > 0)
				kill(front, SIGKILL);
		}
	}
	return code;
}

static _Noreturn void
stay(int fd, const struct starter_config *c)
{
	int code;

	set_signals(pass_on);
	mask_ending(SIG_UNBLOCK);
	work(fd, c);
	code = wait_for_both();
	if (told) {
		signal(told, SIG_DFL);
		raise(told);
	}
	_exit(code);
}

/* --- the session --- */
static int
make_pair(struct starter *s, int pair[2])
{
	s->fd = s->pid = -1;
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);
}

static int
keep_ours(struct starter *s, int pair[2], bool forked)
{
	int saved = errno;

	close(pair[1]);
	s->fd = pair[0];
	if (!forked) {
		close(pair[0]);
		s->fd = -1;
	}
	errno = saved;
	return forked ? 0 : -1;
}

int
starter_begin(struct starter *s, const struct starter_config *c)
{
	int pair[2];

	if (make_pair(s, pair) < 0)
		return -1;
	s->pid = fork();
	if (s->pid == 0) {
		set_signals(SIG_DFL);
		work(pair[1], c);
		_exit(EX_OK);
	}
	return keep_ours(s, pair, s->pid > 0);
}

int
starter_behind(struct starter *s, const struct starter_config *c)
{
	int pair[2];

	if (make_pair(s, pair) < 0)
		return -1;
	mask_ending(SIG_BLOCK);
	front = fork();
	if (front > 0)
		stay(pair[1], c);
	mask_ending(SIG_UNBLOCK);
	return keep_ours(s, pair, front == 0);
}

int
starter_handle(struct starter *s, const char *sender, char *const rcpts[],
    const char *const env[], int body, struct buf *line)
{
	size_t n = 0;
	char **args;
	int code;

	while (rcpts[n])
		n++;
	args = xrealloc(NULL, (n + 2) * sizeof *args);
	args[0] = (char *)sender;
	memcpy(args + 1, rcpts, (n + 1) * sizeof *args);
	code = request_ask(s->fd,
	    &(struct request){.kind = REQUEST_HANDLE,
		.args = args,
		.env = env,
		.fds = {body, -1}},
	    line);
	free(args);
	return code;
}

int
starter_rcpt(struct starter *s, const char *sender, const char *rcpt,
    const char *const env[], struct buf *line)
{
	char *const pair[] = {(char *)sender, (char *)rcpt, NULL};

	return request_ask(s->fd,
	    &(struct request){.kind = REQUEST_RCPT,
		.args = pair,
		.env = env,
		.fds = {-1, -1}},
	    line);
}

static int
ask(struct starter *s, const struct request *r)
{
	int code = request_ask(s->fd, r, NULL);

	return code == 0 || code == 1 ? code : EX_TEMPFAIL;
}

int
starter_check(struct starter *s, const char *name, const char *password)
{
	char *const pair[] = {(char *)name, (char *)password, NULL};

	return ask(s,
	    &(struct request){
		.kind = REQUEST_CHECK, .args = pair, .fds = {-1, -1}});
}

int
starter_login(struct starter *s, const struct starter_login *l)
{
	char *const pair[] = {(char *)l->name, (char *)l->password, NULL};

	return ask(s,
	    &(struct request){.kind = REQUEST_LOGIN,
		.args = pair,
		.rest = l->ahead,
		.rest_len = l->n,
		.fds = {l->in, l->out}});
}

void
starter_end(struct starter *s)
{
	if (s->fd < 0)
		return;
	close(s->fd);
	s->fd = -1;
	while (s->pid > 0 && waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
		;
}
