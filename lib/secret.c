#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "child.h"
#include "conn.h"
#include "parse.h"

#define NETRC_MAX (1 << 20)
#define SECRET_MAX (1 << 20)
/* From the start, so that growing leaves no copies behind. */
#define SECRET_ROOM 65536

/* Everything up to end of file, in SECRET_SECONDS; errno on -1. */
static int
read_all(int fd, struct buf *out)
{
	int64_t limit = conn_now() + SECRET_SECONDS * 1000;
	ssize_t n;

	buf_room(out, SECRET_ROOM);
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int64_t left = limit - conn_now();
		int got = poll(&p, 1, left > 0 ? (int)left : 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got == 0)
			errno = ETIMEDOUT;
		if (got <= 0)
			return -1;
		n = read(fd, buf_room(out, 4096), 4096);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			return (int)n;
		out->len += (size_t)n;
		if (out->len > SECRET_MAX) {
			errno = EMSGSIZE;
			return -1;
		}
	}
}

/* Adds the first line of all to out; empty is an error. */
static int
first_line(struct buf *all, struct buf *out)
{
	size_t n = 0;

	while (n < all->len && all->data[n] != '\n')
		n++;
	if (n > 0 && all->data[n - 1] == '\r')
		n--;
	if (n == 0 || memchr(all->data, '\0', n)) {
		errno = ENODATA;
		return -1;
	}
	buf_add(out, all->data, n);
	return 0;
}

static int
read_secret(int fd, struct buf *out)
{
	struct buf all = BUF_INIT;
	int r = read_all(fd, &all);

	if (r == 0)
		r = first_line(&all, out);
	secret_free(&all);
	return r;
}

/* What the command has written, or why that is nothing. */
static int
command_line(int code, bool late, struct buf *line, struct buf *out, char *why,
    size_t size)
{
	if (late)
		snprintf(why, size, "no answer in time");
	else if (code != 0)
		snprintf(why, size, "exit status %d", code);
	else if (line->len >= SECRET_MAX)
		snprintf(why, size, "its line is too long");
	else if (first_line(line, out) < 0)
		snprintf(why, size, "no secret on its output");
	else
		return 0;
	return -1;
}

int
secret_command(
    const struct secret_command *s, struct buf *out, char *why, size_t size)
{
	char *args[] = {s->user, NULL};
	char **argv = child_shell(s->command, args), text[64];
	struct child c = {.argv = argv,
	    .in = -1,
	    .env = s->env,
	    .seconds = s->seconds && s->seconds < SECRET_SECONDS
		? s->seconds
		: SECRET_SECONDS,
	    .line = SECRET_MAX};
	struct buf line = BUF_INIT;
	int64_t limit = conn_now() + (int64_t)c.seconds * 1000;
	int code, r;

	buf_room(&line, SECRET_ROOM);
	code = child_run(&c, &line);
	r = command_line(
	    code, conn_now() >= limit, &line, out, text, sizeof text);
	if (r < 0)
		snprintf(why, size, "%s: %s", s->command, text);
	secret_free(&line);
	free(argv);
	return r;
}

int
secret_file(const char *name, struct buf *out, char *why, size_t size)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	struct buf path = BUF_INIT;
	struct stat st;
	int fd, r = -1, saved;

	if (name[0] != '/' && dir && *dir)
		buf_addf(&path, "%s/", dir);
	buf_adds(&path, name);
	fd = open(buf_str(&path), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd >= 0 && fstat(fd, &st) == 0 && (st.st_mode & 022)) {
		snprintf(why, size, "%s: others may write it", buf_str(&path));
		close(fd);
		buf_free(&path);
		errno = EPERM;
		return -1;
	}
	if (fd >= 0)
		r = read_secret(fd, out);
	saved = errno;
	if (fd >= 0)
		close(fd);
	if (r < 0)
		snprintf(why, size, "%s: %s", buf_str(&path),
		    saved == ENODATA        ? "no password in it"
			: saved == EMSGSIZE ? "too long for a password"
					    : strerror(saved));
	buf_free(&path);
	errno = saved;
	return r;
}

int
secret_fd(const char *number, struct buf *out, char *why, size_t size)
{
	uint64_t fd;

	if (parse_number(number, 1 << 20, &fd) < 0) {
		snprintf(why, size, "%s: not a descriptor", number);
		errno = EINVAL;
		return -1;
	}
	if (read_secret((int)fd, out) == 0)
		return 0;
	snprintf(why, size, "descriptor %s: %s", number,
	    errno == ENODATA ? "no password on it" : strerror(errno));
	return -1;
}

/* The next word of a netrc; quoted words may hold blanks, backslash escapes
 * within. It is cut out in place. NULL at the end. */
static char *
netrc_word(char **at)
{
	char *s = *at + strspn(*at, " \t\r\n"), *start, *to;

	if (*s == '\0')
		return NULL;
	if (*s != '"') {
		start = s;
		s += strcspn(s, " \t\r\n");
		*at = *s ? s + 1 : s;
		*s = '\0';
		return start;
	}
	start = to = ++s;
	for (; *s && *s != '"'; s++) {
		if (*s == '\\' && s[1])
			s++;
		*to++ = *s;
	}
	*at = *s ? s + 1 : s;
	*to = '\0';
	return start;
}

/* The next keyword: comments may stand before it. */
static char *
netrc_key(char **at)
{
	for (;;) {
		*at += strspn(*at, " \t\r\n");
		if (**at != '#')
			return netrc_word(at);
		*at += strcspn(*at, "\n");
	}
}

struct netrc_entry {
	bool ours;
	const char *login, *password;
};

static const char *
netrc_match(const struct netrc_entry *e, const char *user)
{
	if (!e->ours || !e->password)
		return NULL;
	return !e->login || strcmp(e->login, user) == 0 ? e->password : NULL;
}

/* The password of the first entry for host and user, or NULL. A macro ends at
 * an empty line. */
static const char *
netrc_find(char *text, const char *host, const char *user)
{
	struct netrc_entry e = {false, NULL, NULL};
	const char *found = NULL;
	char *word;

	while (!found && (word = netrc_key(&text))) {
		bool machine = strcmp(word, "machine") == 0;
		if (machine || strcmp(word, "default") == 0) {
			if ((found = netrc_match(&e, user)))
				break;
			char *name = machine ? netrc_word(&text) : NULL;
			e = (struct netrc_entry){0};
			e.ours =
			    !machine || (name && strcasecmp(name, host) == 0);
		} else if (strcmp(word, "login") == 0) {
			e.login = netrc_word(&text);
		} else if (strcmp(word, "password") == 0) {
			e.password = netrc_word(&text);
		} else if (strcmp(word, "account") == 0) {
			netrc_word(&text);
		} else if (strcmp(word, "macdef") == 0) {
			char *end = strstr(text, "\n\n");
			text = end ? end + 2 : text + strlen(text);
		}
	}
	return found ? found : netrc_match(&e, user);
}

/* Opens ~/.netrc if nobody else can read it. -1: why is "" without a file. */
static int
netrc_open(const char *path, char *why, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	why[0] = '\0';
	if (fd < 0 && errno == ENOENT)
		return -1;
	if (fd < 0 || fstat(fd, &st) < 0)
		snprintf(why, size, "%s: %s", path, strerror(errno));
	else if (!S_ISREG(st.st_mode) || (st.st_mode & 077))
		snprintf(why, size,
		    "%s: others may read it (mode %04o, not 0600)", path,
		    (unsigned)st.st_mode & 07777);
	else if (st.st_uid != geteuid() && geteuid() != 0)
		snprintf(why, size, "%s: it is another user's", path);
	if (!why[0])
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

int
secret_netrc(
    const char *host, const char *user, struct buf *out, char *why, size_t size)
{
	const char *home = getenv("HOME"), *password;
	struct buf path = BUF_INIT, all = BUF_INIT;
	int fd, r = 1;

	if (!home || !*home)
		return 1;
	buf_addf(&path, "%s/.netrc", home);
	fd = netrc_open(buf_str(&path), why, size);
	if (fd < 0)
		r = why[0] ? -1 : 1;
	else if (read_all(fd, &all) < 0) {
		snprintf(why, size, "%s: %s", buf_str(&path), strerror(errno));
		r = -1;
	} else if ((password = netrc_find(buf_str(&all), host, user))) {
		buf_adds(out, password);
		r = 0;
	}
	if (fd >= 0)
		close(fd);
	buf_free(&path);
	secret_free(&all);
	return r;
}

static int
read_line(int fd, struct buf *out)
{
	struct buf line = BUF_INIT;
	ssize_t n;
	int r;

	do {
		n = read(fd, buf_room(&line, 256), 256);
		if (n > 0)
			line.len += (size_t)n;
	} while (n > 0 && line.data[line.len - 1] != '\n' && line.len < 65536);
	r = n < 0 ? -1 : first_line(&line, out);
	secret_free(&line);
	return r;
}

int
secret_prompt(const char *what, struct buf *out, char *why, size_t size)
{
	struct termios old, quiet;
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	int r = -1;

	if (fd < 0)
		return 1;
	if (tcgetattr(fd, &old) == 0) {
		quiet = old;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(fd, TCSAFLUSH, &quiet);
		dprintf(fd, "Password for %s: ", what);
		r = read_line(fd, out);
		dprintf(fd, "\n");
		tcsetattr(fd, TCSAFLUSH, &old);
	}
	if (r < 0)
		snprintf(why, size, "password prompt: %s",
		    errno == ENODATA ? "none given" : strerror(errno));
	close(fd);
	return r;
}

bool
secret_equals(const char *secret, const char *given)
{
	size_t n = strlen(secret), m = strlen(given);
	volatile unsigned char differ = n != m;

	for (size_t i = 0; i < m; i++)
		differ |= (unsigned char)(secret[i < n ? i : n] ^ given[i]);
	return !differ;
}

void
secret_free(struct buf *b)
{
	if (b->data)
		explicit_bzero(b->data, b->cap);
	buf_free(b);
}
