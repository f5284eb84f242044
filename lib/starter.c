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

#include "child.h"
#include "starter.h"

#define REQUEST_MAX 1000000
#define STRINGS_MAX 10000
#define LINE_OCTETS 1000

/* A request: the head, with the body's descriptor beside it, then size octets
 * of args strings and env strings, each ended by NUL. The answer: exit code
 * and line length, then the line. */
struct head {
	uint32_t size, args, env;
};

struct answer {
	int32_t code;
	uint32_t length;
};

/* A session that strangers have taken over must not choose what the command
 * loads or where it looks: these names and no others. */
static const char *const allowed[] = {"REMOTE_ADDR", "REMOTE_PORT", "HELO",
    "PROTOCOL", "AUTH_USER", "MAIL_ID", "MAIL_SIZE"};

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

/* All n octets; 0, or -1 when the other side is gone. */
static int
get(int fd, void *data, size_t n)
{
	char *p = data;
	ssize_t r;

	for (; n > 0; p += r, n -= (size_t)r) {
		r = recv(fd, p, n, MSG_WAITALL);
		if (r < 0 && errno == EINTR)
			r = 0;
		else if (r <= 0)
			return -1;
	}
	return 0;
}

static int
put(int fd, const void *data, size_t n)
{
	const char *p = data;
	ssize_t w;

	for (; n > 0; p += w, n -= (size_t)w) {
		w = send(fd, p, n, MSG_NOSIGNAL);
		if (w < 0 && errno == EINTR)
			w = 0;
		else if (w < 0)
			return -1;
	}
	return 0;
}

union control {
	struct cmsghdr align;
	char room[CMSG_SPACE(sizeof(int))];
};

static int
put_head(int fd, const struct head *head, int body)
{
	union control control = {.room = ""};
	struct iovec iov = {(void *)head, sizeof *head};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *c;
	ssize_t w;

	if (body >= 0) {
		m.msg_control = control.room;
		m.msg_controllen = sizeof control.room;
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &body, sizeof body);
	}
	do
		w = sendmsg(fd, &m, MSG_NOSIGNAL);
	while (w < 0 && errno == EINTR);
	return w == (ssize_t)sizeof *head ? 0 : -1;
}

/* *body: the descriptor that came along, or -1. */
static int
get_head(int fd, struct head *head, int *body)
{
	union control control = {.room = ""};
	struct iovec iov = {head, sizeof *head};
	struct msghdr m = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control.room,
	    .msg_controllen = sizeof control.room};
	struct cmsghdr *c;
	ssize_t r;

	*body = -1;
	do
		r = recvmsg(fd, &m, MSG_CMSG_CLOEXEC | MSG_WAITALL);
	while (r < 0 && errno == EINTR);
	if (r <= 0)
		return -1;
	c = CMSG_FIRSTHDR(&m);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(body, CMSG_DATA(c), sizeof *body);
	return get(fd, (char *)head + r, sizeof *head - (size_t)r);
}

/* count strings at *text, which ends at end, become vector[0..count) and a
 * NULL. 0, or -1 where they do not fit. */
static int
split(char **text, const char *end, size_t count, char **vector)
{
	char *nul;

	for (size_t i = 0; i < count; i++) {
		nul = memchr(*text, '\0', (size_t)(end - *text));
		if (!nul)
			return -1;
		vector[i] = *text;
		*text = nul + 1;
	}
	vector[count] = NULL;
	return 0;
}

/* Runs what text asks for; argv has room for all. */
static int
run(const struct head *head, char *text, char *const command[], char **argv,
    struct child *c, struct buf *line)
{
	const char *end = text + head->size;
	char *env[sizeof allowed / sizeof *allowed + 1];
	size_t n = 0;

	while (command[n]) {
		argv[n] = command[n];
		n++;
	}
	if (head->env >= sizeof env / sizeof *env ||
	    split(&text, end, head->args, argv + n) < 0 ||
	    split(&text, end, head->env, env) < 0)
		return EX_SOFTWARE;
	for (size_t i = 0; i < head->env; i++)
		if (!is_allowed(env[i]))
			return EX_SOFTWARE;
	c->argv = argv;
	c->env = (const char *const *)env;
	return child_run(c, line);
}

/* One request. 0, or -1 when the session has ended or makes no sense. */
static int
serve_one(int fd, char *const command[], unsigned seconds)
{
	struct child c = {.in = -1, .out = -1, .seconds = seconds};
	struct buf line = BUF_INIT;
	struct answer answer;
	struct head head;
	size_t n = 0;
	char *text, **argv;
	int r = -1;

	while (command[n])
		n++;
	if (get_head(fd, &head, &c.in) < 0 || head.size > REQUEST_MAX ||
	    head.args > STRINGS_MAX) {
		if (c.in >= 0)
			close(c.in);
		return -1;
	}
	text = xrealloc(NULL, head.size + 1);
	argv = xrealloc(NULL, (n + head.args + 1) * sizeof *argv);
	if (get(fd, text, head.size) == 0) {
		answer.code = run(&head, text, command, argv, &c, &line);
		answer.length = (uint32_t)line.len;
		r = put(fd, &answer, sizeof answer);
		if (r == 0)
			r = put(fd, line.data, line.len);
	}
	if (c.in >= 0)
		close(c.in);
	free(text);
	free(argv);
	buf_free(&line);
	return r;
}

/* The wire is the session's alone: while we held it the peer would never see
 * the end of it. */
static _Noreturn void
work(int fd, char *const command[], unsigned seconds)
{
	static const int reset[] = {SIGHUP, SIGINT, SIGTERM, SIGCHLD};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (size_t i = 0; i < sizeof reset / sizeof *reset; i++)
		signal(reset[i], SIG_DFL);
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 ||
	    (fd != 3 && dup2(fd, 3) < 0) || close_range(4, ~0U, 0) < 0)
		_exit(EX_TEMPFAIL);
	fcntl(3, F_SETFD, FD_CLOEXEC);
	while (serve_one(3, command, seconds) == 0)
		;
	_exit(EX_OK);
}

int
starter_begin(struct starter *s, char *const command[], unsigned seconds)
{
	int pair[2];

	s->fd = -1;
	s->pid = -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	s->pid = fork();
	if (s->pid == 0)
		work(pair[1], command, seconds);
	close(pair[1]);
	if (s->pid < 0) {
		close(pair[0]);
		return -1;
	}
	s->fd = pair[0];
	return 0;
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

	if (get(fd, &answer, sizeof answer) < 0 ||
	    answer.length > sizeof text || get(fd, text, answer.length) < 0)
		return EX_TEMPFAIL;
	if (line)
		buf_add(line, text, answer.length);
	return answer.code;
}

int
starter_run(struct starter *s, char *const args[], const char *const env[],
    int body, struct buf *line)
{
	struct buf text = BUF_INIT;
	struct head head;
	int code = EX_TEMPFAIL;

	if (line)
		buf_reset(line);
	head.args = add_strings(&text, (const char *const *)args);
	head.env = add_strings(&text, env);
	head.size = (uint32_t)text.len;
	if (s->fd >= 0 && text.len <= REQUEST_MAX && head.args <= STRINGS_MAX &&
	    put_head(s->fd, &head, body) == 0 &&
	    put(s->fd, text.data, text.len) == 0)
		code = get_answer(s->fd, line);
	buf_free(&text);
	return code;
}

void
starter_end(struct starter *s)
{
	if (s->fd < 0)
		return;
	close(s->fd);
	s->fd = -1;
	while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
		;
}
