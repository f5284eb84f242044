#include "request.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>

#define SIZE_MOST 1000000
#define STRINGS_MOST 10000
#define LINE_OCTETS 1000

/* The head, with the descriptors beside it, then size octets: the strings of
 * args and env, each ended by NUL, and the rest. The answer: exit code and
 * line length, then the line. */
struct head {
	uint32_t kind, size, args, env;
};

struct answer {
	int32_t code;
	uint32_t length;
};

/* A session that strangers have taken over must not choose what the command
 * loads or where it looks: these names and no others. */
static const char *const allowed[] = {"REMOTE_ADDR", "REMOTE_PORT", "HELO",
    "PROTOCOL", "AUTH_USER", "MAIL_ID", "MAIL_SIZE"};

#define ENV_MOST (sizeof allowed / sizeof *allowed)

static bool
is_allowed(const char *assignment)
{
	size_t n = strcspn(assignment, "=");

	for (size_t i = 0; i < ENV_MOST; i++)
		if (strlen(allowed[i]) == n &&
		    memcmp(allowed[i], assignment, n) == 0)
			return assignment[n] == '=';
	return false;
}

/* --- the session --- */
static uint32_t
count(const char *const strings[], size_t *size)
{
	uint32_t n = 0;

	for (; strings && strings[n]; n++)
		*size += strlen(strings[n]) + 1;
	return n;
}

static void
add(struct buf *b, const char *const strings[])
{
	for (; strings && *strings; strings++)
		buf_add(b, *strings, strlen(*strings) + 1);
}

static int
get_answer(int fd, struct buf *line, int *code)
{
	struct answer answer;
	char text[LINE_OCTETS];

	if (fdpass_recv(fd, &answer, sizeof answer, NULL) < 0 ||
	    answer.length > sizeof text ||
	    fdpass_recv(fd, text, answer.length, NULL) < 0)
		return -1;
	if (line)
		buf_add(line, text, answer.length);
	*code = answer.code;
	return 0;
}

int
request_ask(int fd, const struct request *r, struct buf *line)
{
	const char *const *args = (const char *const *)r->args;
	struct head head = {.kind = r->kind};
	size_t size = r->rest_len, fds = 0;
	struct buf text = BUF_INIT;
	int code = EX_TEMPFAIL;

	if (line)
		buf_reset(line);
	head.args = count(args, &size);
	head.env = count(r->env, &size);
	if (fd < 0 || size > SIZE_MOST || head.args > STRINGS_MOST)
		return EX_TEMPFAIL;
	/* At once: a growing buffer would leave parts of a password behind. */
	buf_room(&text, size);
	add(&text, args);
	add(&text, r->env);
	buf_add(&text, r->rest, r->rest_len);
	head.size = (uint32_t)size;
	while (fds < FDPASS_MAX && r->fds[fds] >= 0)
		fds++;
	/* An answer that was not read would be the next one's. */
	if (fdpass_send(fd, &head, sizeof head, r->fds, fds) < 0 ||
	    fdpass_send(fd, text.data, text.len, NULL, 0) < 0 ||
	    get_answer(fd, line, &code) < 0)
		shutdown(fd, SHUT_RDWR);
	explicit_bzero(text.data, text.cap);
	buf_free(&text);
	return code;
}

/* --- the starter --- */
/* The next n strings of the text become vector[0..n) and a NULL. 0, or -1
 * where they are not there. */
static int
split(struct request *r, char **at, size_t n, char **vector)
{
	char *end = r->text + r->size, *nul;

	for (size_t i = 0; i < n; i++) {
		nul = memchr(*at, '\0', (size_t)(end - *at));
		if (!nul)
			return -1;
		vector[i] = *at;
		*at = nul + 1;
	}
	vector[n] = NULL;
	r->rest = *at;
	r->rest_len = (size_t)(end - *at);
	return 0;
}

static bool
has_form(const struct request *r, const struct head *h)
{
	for (size_t i = 0; i < h->env; i++)
		if (!is_allowed(r->env[i]))
			return false;
	if (r->rest_len > (r->kind == REQUEST_LOGIN ? REQUEST_AHEAD : 0))
		return false;
	if (r->kind == REQUEST_HANDLE)
		return h->args >= 1 && r->fds[1] < 0;
	if (r->kind == REQUEST_LOGIN && (r->fds[0] < 0 || r->fds[1] < 0))
		return false;
	return h->args == 2 && (h->env == 0 || r->kind == REQUEST_RCPT);
}

static int
get_text(int fd, struct request *r, const struct head *h)
{
	char **args = xrealloc(NULL, (h->args + 1) * sizeof *args);
	char **env = xrealloc(NULL, (h->env + 1) * sizeof *env);
	char *at;

	r->args = args;
	r->env = (const char *const *)env;
	at = r->text = xrealloc(NULL, h->size + 1);
	r->size = h->size;
	if (fdpass_recv(fd, r->text, r->size, NULL) < 0 ||
	    split(r, &at, h->args, args) < 0 || split(r, &at, h->env, env) < 0)
		return -1;
	return has_form(r, h) ? 0 : -1;
}

int
request_get(int fd, struct request *r)
{
	struct head h;

	memset(r, 0, sizeof *r);
	if (fdpass_recv(fd, &h, sizeof h, r->fds) < 0)
		return -1;
	r->kind = h.kind;
	if (h.kind <= REQUEST_RCPT && h.size <= SIZE_MOST &&
	    h.args <= STRINGS_MOST && h.env <= ENV_MOST &&
	    get_text(fd, r, &h) == 0)
		return 0;
	request_free(r);
	return -1;
}

void
request_free(struct request *r)
{
	fdpass_close(r->fds);
	if (r->text)
		explicit_bzero(r->text, r->size);
	free(r->text);
	free((void *)r->args);
	free((void *)r->env);
}

int
request_answer(int fd, int code, const struct buf *line)
{
	struct answer answer = {code, (uint32_t)line->len};

	if (fdpass_send(fd, &answer, sizeof answer, NULL, 0) < 0)
		return -1;
	return fdpass_send(fd, line->data, line->len, NULL, 0);
}
