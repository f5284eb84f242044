#include "starter.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "checker.h"
#include "child.h"
#include "fdpass.h"
#include "verdict.h"

#define REQUEST_MAX 1000000
#define STRINGS_MAX 10000
#define LINE_OCTETS 1000
#define CONTROL 3 /* the starter's end */

enum kind { HANDLE, CHECK, LOGIN };

/* A request: the head, with descriptors beside it (HANDLE: the body; LOGIN:
 * the wire), then size octets: args strings and env strings, each ended by
 * NUL, and for LOGIN what was read ahead. HANDLE's strings are the sender and
 * the recipients, the others' the name and the password. The answer: exit code
 * and line length, then the line. */
struct head {
	uint32_t kind, size, args, env;
};

struct answer {
	int32_t code;
	uint32_t length;
};

struct request {
	struct head head;
	int fds[FDPASS_MAX];
	char *text;
	const char *end;
	char **args, **env; /* into text, NULL-ended */
	char *rest;         /* of text */
};

/* A session that strangers have taken over must not choose what the command
 * loads or where it looks: these names and no others. */
static const char *const allowed[] = {"REMOTE_ADDR", "REMOTE_PORT", "HELO",
    "PROTOCOL", "AUTH_USER", "MAIL_ID", "MAIL_SIZE"};

/* Whom a signal that ends us is for. */
static volatile pid_t front, session;
static volatile sig_atomic_t told;

static const int ending[] = {SIGHUP, SIGINT, SIGTERM};

static bool
is_allowed(const char *assignment)
{
	size_t n = strcspn(assignment, "=");

	for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
		if (strlen(allowed[i]) == n &&
		    memcmp(allowed[i], assignment, n) == 0)
			return assignment[n] == '=';
	return false;
}

/* --- the starter --- */
/* The next count strings become vector[0..count) and a NULL. 0, or -1 where
 * they are not there. */
static int
split(struct request *r, size_t count, char **vector)
{
	char *nul;

	for (size_t i = 0; i < count; i++) {
		nul = memchr(r->rest, '\0', (size_t)(r->end - r->rest));
		if (!nul)
			return -1;
		vector[i] = r->rest;
		r->rest = nul + 1;
	}
	vector[count] = NULL;
	return 0;
}

static int
check_request(struct request *r)
{
	const struct head *h = &r->head;
	size_t most = h->kind == LOGIN ? STARTER_AHEAD : 0;

	if (h->kind > LOGIN || split(r, h->args, r->args) < 0 ||
	    split(r, h->env, r->env) < 0 || (size_t)(r->end - r->rest) > most)
		return -1;
	if (h->kind == HANDLE)
		return h->args >= 1 ? 0 : -1;
	return h->args == 2 && h->env == 0 ? 0 : -1;
}

static void
free_request(struct request *r)
{
	fdpass_close(r->fds);
	if (r->text)
		explicit_bzero(r->text, r->head.size);
	free(r->text);
	free(r->args);
	free(r->env);
}

/* 0, or -1 when the session has ended or makes no sense. */
static int
get_request(struct request *r)
{
	struct head *h = &r->head;

	*r = (struct request){.fds = {-1, -1}};
	if (fdpass_recv(CONTROL, h, sizeof *h, r->fds) < 0)
		return -1;
	if (h->size <= REQUEST_MAX && h->args <= STRINGS_MAX &&
	    h->env <= sizeof allowed / sizeof *allowed) {
		r->rest = r->text = xrealloc(NULL, h->size + 1);
		r->end = r->text + h->size;
		r->args = xrealloc(NULL, (h->args + 1) * sizeof *r->args);
		r->env = xrealloc(NULL, (h->env + 1) * sizeof *r->env);
		if (fdpass_recv(CONTROL, r->text, h->size, NULL) == 0 &&
		    check_request(r) == 0)
			return 0;
	}
	free_request(r);
	return -1;
}

/* The words that make its data operands, and the sender an option's value, are
 * ours. */
static char **
handler_words(char *const handler[], const struct request *r)
{
	static char dash_f[] = "-f", dashes[] = "--";
	size_t n = 0, m;
	char **argv;

	while (handler[n])
		n++;
	argv = xrealloc(NULL, (n + r->head.args + 3) * sizeof *argv);
	memcpy(argv, handler, n * sizeof *argv);
	argv[n++] = dash_f;
	argv[n++] = r->args[0];
	argv[n++] = dashes;
	for (m = 1; r->args[m]; m++)
		argv[n++] = r->args[m];
	argv[n] = NULL;
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
	    .env = (const char *const *)r->env};
	char **argv;
	int code;

	for (size_t i = 0; i < r->head.env; i++)
		if (!is_allowed(r->env[i]))
			return EX_SOFTWARE;
	if (!c->handler)
		return EX_SOFTWARE;
	argv = handler_words(c->handler, r);
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
	    .n = (size_t)(r->end - r->rest)};

	if (!c->auth)
		return EX_SOFTWARE;
	if (r->head.kind == CHECK)
		return checker_check(&checker);
	if (!c->session || r->fds[0] < 0 || r->fds[1] < 0)
		return EX_SOFTWARE;
	return log_in(&checker);
}

/* One request. 0, or -1 after the last. */
static int
serve_one(const struct starter_config *c)
{
	struct buf line = BUF_INIT;
	struct answer answer;
	struct request r;
	int result;

	if (get_request(&r) < 0)
		return -1;
	answer.code =
	    r.head.kind == HANDLE ? handle(c, &r, &line) : check(c, &r);
	free_request(&r);
	answer.length = (uint32_t)line.len;
	result = fdpass_send(CONTROL, &answer, sizeof answer, NULL, 0);
	if (result == 0)
		result = fdpass_send(CONTROL, line.data, line.len, NULL, 0);
	buf_free(&line);
	return session > 0 ? -1 : result;
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

	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 ||
	    (fd != CONTROL && dup2(fd, CONTROL) < 0) ||
	    close_range(CONTROL + 1, ~0U, 0) < 0)
		return;
	fcntl(CONTROL, F_SETFD, FD_CLOEXEC);
	while (serve_one(c) == 0)
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

/* Room for all at once: no growing buffer leaves a password behind. */
static uint32_t
add_pair(struct buf *b, const char *name, const char *password, size_t more)
{
	size_t n = strlen(name) + 1, m = strlen(password) + 1;

	buf_room(b, n + m + more);
	buf_add(b, name, n);
	buf_add(b, password, m);
	return 2;
}

static uint32_t
add_strings(struct buf *b, const char *const strings[])
{
	uint32_t n = 0;

	for (; strings && strings[n]; n++)
		buf_add(b, strings[n], strlen(strings[n]) + 1);
	return n;
}

static int
get_answer(int fd, struct buf *line)
{
	struct answer answer;
	char text[LINE_OCTETS];

	if (fdpass_recv(fd, &answer, sizeof answer, NULL) < 0 ||
	    answer.length > sizeof text ||
	    fdpass_recv(fd, text, answer.length, NULL) < 0)
		return EX_TEMPFAIL;
	if (line)
		buf_add(line, text, answer.length);
	return answer.code;
}

/* text goes, wiped. */
static int
ask(struct starter *s, struct head *head, struct buf *text, const int *fds,
    size_t count, struct buf *line)
{
	int code = EX_TEMPFAIL;

	head->size = (uint32_t)text->len;
	if (s->fd >= 0 && text->len <= REQUEST_MAX &&
	    head->args <= STRINGS_MAX &&
	    fdpass_send(s->fd, head, sizeof *head, fds, count) == 0 &&
	    fdpass_send(s->fd, text->data, text->len, NULL, 0) == 0)
		code = get_answer(s->fd, line);
	if (text->data)
		explicit_bzero(text->data, text->cap);
	buf_free(text);
	return code;
}

int
starter_handle(struct starter *s, const char *sender, char *const rcpts[],
    const char *const env[], int body, struct buf *line)
{
	const char *first[] = {sender, NULL};
	struct buf text = BUF_INIT;
	struct head head = {.kind = HANDLE};

	if (line)
		buf_reset(line);
	head.args = add_strings(&text, first) +
	    add_strings(&text, (const char *const *)rcpts);
	head.env = add_strings(&text, env);
	return ask(s, &head, &text, &body, body >= 0, line);
}

int
starter_check(struct starter *s, const char *name, const char *password)
{
	struct buf text = BUF_INIT;
	struct head head = {.kind = CHECK};
	int code;

	head.args = add_pair(&text, name, password, 0);
	code = ask(s, &head, &text, NULL, 0, NULL);
	return code == 0 || code == 1 ? code : EX_TEMPFAIL;
}

int
starter_login(struct starter *s, const struct starter_login *l)
{
	int wire[] = {l->in, l->out}, code;
	struct buf text = BUF_INIT;
	struct head head = {.kind = LOGIN};

	head.args = add_pair(&text, l->name, l->password, l->n);
	buf_add(&text, l->ahead, l->n);
	code = ask(s, &head, &text, wire, 2, NULL);
	return code == 0 || code == 1 ? code : EX_TEMPFAIL;
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
