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
#include "pop3d.h"
#include "secret.h"
#include "serve.h"
#include "verdict.h"

#define BLOCK 32768
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
	int64_t end;  /* of the session */
	int64_t idle; /* until then a whole command must come */
	struct pop3d dialogue;
	struct maildrop drop;
	struct buf secret;
	struct buf wire;
	uint64_t sent; /* messages */
	int status;
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

static enum pop3d_answer
send_message(
    struct session *s, struct maildrop_message *m, struct pop3_top *top)
{
	struct crlf_wire w = {.bol = true, .stuff = true};
	char block[BLOCK];
	uint64_t left;
	bool more = true;
	int fd = maildrop_read(&s->drop, m, &left);

	if (fd < 0)
		return POP3D_UNREADABLE;
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
		return POP3D_CUT;
	}
	crlf_wire_end(&w, &s->wire);
	buf_adds(&s->wire, ".\r\n");
	conn_put(&s->conn, s->wire.data, s->wire.len);
	buf_reset(&s->wire);
	s->sent++;
	return POP3D_SAID;
}

static enum pop3d_answer
log_in(struct session *s)
{
	const char *user = s->dialogue.user;

	if (!secret_equals(buf_str(&s->secret), s->dialogue.password)) {
		log_event("denied", "peer", s->peer.addr, "user", user, NULL);
		sleep(1);
		return POP3D_DENIED;
	}
	if (maildrop_lock(&s->drop) < 0) {
		if (errno == EWOULDBLOCK)
			return POP3D_IN_USE;
		log_error("read %s: %s", folder, strerror(errno));
		s->status = EX_TEMPFAIL;
		return POP3D_NO_MAILBOX;
	}
	s->end = conn_now() + SESSION_MS;
	log_event("login", "peer", s->peer.addr, "user", user, NULL);
	return POP3D_DONE;
}

static enum pop3d_answer
count(struct session *s)
{
	uint64_t octets = 0;
	size_t n = 0;

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
	return POP3D_SAID;
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
static enum pop3d_answer
list(struct session *s,
    void (*put)(struct session *s, struct maildrop_message *m))
{
	struct maildrop_message *m = s->drop.messages, *end = m + s->drop.n;

	if (!s->dialogue.all) {
		m = maildrop_find(&s->drop, s->dialogue.number);
		if (m && put == put_size)
			maildrop_measure(&s->drop, m);
		if (!m || m->gone)
			return POP3D_NO_MESSAGE;
		conn_put(&s->conn, "+OK ", 4);
		put(s, m);
		return POP3D_SAID;
	}
	conn_put(&s->conn, "+OK\r\n", 5);
	for (; m < end; m++) {
		if (put == put_size && !m->marked)
			maildrop_measure(&s->drop, m);
		if (!m->marked && !m->gone)
			put(s, m);
	}
	conn_put(&s->conn, ".\r\n", 3);
	return POP3D_SAID;
}

static enum pop3d_answer
retrieve(struct session *s, enum pop3d_event event)
{
	struct maildrop_message *m =
	    maildrop_find(&s->drop, s->dialogue.number);
	struct pop3_top top = {.bol = true, .lines = s->dialogue.lines};

	if (!m)
		return POP3D_NO_MESSAGE;
	return send_message(s, m, event == POP3D_TOP ? &top : NULL);
}

static enum pop3d_answer
mark(struct session *s)
{
	struct maildrop_message *m =
	    maildrop_find(&s->drop, s->dialogue.number);

	if (!m)
		return POP3D_NO_MESSAGE;
	m->marked = true;
	return POP3D_DONE;
}

static enum pop3d_answer
unmark_all(struct session *s)
{
	for (size_t i = 0; i < s->drop.n; i++)
		s->drop.messages[i].marked = false;
	return POP3D_DONE;
}

static enum pop3d_answer
update(struct session *s)
{
	if (maildrop_update(&s->drop) == 0)
		return POP3D_DONE;
	s->status = EX_TEMPFAIL;
	return POP3D_NOT_REMOVED;
}

static enum pop3d_answer
act(struct session *s, enum pop3d_event event)
{
	switch (event) {
	case POP3D_LOGIN:
		return log_in(s);
	case POP3D_STAT:
		return count(s);
	case POP3D_LIST:
		return list(s, put_size);
	case POP3D_UIDL:
		maildrop_name(&s->drop);
		return list(s, put_uid);
	case POP3D_DELE:
		return mark(s);
	case POP3D_RSET:
		return unmark_all(s);
	case POP3D_UPDATE:
		return update(s);
	default:
		return retrieve(s, event);
	}
}

/* What is answered goes out, and the time for the next command begins. */
static void
put_replies(struct session *s)
{
	struct buf *out = &s->dialogue.out;

	conn_put(&s->conn, out->data, out->len);
	buf_reset(out);
	s->idle = conn_now() + (int64_t)idle * 1000;
}

/* The next event. False when no more come: at the end, after too much
 * silence, or when the client is gone. */
static bool
next_event(struct session *s, enum pop3d_event *event)
{
	char *data;
	ssize_t n;

	do {
		s->conn.deadline = s->idle < s->end ? s->idle : s->end;
		n = conn_peek(&s->conn, &data);
		s->conn.deadline = s->end;
		if (n < 0 && errno != ETIMEDOUT)
			s->status = EX_TEMPFAIL;
		if (n <= 0)
			return false;
		conn_take(
		    &s->conn, pop3d_take(&s->dialogue, data, (size_t)n, event));
	} while (*event == POP3D_MORE);
	return true;
}

static void
converse(struct session *s)
{
	enum pop3d_event event;
	enum pop3d_answer answer;

	s->dialogue.clear = auth_clear;
	pop3d_begin(&s->dialogue);
	put_replies(s);
	while (!s->dialogue.closed && next_event(s, &event)) {
		if (event != POP3D_REPLIED) {
			answer = act(s, event);
			if (answer == POP3D_CUT)
				s->status = EX_TEMPFAIL;
			pop3d_answer(&s->dialogue, answer);
		}
		put_replies(s);
	}
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

	if (!s->dialogue.in)
		return;
	snprintf(messages, sizeof messages, "%zu", s->drop.n);
	snprintf(sent, sizeof sent, "%" PRIu64, s->sent);
	snprintf(removed, sizeof removed, "%" PRIu64, s->drop.removed);
	log_event("logout", "peer", s->peer.addr, "user", s->dialogue.user,
	    "messages", messages, "sent", sent, "removed", removed, NULL);
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
		conn_putf(&s.conn, "%s", pop3d_reply(POP3D_NO_MAILBOX));
		conn_flush(&s.conn);
	}
	log_session(&s);
	pop3d_free(&s.dialogue);
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
