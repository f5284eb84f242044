/* pop3-serve: serves maildirs by POP3 (RFC 1939, 2449, 2595, 3206, 5034) on
 * fds 0 and 1, or on a listening socket. Reads new/ and cur/ and neither moves
 * nor flags what is there; QUIT removes the messages that were marked with
 * DELE, nothing else ever does, and a +OK to it means that they are gone for
 * good. With --auth the process that reads what a stranger sends has no
 * mailbox: a login is passed on to its starter, which runs the checker and,
 * through that, pop3-serve --session as the owner of the mailbox. */
#include "pop3-serve.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "child.h"
#include "confine.h"
#include "log.h"
#include "options.h"
#include "owner.h"
#include "parse.h"
#include "profile.h"
#include "secret.h"
#include "serve.h"
#include "starttls.h"
#include "verdict.h"

#define LOGIN_MS (3 * 60 * 1000)
/* Of a session that a checker runs. */
#define PAIR_FD 3
#define AHEAD_FD 4
#define STATUS_FD 5

static const char *auth, *maildir = "$HOME/Maildir";
static const char *single_user, *password_file, *user_name;
static struct owner user;
static bool auth_clear, is_session, implicit;
static int tls = -1;
static uint64_t idle = 600;
static enum log_target log_to = LOG_TO_STDERR;
static const char **listens;
static size_t n_listens;

static const char usage[] =
    "usage: pop3-serve --auth CMD [--maildir TEMPLATE] [options]\n"
    "       pop3-serve --single-user DIR --password-file FILE [options]\n"
    "POP3 server over maildirs, on descriptors 0 and 1 (inetd, systemd,\n"
    "tcpserver) or on a listening socket; with TLS under tls-serve.\n"
    "\n"
    "  --auth CMD            a checkpassword command: CMD true succeeds\n"
    "  --maildir TEMPLATE    where mail is; $HOME at its start is the user's,\n"
    "                        %u@%d the name (default: $HOME/Maildir)\n"
    "  --single-user DIR     serve this maildir; any user name will do\n"
    "  --password-file FILE  the password is its first line; relative names\n"
    "                        are sought in $CREDENTIALS_DIRECTORY\n"
    "  --auth-clear          take passwords without TLS too\n"
    "  --user NAME           sessions run as that user, or as UID:GID\n"
    "  --listen ADDR:PORT    accept connections; may be repeated\n"
    "  --timeout TIME        end a session that says nothing (10m)\n"
    "  --log WHERE           stderr, syslog or none\n"
    "  --config FILE         long options, one a line\n"
    "  --session             what CMD runs; not for use by hand\n"
    "  -h, --help   -V, --version\n"
    "\n"
    "A session that does not end with QUIT removes nothing.\n";

enum {
	AUTH = 0x300,
	MAILDIR,
	SINGLE_USER,
	PASSWORD_FILE,
	AUTH_CLEAR,
	USER,
	LISTEN,
	TIMEOUT,
	LOG,
	SESSION
};

static const struct option_def options[] = {
    {"auth", AUTH, true},
    {"maildir", MAILDIR, true},
    {"single-user", SINGLE_USER, true},
    {"password-file", PASSWORD_FILE, true},
    {"auth-clear", AUTH_CLEAR, false},
    {"user", USER, true},
    {"listen", LISTEN, true},
    {"timeout", TIMEOUT, true},
    {"log", LOG, true},
    {"session", SESSION, false},
    {NULL, 0, false},
};

static int
set_value(int key, const char *value, char *why, size_t size)
{
	if (key == MAILDIR) {
		maildir = value;
		if (template_check(value))
			return 0;
		snprintf(why, size, "`%s' is no template of a path", value);
	} else if (key == TIMEOUT) {
		if (parse_duration(value, &idle) == 0 && idle && idle < 86400)
			return 0;
		snprintf(why, size, "`%s' is no time", value);
	} else
		return log_target(value, &log_to, why, size);
	return -1;
}

static int
set(int key, const char *value, char *why, size_t size)
{
	switch (key) {
	case AUTH:
		auth = value;
		return 0;
	case SINGLE_USER:
		single_user = value;
		return 0;
	case PASSWORD_FILE:
		password_file = value;
		return 0;
	case AUTH_CLEAR:
		auth_clear = true;
		return 0;
	case USER:
		user_name = value;
		return 0;
	case SESSION:
		is_session = true;
		return 0;
	case LISTEN:
		listens = xrealloc(listens, (n_listens + 1) * sizeof *listens);
		listens[n_listens++] = value;
		return 0;
	default:
		return set_value(key, value, why, size);
	}
}

static enum pop3d_answer
act(struct session *s, enum pop3d_event event)
{
	if (event == POP3D_STLS)
		return session_ready(s);
	if (event == POP3D_LOGIN)
		return session_log_in(s);
	return maildrop_act(s, event);
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

	if (s->dialogue.in_handshake && session_begin_tls(s) < 0)
		return false;
	do {
		s->conn.deadline = s->idle < s->end ? s->idle : s->end;
		n = conn_peek(&s->conn, &data);
		s->conn.deadline = s->end;
		if (n < 0 && errno != ETIMEDOUT)
			s->status = EX_TEMPFAIL;
		if (n <= 0)
			return false;
		n = (ssize_t)pop3d_take(&s->dialogue, data, (size_t)n, event);
		if (!s->dialogue.in)
			explicit_bzero(data, (size_t)n);
		conn_take(&s->conn, (size_t)n);
	} while (*event == POP3D_MORE);
	return true;
}

static void
converse(struct session *s)
{
	enum pop3d_event event;
	enum pop3d_answer answer;

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
become_user(void)
{
	if (!user_name || owner_become(&user) == 0)
		return 0;
	log_error("become user %s: %s", user_name, strerror(errno));
	return -1;
}

/* Before the first octet is read a front leaves its rights to the starter; in
 * the starter this does not return. */
static int
begin_front(struct session *s)
{
	static char program[] = "pop3-serve", session[] = "--session";
	static char template[] = "--maildir", time[] = "--timeout";
	static char log[] = "--log", seconds[24];
	char *const words[] = {program, session, template, (char *)maildir,
	    time, seconds, log, (char *)log_target_name(), NULL};
	const struct starter_config config = {.auth = auth, .session = words};

	snprintf(seconds, sizeof seconds, "%" PRIu64, idle);
	setenv("REMOTE_ADDR", s->peer.addr, 1);
	setenv("REMOTE_PORT", s->peer.port, 1);
	if (starter_behind(&s->starter, &config) != 0) {
		log_error("fork: %s", strerror(errno));
		return EX_TEMPFAIL;
	}
	if (become_user() != 0)
		return EX_TEMPFAIL;
	if (profile_pop3_login() == 0)
		return EX_OK;
	log_error("confine the session: %s", strerror(errno));
	return EX_TEMPFAIL;
}

static int
open_mailbox(struct session *s)
{
	if (maildrop_open(&s->drop, s->folder) != 0) {
		log_error("open %s: %s", s->folder, strerror(errno));
		return EX_TEMPFAIL;
	}
	if (profile_pop3(&s->drop.box) == 0)
		return EX_OK;
	log_error("confine the session: %s", strerror(errno));
	return EX_TEMPFAIL;
}

static int
begin_single(struct session *s)
{
	char why[512];
	int code;

	s->folder = single_user;
	if (secret_file(password_file, &s->secret, why, sizeof why) < 0) {
		code = verdict_exit_of_errno(errno, EX_CONFIG);
		log_error("%s", why);
		return code;
	}
	if (!s->secret.len) {
		log_error("%s: its first line is empty", password_file);
		return EX_CONFIG;
	}
	return become_user() == 0 ? open_mailbox(s) : EX_TEMPFAIL;
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

static void
begin_session(struct session *s, int in, int out)
{
	conn_open(&s->conn, in, out);
	s->conn.seconds = (unsigned)idle;
	s->end = conn_now() + LOGIN_MS;
	s->tls = tls;
	s->ready = s->starter.fd = -1;
	s->dialogue.clear = auth_clear;
	s->dialogue.starttls = tls >= 0;
	peer_of(in, &s->peer);
}

static int
end_session(struct session *s)
{
	log_session(s);
	pop3d_free(&s->dialogue);
	secret_free(&s->secret);
	starter_end(&s->starter);
	return s->status;
}

/* 0, or -1: the session is over before its greeting. */
static int
begin_implicit(struct session *s)
{
	if (!implicit)
		return 0;
	return session_ready(s) == POP3D_DONE ? session_begin_tls(s) : -1;
}

static int
session(int in, int out, void *arg)
{
	static struct session s;

	(void)arg;
	begin_session(&s, in, out);
	s.status = auth ? begin_front(&s) : begin_single(&s);
	if (begin_implicit(&s) < 0)
		return end_session(&s);
	if (s.status == EX_OK) {
		pop3d_begin(&s.dialogue);
		converse(&s);
	} else {
		conn_putf(&s.conn, "%s", pop3d_reply(POP3D_NO_MAILBOX));
		conn_flush(&s.conn);
	}
	return end_session(&s);
}

/* What the front has read behind its client's PASS. */
static int
read_ahead(struct conn *c)
{
	ssize_t n;

	do {
		n = read(AHEAD_FD, c->data + c->end, CONN_BUFFER - c->end);
		if (n > 0)
			c->end += (size_t)n;
	} while (n > 0 || (n < 0 && errno == EINTR));
	close(AHEAD_FD);
	return n < 0 ? -1 : 0;
}

/* Once the starter has our octet the client is ours alone, and its PASS still
 * to be answered. */
static int
resume(void)
{
	const char *name = getenv("AUTH_USER"), *peer = getenv("REMOTE_ADDR");
	static struct session s;
	enum pop3d_answer answer = POP3D_NO_MAILBOX;

	begin_session(&s, 0, 1);
	s.dialogue.clear = true; /* that is decided */
	snprintf(
	    s.peer.addr, sizeof s.peer.addr, "%s", peer ? peer : "unknown");
	snprintf(
	    s.dialogue.user, sizeof s.dialogue.user, "%s", name ? name : "");
	close(PAIR_FD);
	if (read_ahead(&s.conn) < 0 || write(STATUS_FD, "", 1) != 1) {
		log_error("--session: %s", strerror(errno));
		return EX_TEMPFAIL;
	}
	close(STATUS_FD);
	s.folder = template_fill(maildir, s.dialogue.user);
	s.status = s.folder ? open_mailbox(&s) : EX_TEMPFAIL;
	pop3d_resume(&s.dialogue);
	if (s.status == EX_OK)
		answer = session_log_in(&s);
	pop3d_answer(&s.dialogue, answer);
	s.dialogue.closed = !s.dialogue.in;
	converse(&s);
	free((char *)s.folder);
	return end_session(&s);
}

static void
check_options(void)
{
	bool single = single_user || password_file;

	if (is_session + single + (auth != NULL) != 1)
		log_die(EX_USAGE,
		    "either --auth, or --single-user and --password-file");
	if (single && (!single_user || !password_file))
		log_die(
		    EX_USAGE, "--single-user and --password-file are needed");
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
	char why[512];

	log_open("pop3-serve", log_to);
	if (options_parse(&o, argc, argv) < argc)
		log_die(EX_USAGE, "unexpected argument; see --help");
	check_options();
	log_open("pop3-serve", log_to);
	if (user_name && owner_named(user_name, &user, why, sizeof why) != 0)
		log_die(EX_CONFIG, "%s", why);
	confine_probe(false, is_session);
	signal(SIGPIPE, SIG_IGN);
	if (is_session)
		return resume();
	child_path();
	tls = starttls_open(&implicit);
	server.becomes = user_name != NULL;
	server.listen = listens;
	server.listens = n_listens;
	serve_end(serve(&server));
}
