#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"
#include "log.h"
#include "reply.h"

#define VALUE_MAX 1000
#define TAIL 256
#define ROOM 16384 /* for an event of common size */

static const char *program;
static enum log_target events = LOG_TO_STDERR;
static bool stderr_is_peer;
/* Kept, so that to log what is done needs no memory and cannot undo it. */
static struct buf event_line;

/* The wrong way round, so that to use them still fails. */
static void
fill_standard(void)
{
	static const int ways[] = {O_WRONLY, O_RDONLY, O_RDWR};
	struct pollfd fds[] = {{.fd = 0}, {.fd = 1}, {.fd = 2}};

	if (poll(fds, 3, 0) <= 0)
		return;
	for (int i = 0; i < 3; i++)
		if ((fds[i].revents & POLLNVAL) &&
		    open("/dev/null", ways[i]) < 0)
			_exit(EX_TEMPFAIL);
}

/* What goes to fd 2 there would be read as protocol, our commands' words
 * included, so fd 2 is taken off the wire. */
static void
leave_wire(void)
{
	struct stat err, in;
	int null;

	if (fstat(STDERR_FILENO, &err) < 0 || !S_ISSOCK(err.st_mode) ||
	    fstat(STDIN_FILENO, &in) < 0 || err.st_dev != in.st_dev ||
	    err.st_ino != in.st_ino)
		return;
	stderr_is_peer = true;
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (null < 0 || dup2(null, STDERR_FILENO) < 0)
		close(STDERR_FILENO);
	if (null >= 0)
		close(null);
}

void
log_open(const char *name, enum log_target target)
{
	if (!program)
		fill_standard();
	program = name;
	events = target;
	if (events != LOG_TO_NOWHERE)
		buf_room(&event_line, ROOM);
	leave_wire();
	if (stderr_is_peer && events == LOG_TO_STDERR)
		events = LOG_TO_SYSLOG;
	if (stderr_is_peer || events == LOG_TO_SYSLOG)
		openlog(program, LOG_PID, LOG_MAIL);
}

void
log_connect(void)
{
	if (!stderr_is_peer && events != LOG_TO_SYSLOG)
		return;
	closelog();
	openlog(program, LOG_PID | LOG_NDELAY, LOG_MAIL);
	tzset();
}

static const char *const targets[] = {"stderr", "syslog", "none"};

const char *
log_target_name(void)
{
	return targets[events];
}

int
log_target(const char *name, enum log_target *out, char *why, size_t size)
{
	for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
		if (strcmp(name, targets[i]) == 0) {
			*out = (enum log_target)i;
			return 0;
		}
	snprintf(why, size, "`%s' is not stderr, syslog or none", name);
	return -1;
}

static void
add_escaped(struct buf *b, const char *s, size_t n)
{
	/* "\xNN" is four octets for one. */
	size_t size = 4 * n + 1;

	b->len += reply_escape(s, n, buf_room(b, size), size);
}

static void
add_value(struct buf *b, const char *value)
{
	size_t n = strnlen(value, VALUE_MAX);
	const char *end = value + n;

	if (n > 0 && strcspn(value, " \"=\\") >= n) {
		add_escaped(b, value, n);
		return;
	}
	buf_addc(b, '"');
	while (value < end) {
		n = strcspn(value, "\"\\");
		if (n > (size_t)(end - value))
			n = (size_t)(end - value);
		add_escaped(b, value, n);
		value += n;
		if (value < end) {
			buf_addc(b, '\\');
			buf_addc(b, *value++);
		}
	}
	buf_addc(b, '"');
}

/* One write, so that lines of several processes do not mix; where a log line
 * cannot be written there is nobody to tell. */
static void
put_line(struct buf *b)
{
	ssize_t w;

	buf_addc(b, '\n');
	do
		w = write(STDERR_FILENO, b->data, b->len);
	while (w < 0 && errno == EINTR);
}

void
log_event(const char *event, ...)
{
	struct buf *b = &event_line;
	const char *key, *value;
	int saved = errno;
	va_list ap;

	if (events == LOG_TO_NOWHERE)
		return;
	buf_reset(b);
	buf_adds(b, "event=");
	add_value(b, event);
	va_start(ap, event);
	while ((key = va_arg(ap, const char *))) {
		value = va_arg(ap, const char *);
		if (!value)
			continue;
		buf_addf(b, " %s=", key);
		add_value(b, value);
	}
	va_end(ap);
	if (events == LOG_TO_SYSLOG)
		syslog(LOG_INFO, "%s", buf_str(b));
	else
		put_line(b);
	errno = saved;
}

/* Of a long one the middle goes: the reason is at its end. */
static void
add_diagnostic(struct buf *b, const char *text)
{
	size_t n = strlen(text);

	if (n <= VALUE_MAX) {
		add_escaped(b, text, n);
		return;
	}
	add_escaped(b, text, VALUE_MAX - TAIL);
	buf_adds(b, "...");
	add_escaped(b, text + n - TAIL, TAIL);
}

static void
error_line(const char *fmt, va_list ap)
{
	struct buf b = BUF_INIT;
	char *text;
	int saved = errno;

	if (!program)
		log_open(program_invocation_short_name, events);
	if (vasprintf(&text, fmt, ap) < 0)
		return;
	buf_addf(&b, "%s: ", program);
	add_diagnostic(&b, text);
	if (stderr_is_peer)
		syslog(LOG_ERR, "%s", strchr(buf_str(&b), ' ') + 1);
	else
		put_line(&b);
	free(text);
	buf_free(&b);
	errno = saved;
}

void
log_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	error_line(fmt, ap);
	va_end(ap);
}

void
log_die(int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	error_line(fmt, ap);
	va_end(ap);
	exit(code);
}
