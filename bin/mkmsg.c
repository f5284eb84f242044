/* mkmsg: composes a message from the text on standard input and from files.
 * Nothing is written before all of it was read: the message is made in an
 * unlinked file, then goes to standard output or becomes the standard input
 * of COMMAND, which is run as a handler and whose exit code is ours. No octet
 * of a text value reaches a header unchecked. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "atomic.h"
#include "buf.h"
#include "child.h"
#include "compose.h"
#include "log.h"
#include "mime.h"
#include "mkmsg.h"
#include "options.h"
#include "verdict.h"

static struct draft draft;

static const char usage[] =
    "usage: mkmsg [option]... [-- COMMAND [ARG]...] < text > message\n"
    "\n"
    "  -f, --from ADDRESS     who writes (default: $EMAIL, else login@host)\n"
    "  -t, --to LIST          addresses of To; may come again, like the next\n"
    "  -c, --cc LIST          of Cc\n"
    "  -b, --bcc LIST         of Bcc\n"
    "  -s, --subject TEXT\n"
    "  -H, --header FIELD     any other field, 'Name: value'\n"
    "  -a, --attach FILE      attach a file\n"
    "      --html FILE        the text once more as HTML\n"
    "      --inline FILE      what the HTML shows as cid:NAME@mkmsg\n"
    "      --reply FILE       answer the message in FILE\n"
    "      --forward FILE     pass the message in FILE on, byte for byte\n"
    "      --config FILE      long options, one a line\n"
    "  -h, --help\n"
    "  -V, --version\n"
    "\n"
    "COMMAND (sendmail, spool add) gets the complete message on standard\n"
    "input and -f SENDER -- RECIPIENT... as arguments: the safe form.\n";

enum { KEY_HTML = 256, KEY_INLINE, KEY_REPLY, KEY_FORWARD };

static const struct option_def defs[] = {{"from", 'f', true}, {"to", 't', true},
    {"cc", 'c', true}, {"bcc", 'b', true}, {"subject", 's', true},
    {"header", 'H', true}, {"attach", 'a', true}, {"html", KEY_HTML, true},
    {"inline", KEY_INLINE, true}, {"reply", KEY_REPLY, true},
    {"forward", KEY_FORWARD, true}, {NULL, 0, false}};

static void
add_value(struct values *list, const char *value)
{
	list->v = xrealloc(list->v, (list->n + 1) * sizeof *list->v);
	list->v[list->n++] = value;
}

static int
set(int key, const char *value, char *why, size_t size)
{
	(void)why;
	(void)size;
	switch (key) {
	case 'f':
		draft.from = value;
		break;
	case 't':
		add_value(&draft.to, value);
		break;
	case 'c':
		add_value(&draft.cc, value);
		break;
	case 'b':
		add_value(&draft.bcc, value);
		break;
	case 's':
		draft.subject = value;
		break;
	case 'H':
		add_value(&draft.extra, value);
		break;
	case 'a':
		add_value(&draft.attached, value);
		break;
	case KEY_HTML:
		draft.html = value;
		break;
	case KEY_INLINE:
		add_value(&draft.inlined, value);
		break;
	case KEY_REPLY:
		draft.reply = value;
		break;
	case KEY_FORWARD:
		draft.forward = value;
		break;
	}
	return 0;
}

void
check_text(const char *object, const char *value)
{
	if (!compose_is_text(value))
		log_die(EX_DATAERR,
		    "check %s: a control octet or no UTF-8 in its value: "
		    "%.100s",
		    object, value);
}

int
open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		log_die(verdict_exit_of_errno(errno, EX_NOINPUT), "open %s: %s",
		    path, strerror(errno));
	return fd;
}

int
scratch(void)
{
	int fd = atomic_scratch();

	if (fd < 0)
		log_die(
		    EX_TEMPFAIL, "create temporary file: %s", strerror(errno));
	return fd;
}

void
put_all(int fd, const char *name, const char *data, size_t n)
{
	while (n) {
		ssize_t done = write(fd, data, n);

		if (done < 0 && errno != EINTR)
			log_die(
			    EX_TEMPFAIL, "write %s: %s", name, strerror(errno));
		if (done > 0) {
			data += done;
			n -= (size_t)done;
		}
	}
}

size_t
take(int fd, const char *name, char block[BLOCK])
{
	ssize_t n;

	do
		n = read(fd, block, BLOCK);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		log_die(verdict_exit_of_errno(errno, EX_NOINPUT), "read %s: %s",
		    name, strerror(errno));
	return (size_t)n;
}

/* A handler's arguments. MAIL_ID would tell it that this is mail in transit,
 * whose Bcc fields stay. */
static _Noreturn void
become(char *command[], int fd, const char *sender, struct buf *rcpts)
{
	size_t n = 0, argc;
	char **argv;

	for (argc = 0; command[argc]; argc++)
		;
	for (size_t i = 0; i < rcpts->len; i += strlen(rcpts->data + i) + 1)
		n++;
	argv = xrealloc(NULL, (argc + n + 4) * sizeof *argv);
	memcpy(argv, command, argc * sizeof *argv);
	argv[argc++] = xstrdup("-f");
	argv[argc++] = xstrdup(sender);
	argv[argc++] = xstrdup("--");
	for (size_t i = 0; i < rcpts->len; i += strlen(rcpts->data + i) + 1)
		argv[argc++] = rcpts->data + i;
	argv[argc] = NULL;
	unsetenv("MAIL_ID");
	unsetenv("MAIL_SIZE");
	child_path();
	if (dup2(fd, 0) >= 0)
		execvp(argv[0], argv);
	log_die(EX_TEMPFAIL, "run %s: %s", argv[0], strerror(errno));
}

static void
print(int fd)
{
	static char block[BLOCK];
	size_t n;

	while ((n = take(fd, "temporary file", block)))
		put_all(1, "standard output", block, n);
	if (close(1) < 0)
		log_die(
		    EX_TEMPFAIL, "write standard output: %s", strerror(errno));
}

int
main(int argc, char *argv[])
{
	const struct options o = {
	    .defs = defs, .set = set, .usage = usage, .program = "mkmsg"};
	struct buf head = BUF_INIT, sender = BUF_INIT, rcpts = BUF_INIT;
	struct mime *content;
	int first, fd;

	log_open("mkmsg", LOG_TO_STDERR);
	first = options_parse(&o, argc, argv);
	if (first < argc && strcmp(argv[first - 1], "--"))
		log_die(EX_USAGE, "%s: a COMMAND follows -- (try --help)",
		    argv[first]);
	if (draft.reply && draft.forward)
		log_die(EX_USAGE, "--reply and --forward exclude each other");
	if (draft.inlined.n && !draft.html)
		log_die(EX_USAGE, "--inline needs --html");
	draft_header(&draft, &head, &sender, &rcpts);
	content = draft_body(&draft);
	fd = scratch();
	put_all(fd, "temporary file", head.data, head.len);
	if (mime_write(content, fd) < 0)
		log_die(EX_TEMPFAIL, "compose message: %s", strerror(errno));
	mime_free(content);
	if (lseek(fd, 0, SEEK_SET) < 0)
		log_die(
		    EX_TEMPFAIL, "seek temporary file: %s", strerror(errno));
	if (first < argc)
		become(argv + first, fd, sender.data, &rcpts);
	print(fd);
	buf_free(&head);
	buf_free(&sender);
	buf_free(&rcpts);
	return 0;
}
