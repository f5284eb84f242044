#include "receive.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "atomic.h"
#include "conn.h"
#include "log.h"
#include "starttls.h"
#include "transaction.h"

#define DATA_SECONDS 180     /* for each block of a message */
#define MESSAGE_SECONDS 3600 /* from one accepted message to the next */
#define STOP_SECONDS 30      /* for a message to end once SIGTERM came */
#define HANDSHAKE_SECONDS 60
#define DENIED_SECONDS 1 /* before a failed login is told */

struct session {
	const struct receive *with;
	struct smtpd_config smtp;
	struct conn conn;
	struct smtpd smtpd;
	struct transaction transaction;
	int ready; /* a relay that waits for STARTTLS's handshake, or -1 */
	char version[STARTTLS_VERSION], cipher[STARTTLS_CIPHER];
	int64_t message_end, command_end; /* in terms of conn_now() */
};

/* What SIGTERM meets: work, which may end, for some time; a wait, which it ends
 * with a last word, or, while a handshake has the wire, without one. */
enum doing { WORKING, WAITING, SILENT };

static volatile sig_atomic_t stopping, doing;
static char farewell[320];
static int wire;
static void (*clean_up)(int);

static void
on_term(int sig)
{
	if (doing != WORKING) {
		size_t n = doing == WAITING ? strlen(farewell) : 0;

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

/* All that was said is on its way before. */
static void
begin_wait(struct session *s, enum doing what)
{
	conn_flush(&s->conn);
	doing = what;
	if (stopping)
		raise(SIGTERM);
}

/* Once in a process. */
static void
catch_term(const char *hostname, int out)
{
	const struct sigaction sa = {.sa_handler = on_term};
	struct sigaction was;

	if (*farewell)
		return;
	snprintf(farewell, sizeof farewell, "421 4.3.2 %s Shutting down\r\n",
	    hostname);
	wire = out;
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

static void
log_no_tls(const struct session *s)
{
	log_event("no-tls", "client", s->with->peer.addr, "reason",
	    strerror(errno), NULL);
}

/* The client's wire becomes the plain side of the relay, which itself logs how
 * a handshake failed. */
static int
begin_tls(struct session *s)
{
	unsigned seconds = s->with->timeout;
	int r;

	if (seconds > HANDSHAKE_SECONDS)
		seconds = HANDSHAKE_SECONDS;
	begin_wait(s, SILENT);
	r = starttls_begin(
	    s->ready, s->conn.in, s->conn.out, seconds, s->version, s->cipher);
	doing = WORKING;
	s->ready = -1;
	if (r != 0)
		return -1;
	close(s->with->tls);
	smtpd_secure(&s->smtpd);
	return 0;
}

/* After our 220 smtpd drops what was sent behind STARTTLS, and the handshake
 * takes the place of the next wait for input. */
static void
do_starttls(struct session *s)
{
	begin_wait(s, WAITING);
	s->ready = starttls_ready(s->with->tls, s->conn.in);
	doing = WORKING;
	if (s->ready < 0)
		log_no_tls(s);
	smtpd_answer(&s->smtpd,
	    s->ready < 0 ? "454 4.7.0 TLS is not available just now"
			 : "220 2.0.0 Go ahead");
}

static void
do_login(struct session *s)
{
	const struct sasl *sasl = &s->smtpd.sasl;
	const char *reply = "235 2.7.0 Welcome";

	begin_wait(s, WAITING);
	int code = starter_check(s->with->starter, sasl->user, sasl->password);
	if (code != 0) {
		reply = code == 1 ? "535 5.7.8 Wrong name or password"
				  : "454 4.7.0 No login just now";
		log_event("denied", "client", s->with->peer.addr, "helo",
		    s->smtpd.name, "user", sasl->user, "reply", reply, NULL);
		sleep(DENIED_SECONDS);
	}
	doing = WORKING;
	smtpd_answer(&s->smtpd, reply);
}

static void
handle(struct session *s, enum smtpd_event event)
{
	if (event != SMTPD_MORE && (event < SMTPD_BODY || event >= SMTPD_QUIT))
		show(s, 'C', s->smtpd.line.text.data, s->smtpd.line.text.len);
	/* The next recipient may take long. */
	if (event == SMTPD_END && s->smtpd.mailing.answered > 0)
		conn_flush(&s->conn);
	if (event == SMTPD_STARTTLS)
		do_starttls(s);
	else if (event == SMTPD_LOGIN)
		do_login(s);
	else if (transaction_handle(&s->transaction, event))
		s->message_end = conn_now() + MESSAGE_SECONDS * 1000;
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
	bool data = smtpd_in_message(&s->smtpd);
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

/* Of a client that is gone (0) or that we go from. */
static void
lose(struct session *s, int error)
{
	char reply[320];

	log_event("lost", "client", s->with->peer.addr, "helo", s->smtpd.name,
	    "id", s->transaction.open ? s->transaction.id : NULL, "reason",
	    error ? strerror(error) : "end of file", NULL);
	if (error != ETIMEDOUT)
		return;
	snprintf(reply, sizeof reply, "421 4.4.2 %s Timeout", s->smtp.hostname);
	part(s, reply);
}

/* The next input, as conn_peek gives it; 0 when the session is over. */
static ssize_t
wait_input(struct session *s, char **data)
{
	ssize_t n;

	if (s->smtpd.state == SMTPD_IN_HANDSHAKE && begin_tls(s) != 0)
		return 0;
	set_limits(s);
	if (!smtpd_in_message(&s->smtpd))
		begin_wait(s, WAITING);
	n = conn_peek(&s->conn, data);
	doing = WORKING;
	if (n > 0)
		return n;
	if (s->smtpd.mailing.open || n < 0)
		lose(s, n < 0 ? errno : 0);
	return 0;
}

/* The hour of a session holds for commands that came together, too: each may
 * have had something run. The replies to a message are not cut off. */
static bool
is_late(const struct session *s, enum smtpd_event event)
{
	return event != SMTPD_MORE && event != SMTPD_END &&
	    event < SMTPD_QUIT && conn_now() >= s->message_end;
}

/* Whether the client took its leave and nothing failed here. */
static bool
converse(struct session *s)
{
	char none[1] = "", *data = none;
	enum smtpd_event event;
	ssize_t n = 0;

	s->message_end = conn_now() + MESSAGE_SECONDS * 1000;
	do {
		size_t taken = smtpd_take(&s->smtpd, data, (size_t)n, &event);
		if (s->smtp.auth && !smtpd_in_message(&s->smtpd))
			explicit_bzero(data, taken);
		conn_take(&s->conn, taken);
		data += taken;
		n -= (ssize_t)taken;
		handle(s, event);
		put_replies(s);
		if (event == SMTPD_MORE && (n = wait_input(s, &data)) == 0)
			break;
		if (is_late(s, event)) {
			lose(s, ETIMEDOUT);
			break;
		}
	} while (event < SMTPD_QUIT);
	if (event == SMTPD_CLOSE)
		part(s, NULL);
	return conn_flush(&s->conn) == 0 && event == SMTPD_QUIT &&
	    !s->smtpd.tls && !s->smtpd.deferred && !stopping;
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

/* 0, or -1: the session is over before its greeting. */
static int
begin_implicit(struct session *s)
{
	if (!s->with->implicit)
		return 0;
	begin_wait(s, SILENT);
	s->ready = starttls_ready(s->with->tls, s->conn.in);
	doing = WORKING;
	if (s->ready >= 0)
		return begin_tls(s);
	log_no_tls(s);
	return -1;
}

bool
receive_session(const struct receive *r, int in, int out)
{
	static struct session only; /* pages of 0 that few sessions touch */
	struct session *s = &only;
	bool well = false;
	int early;

	if (s->with) /* a session before this one */
		memset(s, 0, sizeof *s);
	s->with = r;
	s->smtp = r->smtp;
	s->smtp.starttls = r->tls >= 0;
	s->ready = -1;
	s->transaction.smtpd = &s->smtpd;
	s->transaction.accept = &r->accept;
	s->transaction.peer = &r->peer;
	s->transaction.hostname = r->smtp.hostname;
	s->transaction.version = s->version;
	s->transaction.cipher = s->cipher;
	s->transaction.sink = r->sink;
	s->transaction.rcpt_check = r->rcpt_check;
	s->transaction.handover.queue = r->queue;
	s->transaction.handover.starter = r->starter;
	conn_open(&s->conn, in, out);
	smtpd_begin(&s->smtpd, &s->smtp);
	catch_term(s->smtp.hostname, out);
	early = begin_implicit(s) != 0 ? 0 : listen_first(s, in);
	if (early < 0) {
		well = converse(s);
	} else if (early > 0) {
		log_event("early", "client", r->peer.addr, NULL);
		part(s, "554 5.5.0 You spoke before the greeting");
	}
	transaction_end(&s->transaction);
	smtpd_free(&s->smtpd);
	conn_close(&s->conn);
	return well;
}
