/* pop3-serve: serves one maildir by POP3 (RFC 1939, 2449, 3206) on fds 0 and
 * 1, or on a listening socket. Reads new/ and cur/ and neither moves nor flags
 * what is there; QUIT removes the messages that were marked with DELE, nothing
 * else ever does, and a +OK to it means that they are gone for good. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "conn.h"
#include "crlf.h"
#include "log.h"
#include "maildrop.h"
#include "options.h"
#include "parse.h"
#include "peer.h"
#include "pop3.h"
#include "secret.h"
#include "serve.h"
#include "verdict.h"

#define BLOCK 32768
#define TRIES 3   /* passwords */
#define ERRORS 20 /* commands that are none */
#define LOGIN_MS (3 * 60 * 1000)
#define SESSION_MS (24LL * 60 * 60 * 1000)

static const char *folder, *password_file;
static bool auth_clear;
static uint64_t idle = 600;
static enum log_target log_to = LOG_TO_STDERR;
static const char **listens;
static size_t n_listens;

static const char usage[] =
    "usage: pop3-serve --single-user DIR --password-file FILE [--auth-clear]\n"
    "                  [--listen ADDR:PORT]...\n"
    "POP3 server over a maildir, on descriptors 0 and 1 (inetd, systemd,\n"
    "tcpserver) or on a listening socket.\n"
    "\n"
    "  --single-user DIR     serve this maildir; any user name will do\n"
    "  --password-file FILE  the password is its first line; relative names\n"
    "                        are sought in $CREDENTIALS_DIRECTORY\n"
    "  --auth-clear          let USER and PASS pass without TLS\n"
    "  --listen ADDR:PORT    accept connections; may be repeated\n"
    "  --timeout TIME        end a session that says nothing (10m)\n"
    "  --log WHERE           stderr, syslog or none\n"
    "  --config FILE         long options, one a line\n"
    "  -h, --help            this\n"
    "  -V, --version         the version\n"
    "\n"
    "A session that does not end with QUIT removes nothing.\n";

enum { SINGLE_USER = 0x300, PASSWORD_FILE, AUTH_CLEAR, LISTEN, TIMEOUT, LOG };

static const struct option_def options[] = {
    {"single-user", SINGLE_USER, true},
    {"password-file", PASSWORD_FILE, true},
    {"auth-clear", AUTH_CLEAR, false},
    {"listen", LISTEN, true},
    {"timeout", TIMEOUT, true},
    {"log", LOG, true},
    {NULL, 0, false},
};

struct session {
	struct conn conn;
	struct peer peer;
	int64_t end;
	struct maildrop drop;
	struct buf secret;
	char user[POP3_COMMAND + 1];
	bool has_user, in;
	unsigned tries, errors;
	struct buf wire;
	uint64_t sent; /* messages */
	int status;
};

/* What a command came to; the reply is in replies, for all but SENT. */
enum event {
	DONE,
	SENT,
	NO_COMMAND,
	NO_ARGUMENT,
	NOT_NOW,
	NO_MESSAGE,
	UNREADABLE,
	NEEDS_TLS,
	DENIED,
	IN_USE,
	NO_MAILBOX,
	NOT_REMOVED,
	BYE,
	CUT, /* nothing more can be said: close */
};

static const char *const replies[] = {
    [DONE] = "+OK\r\n",
    [NO_COMMAND] = "-ERR unknown command\r\n",
    [NO_ARGUMENT] = "-ERR wrong arguments\r\n",
    [NOT_NOW] = "-ERR not in this state\r\n",
    [NO_MESSAGE] = "-ERR no such message\r\n",
    [UNREADABLE] = "-ERR [SYS/TEMP] the message cannot be read\r\n",
    [NEEDS_TLS] = "-ERR a login needs TLS here\r\n",
    [DENIED] = "-ERR [AUTH] wrong password\r\n",
    [IN_USE] = "-ERR [IN-USE] another session has the mailbox\r\n",
    [NO_MAILBOX] = "-ERR [SYS/TEMP] the mailbox cannot be opened\r\n",
    [NOT_REMOVED] = "-ERR [SYS/TEMP] some messages are not removed\r\n",
    [BYE] = "+OK bye\r\n",
};

static int
set(int key, const char *value, char *why, size_t size)
{
	switch (key) {
	case SINGLE_USER:
		folder = value;
		return 0;
	case PASSWORD_FILE:
		password_file = value;
		return 0;
	case AUTH_CLEAR:
		auth_clear = true;
		return 0;
	case LISTEN:
		listens = xrealloc(listens, (n_listens + 1) * sizeof *listens);
		listens[n_listens++] = value;
		return 0;
	case TIMEOUT:
		if (parse_duration(value, &idle) == 0 && idle && idle < 86400)
			return 0;
		snprintf(why, size, "`%s' is no time", value);
		return -1;
	default:
		if (log_target(value, &log_to) == 0)
			return 0;
		snprintf(
		    why, size, "`%s' is not stderr, syslog or none", value);
		return -1;
	}
}

static enum event
send_message(
    struct session *s, struct maildrop_message *m, struct pop3_top *top)
{
	struct crlf_wire w = {.bol = true, .stuff = true};
	char block[BLOCK];
	uint64_t left;
	bool more = true;
	int fd = maildrop_read(&s->drop, m, &left);

	if (fd < 0)
		return UNREADABLE;
	conn_put(&s->conn, "+OK message follows\r\n", 21);
	while (left && more && !s->conn.error) {
		size_t want = left < BLOCK ? (size_t)left : BLOCK, part;
		ssize_t n = read(fd, block, want);

		if (n <= 0)
			break;
		part = top ? pop3_top(top, block, (size_t)n) : (size_t)n;
		more = part == (size_t)n;
		left -= (uint64_t)n;
		crlf_wire(&w, block, part, &s->wire);
		conn_put(&s->conn, s->wire.data, s->wire.len);
		buf_reset(&s->wire);
	}
	close(fd);
	if (more && left) {
		/* The end must not be seen: it would make the part a whole. */
		log_error("read message %s: %s", m->file->name,
		    s->conn.error ? "the client is gone" : "it was cut short");
		return CUT;
	}
	crlf_wire_end(&w, &s->wire);
	buf_adds(&s->wire, ".\r\n");
	conn_put(&s->conn, s->wire.data, s->wire.len);
	buf_reset(&s->wire);
	s->sent++;
	return SENT;
}

/* --- the commands --- */
static enum event
do_capa(struct session *s, char *arg)
{
	(void)arg;
	conn_putf(&s->conn,
	    "+OK\r\nTOP\r\nUIDL\r\n%sRESP-CODES\r\nAUTH-RESP-CODE\r\n"
	    "PIPELINING\r\nEXPIRE NEVER\r\n.\r\n",
	    auth_clear ? "USER\r\n" : "");
	return SENT;
}

static enum event
do_user(struct session *s, char *arg)
{
	if (!auth_clear)
		return NEEDS_TLS;
	strcpy(s->user, arg);
	s->has_user = true;
	return DONE;
}

/* Takes as long wherever the first difference is. */
static bool
is_secret(const struct buf *secret, const char *given)
{
	size_t n = strlen(given);
	volatile unsigned char differ = n != secret->len;

	for (size_t i = 0; i < n; i++)
		differ |=
		    (unsigned char)(secret->data[i % secret->len] ^ given[i]);
	return !differ;
}

static enum event
do_pass(struct session *s, char *arg)
{
	if (!auth_clear)
		return NEEDS_TLS;
	if (!s->has_user)
		return NOT_NOW;
	s->has_user = false;
	if (!is_secret(&s->secret, arg)) {
		log_event(
		    "denied", "peer", s->peer.addr, "user", s->user, NULL);
		s->tries++;
		sleep(1);
		return DENIED;
	}
	if (maildrop_lock(&s->drop) == 0) {
		s->in = true;
		return DONE;
	}
	if (errno == EWOULDBLOCK)
		return IN_USE;
	log_error("read %s: %s", folder, strerror(errno));
	s->status = EX_TEMPFAIL;
	return NO_MAILBOX;
}

static enum event
do_stat(struct session *s, char *arg)
{
	uint64_t octets = 0;
	size_t n = 0;

	(void)arg;
	for (size_t i = 0; i < s->drop.n; i++) {
		struct maildrop_message *m = &s->drop.messages[i];

		if (m->marked)
			continue;
		maildrop_measure(&s->drop, m);
		if (m->gone)
			continue;
		octets += m->octets;
		n++;
	}
	conn_putf(&s->conn, "+OK %zu %" PRIu64 "\r\n", n, octets);
	return SENT;
}

static void
put_size(struct session *s, struct maildrop_message *m)
{
	conn_putf(&s->conn, "%zu %" PRIu64 "\r\n",
	    (size_t)(m - s->drop.messages) + 1, m->octets);
}

static void
put_uid(struct session *s, struct maildrop_message *m)
{
	conn_putf(&s->conn, "%zu %.*s\r\n", (size_t)(m - s->drop.messages) + 1,
	    m->uid_len, m->uid);
}

/* LIST and UIDL, of one message or all. */
static enum event
list(struct session *s, const char *arg,
    void (*put)(struct session *s, struct maildrop_message *m))
{
	struct maildrop_message *m = s->drop.messages, *end = m + s->drop.n;

	if (arg) {
		m = maildrop_find(&s->drop, arg, strlen(arg));
		if (m && put == put_size)
			maildrop_measure(&s->drop, m);
		if (!m || m->gone)
			return NO_MESSAGE;
		conn_put(&s->conn, "+OK ", 4);
		put(s, m);
		return SENT;
	}
	conn_put(&s->conn, "+OK\r\n", 5);
	for (; m < end; m++) {
		if (put == put_size && !m->marked)
			maildrop_measure(&s->drop, m);
		if (!m->marked && !m->gone)
			put(s, m);
	}
	conn_put(&s->conn, ".\r\n", 3);
	return SENT;
}

static enum event
do_list(struct session *s, char *arg)
{
	return list(s, arg, put_size);
}

static enum event
do_uidl(struct session *s, char *arg)
{
	maildrop_name(&s->drop);
	return list(s, arg, put_uid);
}

static enum event
do_retr(struct session *s, char *arg)
{
	struct maildrop_message *m = maildrop_find(&s->drop, arg, strlen(arg));

	return m ? send_message(s, m, NULL) : NO_MESSAGE;
}

static enum event
do_top(struct session *s, char *arg)
{
	struct pop3_top top = {.bol = true};
	size_t n = strcspn(arg, " ");
	struct maildrop_message *m = maildrop_find(&s->drop, arg, n);

	if (!arg[n] || parse_number(arg + n + 1, UINT64_MAX, &top.lines) < 0)
		return NO_ARGUMENT;
	return m ? send_message(s, m, &top) : NO_MESSAGE;
}

static enum event
do_dele(struct session *s, char *arg)
{
	struct maildrop_message *m = maildrop_find(&s->drop, arg, strlen(arg));

	if (!m)
		return NO_MESSAGE;
	m->marked = true;
	return DONE;
}

static enum event
do_rset(struct session *s, char *arg)
{
	(void)arg;
	for (size_t i = 0; i < s->drop.n; i++)
		s->drop.messages[i].marked = false;
	return DONE;
}

static enum event
do_noop(struct session *s, char *arg)
{
	(void)s;
	(void)arg;
	return DONE;
}

static enum event
do_quit(struct session *s, char *arg)
{
	(void)arg;
	if (maildrop_update(&s->drop) == 0)
		return BYE;
	s->status = EX_TEMPFAIL;
	return NOT_REMOVED;
}

enum { BEFORE = 1, AFTER = 2 }; /* the login */
enum { NONE, MAYBE, NEEDED };   /* an argument */

static const struct verb {
	char name[5];
	unsigned char when, arg;
	enum event (*run)(struct session *s, char *arg);
} verbs[] = {
    {"CAPA", BEFORE | AFTER, NONE, do_capa},
    {"USER", BEFORE, NEEDED, do_user},
    {"PASS", BEFORE, NEEDED, do_pass},
    {"STAT", AFTER, NONE, do_stat},
    {"LIST", AFTER, MAYBE, do_list},
    {"UIDL", AFTER, MAYBE, do_uidl},
    {"RETR", AFTER, NEEDED, do_retr},
    {"TOP", AFTER, NEEDED, do_top},
    {"DELE", AFTER, NEEDED, do_dele},
    {"RSET", AFTER, NONE, do_rset},
    {"NOOP", AFTER, NONE, do_noop},
    {"QUIT", BEFORE | AFTER, NONE, do_quit},
};

static enum event
run_line(struct session *s, char *line, size_t n)
{
	const struct verb *v = verbs, *end = v + sizeof verbs / sizeof *verbs;
	struct pop3_command c;

	if (pop3_command(line, n, &c) < 0)
		return NO_COMMAND;
	while (v < end && strcmp(v->name, c.verb) != 0)
		v++;
	if (v == end)
		return NO_COMMAND;
	if (!(v->when & (s->in ? AFTER : BEFORE)))
		return NOT_NOW;
	if ((v->arg == NEEDED && (!c.arg || !*c.arg)) ||
	    (v->arg == NONE && c.arg && *c.arg))
		return NO_ARGUMENT;
	return v->run(s, c.arg && *c.arg ? c.arg : NULL);
}

/* A line that is too long is discarded up to its end, and no part of it is
 * ever a command. 1, 0 at the end, -1 with errno. */
static int
read_command(struct session *s, enum event *event)
{
	bool whole = true;
	char *line;
	ssize_t n;

	s->conn.deadline = conn_now() + (int64_t)idle * 1000;
	if (s->conn.deadline > s->end)
		s->conn.deadline = s->end;
	while ((n = conn_line(&s->conn, &line, POP3_COMMAND)) > 0) {
		if (line[n - 1] == '\n') {
			s->conn.deadline = s->end;
			*event =
			    whole ? run_line(s, line, (size_t)n) : NO_COMMAND;
			return 1;
		}
		whole = false;
	}
	return n < 0 ? -1 : 0;
}

static bool
too_many(struct session *s, enum event event)
{
	if (event == NO_COMMAND || event == NO_ARGUMENT || event == NOT_NOW ||
	    event == NEEDS_TLS)
		s->errors++;
	return s->errors >= ERRORS || s->tries >= TRIES;
}

static void
converse(struct session *s)
{
	enum event event = DONE;
	bool in = false;
	int r;

	conn_put(&s->conn, "+OK POP3\r\n", 10);
	while ((r = read_command(s, &event)) > 0 && event != CUT) {
		if (event != SENT)
			conn_put(
			    &s->conn, replies[event], strlen(replies[event]));
		if (s->in && !in) {
			in = true;
			s->end = conn_now() + SESSION_MS;
			log_event("login", "peer", s->peer.addr, "user",
			    s->user, NULL);
		}
		if (event == BYE || event == NOT_REMOVED || too_many(s, event))
			break;
	}
	if (event == CUT || (r < 0 && errno != ETIMEDOUT))
		s->status = EX_TEMPFAIL;
	conn_flush(&s->conn);
}

static int
prepare(struct session *s)
{
	char why[512];

	if (secret_file(password_file, &s->secret, why, sizeof why) < 0) {
		log_error("%s", why);
		return EX_CONFIG;
	}
	if (!s->secret.len) {
		log_error("%s: its first line is empty", password_file);
		return EX_CONFIG;
	}
	if (maildrop_open(&s->drop, folder) < 0) {
		log_error("open %s: %s", folder, strerror(errno));
		return EX_TEMPFAIL;
	}
	return EX_OK;
}

static void
log_session(const struct session *s)
{
	char sent[24], removed[24], messages[24];

	if (!s->in)
		return;
	snprintf(messages, sizeof messages, "%zu", s->drop.n);
	snprintf(sent, sizeof sent, "%" PRIu64, s->sent);
	snprintf(removed, sizeof removed, "%" PRIu64, s->drop.removed);
	log_event("logout", "peer", s->peer.addr, "user", s->user, "messages",
	    messages, "sent", sent, "removed", removed, NULL);
}

static int
session(int in, int out, void *arg)
{
	static struct session s;

	(void)arg;
	conn_open(&s.conn, in, out);
	s.conn.seconds = (unsigned)idle;
	s.end = conn_now() + LOGIN_MS;
	peer_of(in, &s.peer);
	s.status = prepare(&s);
	if (s.status == EX_OK)
		converse(&s);
	else {
		conn_put(
		    &s.conn, replies[NO_MAILBOX], strlen(replies[NO_MAILBOX]));
		conn_flush(&s.conn);
	}
	log_session(&s);
	secret_free(&s.secret);
	return s.status;
}

int
main(int argc, char *argv[])
{
	const struct options o = {.defs = options,
	    .set = set,
	    .usage = usage,
	    .program = "pop3-serve"};
	struct serve server = {.session = session,
	    .busy = "-ERR [SYS/TEMP] too many sessions\r\n"};

	log_open("pop3-serve", log_to);
	if (options_parse(&o, argc, argv) < argc)
		log_die(EX_USAGE, "unexpected argument; see --help");
	if (!folder || !password_file)
		log_die(
		    EX_USAGE, "--single-user and --password-file are needed");
	log_open("pop3-serve", log_to);
	signal(SIGPIPE, SIG_IGN);
	server.listen = listens;
	server.listens = n_listens;
	return serve(&server);
}
