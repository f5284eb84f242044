/* mkmsg: composes a message from the text on standard input and from files.
 * Nothing is written before all of it was read: the message is made in an
 * unlinked file, then goes to standard output or becomes the standard input
 * of COMMAND, which is run as a handler and whose exit code is ours. No octet
 * of a text value reaches a header unchecked. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "addrspec.h"
#include "atomic.h"
#include "buf.h"
#include "child.h"
#include "compose.h"
#include "crlf.h"
#include "date.h"
#include "envelope.h"
#include "log.h"
#include "mime.h"
#include "options.h"
#include "original.h"
#include "verdict.h"

#define BLOCK 65536
#define HEADER_MAX (256 * 1024) /* of the message replied to */

struct values {
	const char **v;
	size_t n;
};

static const char *from, *subject, *html, *reply, *forward;
static struct values to, cc, bcc, extra, attached, inlined;

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
		from = value;
		break;
	case 't':
		add_value(&to, value);
		break;
	case 'c':
		add_value(&cc, value);
		break;
	case 'b':
		add_value(&bcc, value);
		break;
	case 's':
		subject = value;
		break;
	case 'H':
		add_value(&extra, value);
		break;
	case 'a':
		add_value(&attached, value);
		break;
	case KEY_HTML:
		html = value;
		break;
	case KEY_INLINE:
		add_value(&inlined, value);
		break;
	case KEY_REPLY:
		reply = value;
		break;
	case KEY_FORWARD:
		forward = value;
		break;
	}
	return 0;
}

static void
check_text(const char *object, const char *value)
{
	if (!compose_is_text(value))
		log_die(EX_DATAERR,
		    "check %s: a control octet or no UTF-8 in its value: "
		    "%.100s",
		    object, value);
}

/* Adds "name" <address> to the list, which is UTF-8 and not encoded. */
static void
add_mailbox(struct buf *list, const char *name, const char *address)
{
	if (list->len)
		buf_adds(list, ", ");
	if (*name)
		buf_addc(list, '"');
	for (const char *s = name; *s; s++) {
		if (*s == '"' || *s == '\\')
			buf_addc(list, '\\');
		buf_addc(list, *s);
	}
	buf_adds(list, *name ? "\" <" : "<");
	envelope_qualify(address, list);
	buf_addc(list, '>');
}

/* Adds the mailboxes of value to the list. Returns how many. */
static int
add_mailboxes(
    struct buf *list, const char *object, const char *value, bool encoded)
{
	struct buf addresses = BUF_INIT, names = BUF_INIT;
	int n = addrspec_named(value, strlen(value), &addresses, &names);
	const char *address = addresses.data, *name = names.data;

	if (n <= 0)
		log_die(EX_DATAERR, "check %s: no address: %.100s", object,
		    n < 0 ? buf_str(&addresses) : value);
	for (int i = 0; i < n; i++) {
		char *decoded = encoded ? mime_decode(name) : xstrdup(name);

		add_mailbox(
		    list, compose_is_text(decoded) ? decoded : "", address);
		free(decoded);
		name += strlen(name) + 1;
		address += strlen(address) + 1;
	}
	buf_free(&addresses);
	buf_free(&names);
	return n;
}

/* Adds the field of an address list (values, behind what list has), and its
 * addresses to rcpts. */
static void
put_list(struct buf *head, const char *name, const char *object,
    const struct values *values, struct buf *list, struct buf *rcpts)
{
	for (size_t i = 0; i < values->n; i++) {
		check_text(object, values->v[i]);
		add_mailboxes(list, object, values->v[i], false);
	}
	if (list->len &&
	    compose_addresses(head, name, buf_str(list), rcpts) < 0)
		log_die(EX_DATAERR, "check %s: no address list: %.100s", object,
		    buf_str(list));
	buf_free(list);
}

static int
scratch(void)
{
	int fd = atomic_scratch();

	if (fd < 0)
		log_die(
		    EX_TEMPFAIL, "create temporary file: %s", strerror(errno));
	return fd;
}

static void
put_all(int fd, const char *what, const char *data, size_t n)
{
	while (n) {
		ssize_t done = write(fd, data, n);

		if (done < 0 && errno != EINTR)
			log_die(
			    EX_TEMPFAIL, "write %s: %s", what, strerror(errno));
		if (done > 0) {
			data += done;
			n -= (size_t)done;
		}
	}
}

/* The next octets of fd, which is the file called name. */
static size_t
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

/* Copies fd to an unlinked file; lines have their ends made LF, and whole. */
static int
copy(int fd, const char *name, bool lines, bool whole)
{
	static char block[BLOCK];
	struct crlf_text text = {0};
	struct buf out = BUF_INIT;
	int to_fd = scratch();
	char last = '\n';
	size_t n;

	do {
		n = take(fd, name, block);
		if (lines)
			crlf_text(&text, block, n, &out);
		else
			buf_add(&out, block, n);
		if (!n)
			crlf_text_end(&text, &out);
		put_all(to_fd, "temporary file", out.data, out.len);
		last = out.len ? out.data[out.len - 1] : last;
		buf_reset(&out);
	} while (n);
	if (whole && last != '\n')
		put_all(to_fd, "temporary file", "\n", 1);
	buf_free(&out);
	return to_fd;
}

static int
open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		log_die(verdict_exit_of_errno(errno, EX_NOINPUT), "open %s: %s",
		    path, strerror(errno));
	return fd;
}

static struct mime *
leaf(int fd, const char *name, const char *type, struct mime_facts *facts)
{
	if (mime_examine(fd, facts) < 0)
		log_die(verdict_exit_of_errno(errno, EX_NOINPUT), "read %s: %s",
		    name, strerror(errno));
	return mime_leaf(fd, type ? type : mime_type(name, facts), facts);
}

/* Text of type; NULL when it is empty. */
static struct mime *
text_part(int fd, const char *name, const char *type)
{
	struct mime_facts facts;
	struct mime *m = leaf(copy(fd, name, true, true), name, type, &facts);

	if (facts.invalid)
		log_die(EX_DATAERR,
		    "read %s: octet %ju is not UTF-8 (iconv converts)", name,
		    (uintmax_t)facts.invalid - 1);
	if (facts.size)
		return m;
	mime_free(m);
	return NULL;
}

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	check_text("file name", path);
	return slash ? slash + 1 : path;
}

static struct mime *
file_part(const char *path, const char *disposition)
{
	const char *name = base_name(path);
	struct mime_facts facts;
	struct mime *m;
	struct stat st;
	int fd = open_file(path);

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		fd = copy(fd, path, false, false);
	m = leaf(fd, path, NULL, &facts);
	mime_name(m, disposition, name);
	return m;
}

/* Forwarded octets are not encoded (RFC 2046 5.2.1), so they must be fit for
 * transport as they are. */
static struct mime *
forward_part(const char *path)
{
	int fd = open_file(path);
	struct mime_facts facts;
	struct mime *m;

	m = leaf(copy(fd, path, true, false), path, "message/rfc822", &facts);
	close(fd);
	if (!facts.size)
		log_die(EX_DATAERR, "forward %s: an empty message", path);
	if (facts.nul || facts.cr)
		log_die(EX_DATAERR, "forward %s: %s (attach it instead)", path,
		    facts.nul ? "NUL" : "a bare CR");
	return m;
}

static struct mime *
inline_part(const char *path)
{
	struct mime *m = file_part(path, "inline");
	struct buf id = BUF_INIT;

	for (const char *s = base_name(path); *s; s++)
		buf_addc(&id,
		    strchr("()<>[]:;@\\,\" %", *s) || *s & 0x80 ? '_' : *s);
	buf_adds(&id, "@mkmsg");
	mime_id(m, buf_str(&id));
	buf_free(&id);
	return m;
}

static struct mime *
html_part(void)
{
	int fd = open_file(html);
	struct mime *page = text_part(fd, html, "text/html"), *related;

	close(fd);
	if (!page)
		log_die(EX_DATAERR, "read %s: an empty page", html);
	if (!inlined.n)
		return page;
	related = mime_multipart("related");
	mime_add(related, page);
	for (size_t i = 0; i < inlined.n; i++)
		mime_add(related, inline_part(inlined.v[i]));
	return related;
}

/* related in alternative in mixed, each only where there is need of it. */
static struct mime *
body(void)
{
	struct mime *text = text_part(0, "standard input", "text/plain");
	struct mime *page = html ? html_part() : NULL, *all;

	if (text && page) {
		all = mime_multipart("alternative");
		mime_add(all, text);
		mime_add(all, page);
		text = all;
	} else if (page) {
		text = page;
	}
	if (!attached.n && !forward) {
		struct mime_facts none = {0};

		return text ? text : mime_leaf(0, "text/plain", &none);
	}
	all = mime_multipart("mixed");
	if (text)
		mime_add(all, text);
	if (forward)
		mime_add(all, forward_part(forward));
	for (size_t i = 0; i < attached.n; i++)
		mime_add(all, file_part(attached.v[i], "attachment"));
	return all;
}

/* Reads the header of the message in path. */
static void
read_original(const char *path, struct original *o)
{
	static char block[BLOCK];
	struct buf head = BUF_INIT;
	int fd = open_file(path);
	size_t n;

	while (head.len < HEADER_MAX && (n = take(fd, path, block)))
		buf_add(&head, block, n);
	close(fd);
	original_read(o, head.data, head.len);
	buf_free(&head);
}

static void
put_references(struct buf *head, struct original *o)
{
	struct buf id = BUF_INIT, references = BUF_INIT;

	original_references(o, &id, &references);
	if (id.len) {
		compose_words(head, "In-Reply-To", buf_str(&id));
		compose_words(head, "References", buf_str(&references));
	}
	buf_free(&id);
	buf_free(&references);
}

/* "Re: " or "Fwd: " and the subject of the original. */
static void
put_subject(struct buf *head, struct original *o)
{
	const char *prefix = reply ? "Re:" : "Fwd:";
	char *decoded = mime_decode(buf_str(&o->subject));
	struct buf text = BUF_INIT;

	if (subject) {
		check_text("-s", subject);
		compose_text(head, "Subject", subject);
	} else if (reply || forward) {
		if (!compose_is_text(decoded))
			*decoded = 0;
		if (strncasecmp(decoded, prefix, strlen(prefix)))
			buf_addf(&text, *decoded ? "%s " : "%s", prefix);
		buf_adds(&text, decoded);
		compose_text(head, "Subject", buf_str(&text));
	}
	free(decoded);
	buf_free(&text);
}

static void
put_extra(struct buf *head, const char *field, bool *date, bool *id)
{
	const char *colon = strchr(field, ':'), *value;
	size_t n = colon ? (size_t)(colon - field) : 0;
	struct buf name = BUF_INIT, list = BUF_INIT, unused = BUF_INIT;
	struct values one = {&value, 1};
	enum compose_kind kind;

	check_text("-H", field);
	if (!compose_is_name(field, n))
		log_die(
		    EX_DATAERR, "check -H: not 'Name: value': %.100s", field);
	buf_add(&name, field, n);
	value = colon + 1 + strspn(colon + 1, " \t");
	kind = compose_kind(buf_str(&name));
	*date = *date || !strcasecmp(name.data, "Date");
	*id = *id || !strcasecmp(name.data, "Message-ID");
	if (kind == COMPOSE_OWN)
		log_die(EX_USAGE, "check -H: %s is not set by -H", name.data);
	if (kind == COMPOSE_ADDRESSES) {
		put_list(head, name.data, "-H", &one, &list, &unused);
	} else if (kind == COMPOSE_TEXT) {
		compose_text(head, name.data, value);
	} else {
		for (const char *s = value; *s; s++)
			if (*s & 0x80)
				log_die(EX_DATAERR,
				    "check -H: not ASCII: %.100s", field);
		compose_words(head, name.data, value);
	}
	buf_free(&unused);
	buf_free(&name);
}

static void
put_date_and_id(struct buf *head, const char *sender, bool date, bool id)
{
	const char *domain = strrchr(sender, '@');
	char now[DATE_MAX], unique[21];

	if (!date) {
		date_rfc5322(time(NULL), now);
		compose_words(head, "Date", now);
	}
	if (id)
		return;
	domain = domain ? domain + 1 : "localhost";
	for (const char *s = domain; *s; s++)
		if (*s & 0x80) {
			domain = "localhost";
			break;
		}
	envelope_mail_id(unique);
	buf_addf(head, "Message-ID: <%s@%s>\n", unique, domain);
}

/* $EMAIL may have a name; else who sends is as everywhere. */
static const char *
default_from(struct buf *out)
{
	const char *email = getenv("EMAIL");
	struct buf address = BUF_INIT;
	bool named = email && strchr(email, '<');
	int n = 1;

	if (named) {
		n = addrspec_list(email, strlen(email), &address);
		buf_adds(out, email);
	} else if (envelope_default_sender(out) < 0) {
		n = 0;
	}
	buf_free(&address);
	if (n != 1 || !compose_is_text(buf_str(out)))
		log_die(EX_CONFIG, "find the sender: no address: %.100s",
		    buf_str(out));
	return buf_str(out);
}

static void
put_from(struct buf *head, struct buf *sender)
{
	struct buf list = BUF_INIT, text = BUF_INIT;
	const char *who = from ? from : default_from(&text);
	struct values one = {&who, 1};

	put_list(head, "From", "-f", &one, &list, sender);
	if (strlen(sender->data) + 1 != sender->len)
		log_die(
		    EX_DATAERR, "check -f: more than one address: %.100s", who);
	buf_free(&text);
}

static void
put_header(struct buf *head, struct buf *sender, struct buf *rcpts)
{
	struct original o = {0};
	struct buf list = BUF_INIT;
	bool date = false, id = false;

	if (reply || forward)
		read_original(reply ? reply : forward, &o);
	put_from(head, sender);
	if (reply && !to.n)
		add_mailboxes(&list, reply,
		    buf_str(o.reply_to.len ? &o.reply_to : &o.from), true);
	put_list(head, "To", "-t", &to, &list, rcpts);
	put_list(head, "Cc", "-c", &cc, &list, rcpts);
	put_list(head, "Bcc", "-b", &bcc, &list, rcpts);
	put_subject(head, &o);
	if (reply)
		put_references(head, &o);
	for (size_t i = 0; i < extra.n; i++)
		put_extra(head, extra.v[i], &date, &id);
	put_date_and_id(head, sender->data, date, id);
	buf_adds(head, "MIME-Version: 1.0\n");
	original_free(&o);
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
	const struct options o = {defs, set, usage, "mkmsg", false};
	struct buf head = BUF_INIT, sender = BUF_INIT, rcpts = BUF_INIT;
	struct mime *content;
	int first, fd;

	log_open("mkmsg", LOG_TO_STDERR);
	first = options_parse(&o, argc, argv);
	if (first < argc && strcmp(argv[first - 1], "--"))
		log_die(EX_USAGE, "%s: a COMMAND follows -- (try --help)",
		    argv[first]);
	if (reply && forward)
		log_die(EX_USAGE, "--reply and --forward exclude each other");
	if (inlined.n && !html)
		log_die(EX_USAGE, "--inline needs --html");
	put_header(&head, &sender, &rcpts);
	content = body();
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
