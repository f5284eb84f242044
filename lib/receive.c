#include "receive.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "atomic.h"
#include "conn.h"
#include "date.h"
#include "log.h"

#define DATA_SECONDS 180     /* for each block of a message */
#define MESSAGE_SECONDS 3600 /* from one accepted message to the next */
#define STOP_SECONDS 30      /* for a message to end once SIGTERM came */
#define FOR_MAX 800 /* of an address, to keep the line under 998 octets */

struct session {
	const struct receive *with;
	struct smtpd_config smtp;
	struct conn conn;
	struct smtpd smtpd;
	struct handover handover;
	bool open; /* the hand-over has begun */
	struct envelope envelope;
	struct mailbox targets[RECEIVE_RCPTS]; /* of our own mailboxes */
	struct handover_message message;
	char id[21];
	struct buf trace, origin, env;
	int64_t message_end, command_end; /* in terms of conn_now() */
};

static volatile sig_atomic_t stopping, between; /* between: waiting there */
static char farewell[320];
static int wire;
static void (*clean_up)(int);

/* A session that waits for a command ends at once; one with a message in
 * progress goes on, for some time. */
static void
on_term(int sig)
{
	if (between) {
		size_t n = strlen(farewell);

		if (send(wire, farewell, n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 &&
		    errno == ENOTSOCK && write(wire, farewell, n) < 0)
			_exit(EX_TEMPFAIL);
		_exit(EX_OK);
	}
	if (stopping)
		clean_up(sig);
	stopping = 1;
	alarm(STOP_SECONDS);
}

static void
catch_term(const struct session *s)
{
	const struct sigaction sa = {.sa_handler = on_term};
	struct sigaction was;

	snprintf(farewell, sizeof farewell, "421 4.3.2 %s Shutting down\r\n",
	    s->smtp.hostname);
	wire = s->conn.out;
	atomic_on_term();
	sigaction(SIGTERM, NULL, &was);
	if (was.sa_handler == SIG_IGN)
		return;
	clean_up = was.sa_handler;
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGALRM, &was, NULL);
}

static void
show(const struct session *s, char who, const char *text, size_t n)
{
	if (s->with->verbose)
		log_error("%c: %.*s", who, (int)n, text);
}

static void
put_replies(struct session *s)
{
	struct buf *out = &s->smtpd.out;
	size_t at = 0;

	conn_put(&s->conn, out->data, out->len);
	while (s->with->verbose && at < out->len) {
		char *lf = memchr(out->data + at, '\n', out->len - at);
		size_t n = (size_t)(lf - out->data) - at;

		show(s, 'S', out->data + at, n - 1);
		at += n + 1;
	}
	buf_reset(out);
}

/* The recipients for the log, which cuts a value at 1 kB. */
static void
list_rcpts(const struct session *s, struct buf *out)
{
	for (size_t i = 0; i < s->envelope.n && out->len < 1000; i++)
		buf_addf(
		    out, "%s<%s>", i ? "," : "", s->envelope.rcpts[i].address);
}

static void
log_message(const struct session *s, const char *event, const char *reply,
    const char *note)
{
	struct buf from = BUF_INIT, to = BUF_INIT;
	char size[24];

	buf_addf(&from, "<%s>", s->envelope.sender);
	list_rcpts(s, &to);
	snprintf(size, sizeof size, "%llu", (unsigned long long)s->smtpd.size);
	log_event(event, "id", s->id, "client", s->with->peer.addr, "helo",
	    s->smtpd.name, "from", buf_str(&from), "to", buf_str(&to), "size",
	    size, "reply", reply, "note", *note ? note : NULL, NULL);
	buf_free(&from);
	buf_free(&to);
}

static void
forget_envelope(struct session *s)
{
	for (size_t i = 0; i < s->envelope.n; i++)
		mailbox_free(&s->targets[i]);
	envelope_free(&s->envelope);
}

static void
do_mail(struct session *s)
{
	forget_envelope(s);
	envelope_sender(&s->envelope, s->smtpd.command.path.text,
	    s->smtpd.eight_bit ? "BODY=8BITMIME" : "");
	smtpd_answer(&s->smtpd, "250 2.1.0 OK");
}

static bool
has_rcpt(const struct session *s, const char *address)
{
	for (size_t i = 0; i < s->envelope.n; i++)
		if (strcmp(s->envelope.rcpts[i].address, address) == 0)
			return true;
	return false;
}

/* Whether our own delivery needs the one or other recipient to be alone. */
static bool
must_be_alone(const struct session *s, const struct mailbox *m)
{
	return s->with->sink == HANDOVER_MAILBOXES && s->envelope.n > 0 &&
	    (m->kind == MAILBOX_PROGRAM ||
		s->targets[0].kind == MAILBOX_PROGRAM);
}

static void
do_rcpt(struct session *s)
{
	struct address *path = &s->smtpd.command.path;
	struct mailbox m = {.target = NULL};
	const char *reply = accept_rcpt(&s->with->accept, path, &m);
	struct buf from = BUF_INIT;

	if (*reply == '2' && has_rcpt(s, path->text)) {
		mailbox_free(&m);
	} else if (*reply == '2' && must_be_alone(s, &m)) {
		mailbox_free(&m);
		reply = "452 4.5.3 This recipient takes a message alone";
	} else if (*reply == '2') {
		s->targets[s->envelope.n] = m;
		envelope_rcpt(&s->envelope, path->text, "");
	}
	if (*reply != '2') {
		buf_addf(&from, "<%s>", s->envelope.sender);
		log_event("refused", "client", s->with->peer.addr, "helo",
		    s->smtpd.name, "from", buf_str(&from), "to", path->text,
		    "reply", reply, NULL);
		buf_free(&from);
	}
	smtpd_answer(&s->smtpd, reply);
}

/* RFC 5321 4.4. */
static void
write_trace(struct session *s)
{
	const struct envelope *e = &s->envelope;
	const char *addr = s->with->peer.addr;
	char date[DATE_MAX], literal[80];

	if (addr[strcspn(addr, ".:")])
		peer_literal(&s->with->peer, literal);
	else
		snprintf(literal, sizeof literal, "%s", addr);
	date_rfc5322(time(NULL), date);
	buf_reset(&s->trace);
	buf_addf(&s->trace, "Received: from %s (%s)\n\tby %s with %s id %s",
	    s->smtpd.name, literal, s->smtp.hostname,
	    s->smtpd.esmtp ? "ESMTP" : "SMTP", s->id);
	if (e->n == 1 && strlen(e->rcpts[0].address) < FOR_MAX)
		buf_addf(&s->trace, "\n\tfor <%s>", e->rcpts[0].address);
	buf_addf(&s->trace, "; %s\n", date);
}

/* What the command finds in its environment, in one block of memory. */
static void
write_env(struct session *s)
{
	const char *const pairs[][2] = {{"REMOTE_ADDR", s->with->peer.addr},
	    {"REMOTE_PORT", s->with->peer.port}, {"HELO", s->smtpd.name},
	    {"PROTOCOL", s->smtpd.esmtp ? "ESMTP" : "SMTP"}};
	size_t n = sizeof pairs / sizeof *pairs,
	       at[sizeof pairs / sizeof *pairs];

	buf_reset(&s->env);
	for (size_t i = 0; i < n; i++) {
		at[i] = s->env.len;
		buf_addf(&s->env, "%s=%s%c", pairs[i][0], pairs[i][1], 0);
	}
	for (size_t i = 0; i < n; i++)
		s->message.env[i] = s->env.data + at[i];
}

static void
do_data(struct session *s)
{
	enum handover_kind kind = s->with->sink;

	if (kind == HANDOVER_MAILBOXES && s->targets[0].kind == MAILBOX_PROGRAM)
		kind = HANDOVER_COMMAND;
	envelope_mail_id(s->id);
	write_trace(s);
	write_env(s);
	buf_reset(&s->origin);
	buf_addf(&s->origin, "%s %s %s", s->with->peer.addr,
	    s->smtpd.esmtp ? "esmtp" : "smtp", s->smtpd.name);
	s->message.mail_id = s->id;
	s->message.trace = buf_str(&s->trace);
	s->message.origin = buf_str(&s->origin);
	s->message.envelope = &s->envelope;
	s->message.targets = s->targets;
	if (handover_begin(&s->handover, kind, &s->message) == 0) {
		s->open = true;
		smtpd_answer(&s->smtpd, "354 End data with <CRLF>.<CRLF>");
		return;
	}
	log_message(s, "failed", s->handover.reply, s->handover.note);
	smtpd_answer(&s->smtpd, s->handover.reply);
}

static void
abandon(struct session *s)
{
	if (s->open)
		handover_abort(&s->handover);
	s->open = false;
}

static void
do_body(struct session *s)
{
	struct buf *body = &s->smtpd.body;

	if (s->open &&
	    handover_write(&s->handover, body->data, body->len) != 0) {
		s->open = false;
		smtpd_spoil(&s->smtpd, s->handover.reply);
		log_message(s, "failed", s->handover.reply, s->handover.note);
	}
	buf_reset(body);
}

static void
do_end(struct session *s)
{
	bool ok = handover_commit(&s->handover) == 0;

	s->open = false;
	log_message(
	    s, ok ? "received" : "failed", s->handover.reply, s->handover.note);
	smtpd_answer(&s->smtpd, s->handover.reply);
	if (ok)
		s->message_end = conn_now() + MESSAGE_SECONDS * 1000;
}

static void
handle(struct session *s, enum smtpd_event event)
{
	if (event != SMTPD_MORE && (event < SMTPD_BODY || event >= SMTPD_QUIT))
		show(s, 'C', s->smtpd.line.data, s->smtpd.line.len);
	switch (event) {
	case SMTPD_MAIL:
		do_mail(s);
		break;
	case SMTPD_RCPT:
		do_rcpt(s);
		break;
	case SMTPD_DATA:
		do_data(s);
		break;
	case SMTPD_BODY:
		do_body(s);
		break;
	case SMTPD_END:
		do_end(s);
		break;
	case SMTPD_SPOILED:
		abandon(s);
		log_message(s, "rejected", s->smtpd.fault, "");
		break;
	case SMTPD_MORE:
		if (s->smtpd.fault[0])
			abandon(s); /* its disk space, now */
		break;
	default:
		break;
	}
}

/* Says why and is done; what the client still sends is read for a moment, for
 * a close over unread octets would destroy our last words (RFC 9293 3.6.1). */
static void
part(struct session *s, const char *reply)
{
	char *data;
	ssize_t n;

	s->conn.seconds = 1;
	s->conn.deadline = conn_now() + 1000;
	if (reply) {
		conn_putf(&s->conn, "%s\r\n", reply);
		show(s, 'S', reply, strlen(reply));
	}
	if (conn_flush(&s->conn) != 0 || !s->smtp.sync)
		return;
	shutdown(s->conn.out, SHUT_WR);
	while ((n = conn_peek(&s->conn, &data)) > 0)
		conn_take(&s->conn, (size_t)n);
}

static void
set_limits(struct session *s)
{
	bool data = s->smtpd.state == SMTPD_IN_DATA;
	int64_t now = conn_now();

	if (smtpd_idle(&s->smtpd))
		s->command_end = now + (int64_t)s->with->timeout * 1000;
	s->conn.seconds = s->with->timeout;
	if (data && s->conn.seconds > DATA_SECONDS)
		s->conn.seconds = DATA_SECONDS;
	s->conn.deadline = s->message_end;
	if (!data && s->command_end < s->message_end)
		s->conn.deadline = s->command_end;
}

/* The next input, as conn_peek gives it; 0 when the session is over. */
static ssize_t
wait_input(struct session *s, char **data)
{
	char reply[320];
	ssize_t n;

	set_limits(s);
	conn_flush(&s->conn);
	between = s->smtpd.state == SMTPD_IN_COMMAND;
	if (between && stopping)
		raise(SIGTERM);
	n = conn_peek(&s->conn, data);
	between = 0;
	if (n > 0)
		return n;
	if (s->smtpd.mail || n < 0)
		log_event("lost", "client", s->with->peer.addr, "helo",
		    s->smtpd.name, "id", s->open ? s->id : NULL, "reason",
		    n < 0 ? strerror(errno) : "end of file", NULL);
	if (n < 0 && errno == ETIMEDOUT) {
		snprintf(reply, sizeof reply, "421 4.4.2 %s Timeout",
		    s->smtp.hostname);
		part(s, reply);
	}
	return 0;
}

static void
converse(struct session *s)
{
	char none[1] = "", *data = none;
	enum smtpd_event event;
	ssize_t n = 0;

	smtpd_begin(&s->smtpd, &s->smtp);
	s->message_end = conn_now() + MESSAGE_SECONDS * 1000;
	do {
		size_t taken = smtpd_take(&s->smtpd, data, (size_t)n, &event);
		conn_take(&s->conn, taken);
		data += taken;
		n -= (ssize_t)taken;
		handle(s, event);
		put_replies(s);
		if (event == SMTPD_MORE && (n = wait_input(s, &data)) == 0)
			break;
	} while (event < SMTPD_QUIT);
	if (event == SMTPD_CLOSE)
		part(s, NULL);
	conn_flush(&s->conn);
	abandon(s);
}

/* Whether the client spoke before the greeting; 0 when it has gone already. */
static int
listen_first(struct session *s, int in)
{
	char octet;
	ssize_t n = recv(in, &octet, 1, MSG_PEEK | MSG_DONTWAIT);

	s->smtp.sync = n >= 0 || errno != ENOTSOCK;
	return n < 0 ? -1 : (int)n;
}

void
receive_session(const struct receive *r, int in, int out)
{
	struct session *s = xrealloc(NULL, sizeof *s);
	int early;

	memset(s, 0, sizeof *s);
	s->with = r;
	s->smtp = r->smtp;
	s->handover.queue = r->queue;
	s->handover.starter = r->starter;
	conn_open(&s->conn, in, out);
	catch_term(s);
	early = listen_first(s, in);
	if (early < 0) {
		converse(s);
	} else if (early > 0) {
		log_event("early", "client", r->peer.addr, NULL);
		part(s, "554 5.5.0 You spoke before the greeting");
	}
	forget_envelope(s);
	smtpd_free(&s->smtpd);
	conn_close(&s->conn);
	buf_free(&s->trace);
	buf_free(&s->origin);
	buf_free(&s->env);
	free(s);
}
