#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "confine.h"
#include "conn.h"
#include "log.h"
#include "peer.h"
#include "relay.h"

#define BLOCK 16384 /* a record of TLS */
#define GO_MS (5 * 60 * 1000)
#define HANDSHAKE_MS (30 * 1000)
#define HANDSHAKE_OCTETS 65536
/* What the server left behind must go out within this... */
#define REST_MS (5 * 60 * 1000)
/* ...and then the peer may take this long to hang up. */
#define LEAVE_MS 5000

/* One direction: what was read and is not yet written. */
struct flow {
	char data[BLOCK];
	size_t start, end;
	bool over;   /* nothing more will be read */
	bool closed; /* and the other side was told */
};

struct work {
	SSL *ssl;
	int wire, plain;
	struct peer peer;
	struct flow up, down;    /* from the peer; to it */
	short on_wire, on_plain; /* what to wait for */
	bool gone;               /* the server */
	bool broken;             /* the wire */
	int64_t until;           /* 0: no limit */
};

/* 0, or -1 with errno when until has come. */
static int
wait_some(struct work *w, int64_t until)
{
	struct pollfd p[2] = {
	    {w->wire, w->on_wire, 0}, {w->plain, w->on_plain, 0}};
	int64_t left = until ? until - conn_now() : INT32_MAX;

	/* Where nothing is waited for a hang-up would be told over and over.
	 */
	if (w->on_wire == 0)
		p[0].fd = -1;
	if (w->on_plain == 0 && w->gone)
		p[1].fd = -1;
	if (left <= 0) {
		errno = ETIMEDOUT;
		return -1;
	}
	if (poll(p, 2, left < INT32_MAX ? (int)left : INT32_MAX) < 0 &&
	    errno != EINTR)
		return -1;
	if (p[1].revents & (POLLHUP | POLLERR))
		w->gone = true;
	w->on_wire = w->on_plain = 0;
	return 0;
}

/* After a call of OpenSSL that did not succeed: true when it must wait, else
 * *error is why. */
static bool
wants(struct work *w, int r, int *error)
{
	*error = SSL_get_error(w->ssl, r);
	if (*error == SSL_ERROR_WANT_READ)
		w->on_wire |= POLLIN;
	else if (*error == SSL_ERROR_WANT_WRITE)
		w->on_wire |= POLLOUT;
	else
		return false;
	return true;
}

/* These four do one step if it can be done now, and say whether they did. */
static bool
read_peer(struct work *w)
{
	struct flow *f = &w->up;
	int n, error;

	if (f->over || f->start < f->end)
		return false;
	ERR_clear_error();
	n = SSL_read(w->ssl, f->data, BLOCK);
	if (n <= 0 && wants(w, n, &error))
		return false;
	f->start = 0;
	f->end = n > 0 ? (size_t)n : 0;
	f->over = n <= 0;
	w->broken = n <= 0 && error != SSL_ERROR_ZERO_RETURN;
	return true;
}

static bool
write_server(struct work *w)
{
	struct flow *f = &w->up;
	ssize_t n;

	if (f->start == f->end) {
		if (!f->over || f->closed)
			return false;
		shutdown(w->plain, SHUT_WR);
		f->closed = true;
		return true;
	}
	n = send(w->plain, f->data + f->start, f->end - f->start,
	    MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		w->on_plain |= POLLOUT;
		return false;
	}
	/* A server that reads no more may still write. */
	f->start = n < 0 ? f->end : f->start + (size_t)n;
	return true;
}

static bool
read_server(struct work *w)
{
	struct flow *f = &w->down;
	ssize_t n;

	if (f->over || f->start < f->end)
		return false;
	n = recv(w->plain, f->data, BLOCK, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		w->on_plain |= POLLIN;
		return false;
	}
	f->start = 0;
	f->end = n > 0 ? (size_t)n : 0;
	f->over = n <= 0;
	return true;
}

static bool
write_peer(struct work *w)
{
	struct flow *f = &w->down;
	int n, error;

	if (f->start == f->end && (!f->over || f->closed))
		return false;
	ERR_clear_error();
	if (f->start < f->end) {
		n = SSL_write(
		    w->ssl, f->data + f->start, (int)(f->end - f->start));
		f->start += n > 0 ? (size_t)n : 0;
	} else {
		n = SSL_shutdown(w->ssl) < 0 ? -1 : 1;
		f->closed = n > 0;
	}
	if (n <= 0 && wants(w, n, &error))
		return false;
	w->broken |= n <= 0;
	if (f->closed)
		shutdown(w->wire, SHUT_WR);
	return true;
}

static void
copy(struct work *w)
{
	int64_t until = 0;
	bool moved;

	while (!w->broken && !(w->down.closed && (w->up.closed || w->gone))) {
		w->on_wire = w->on_plain = 0;
		moved = read_peer(w);
		moved |= write_server(w);
		moved |= read_server(w);
		moved |= write_peer(w);
		if (w->gone && until == 0)
			until = conn_now() + REST_MS;
		if (!moved && wait_some(w, until) < 0)
			break;
	}
}

/* The server sees the end now; the peer gets the time to read what it was
 * sent, which a close with something unread would take away. */
static void
hang_up(struct work *w)
{
	int64_t until = conn_now() + LEAVE_MS;

	close(w->plain);
	w->plain = -1;
	shutdown(w->wire, SHUT_WR);
	while (!w->broken) {
		ssize_t n = recv(w->wire, w->up.data, BLOCK, MSG_DONTWAIT);

		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			break;
		w->on_wire = POLLIN;
		if (conn_now() >= until || wait_some(w, until) < 0)
			break;
	}
}

/* The server writes an empty line once the wire is ours alone. */
static bool
may_go(struct work *w)
{
	int64_t until = conn_now() + GO_MS;
	char c;

	/* Whoever filled this socket before has no claim on us. */
	if (send(w->plain, "READY\n", 6, MSG_NOSIGNAL | MSG_DONTWAIT) != 6)
		return false;
	w->on_plain = POLLIN;
	return wait_some(w, until) == 0 &&
	    recv(w->plain, &c, 1, MSG_DONTWAIT) == 1 && c == '\n';
}

/* Why it failed; NULL when it did not. A server that was told would wait. */
static const char *
shake_hands(struct work *w, bool told)
{
	int64_t until = conn_now() + HANDSHAKE_MS;
	const char *why;
	int r, error;

	for (;;) {
		/* It may have gone right behind its word to go. */
		if (told && w->gone)
			return "server is gone";
		ERR_clear_error();
		r = SSL_accept(w->ssl);
		if (r == 1)
			return NULL;
		if (!wants(w, r, &error))
			break;
		if (BIO_number_read(SSL_get_rbio(w->ssl)) > HANDSHAKE_OCTETS)
			return "too many octets";
		if (wait_some(w, until) < 0)
			return "timeout";
	}
	if (error == SSL_ERROR_SSL) {
		why = ERR_reason_error_string(ERR_peek_error());
		return why ? why : "protocol error";
	}
	return "connection lost";
}

static bool
begin(struct work *w, bool told)
{
	const char *version, *cipher, *why;
	char line[96];
	int n;

	fcntl(w->wire, F_SETFL, fcntl(w->wire, F_GETFL) | O_NONBLOCK);
	SSL_set_fd(w->ssl, w->wire);
	why = shake_hands(w, told);
	if (why) {
		log_event(
		    "tls-failed", "client", w->peer.addr, "reason", why, NULL);
		return false;
	}
	version = SSL_get_version(w->ssl);
	cipher = SSL_get_cipher(w->ssl);
	log_event("tls", "client", w->peer.addr, "version", version, "cipher",
	    cipher, NULL);
	n = snprintf(line, sizeof line, "OK %s %s\n", version, cipher);
	return !told || send(w->plain, line, (size_t)n, MSG_NOSIGNAL) == n;
}

/* All that is left is what is open. 0, or -1. */
static int
give_up_rights(const struct relay *r)
{
	struct confine c;

	if (r->user && owner_become(r->user) < 0) {
		log_error("become another user: %s", strerror(errno));
		return -1;
	}
	confine_begin(&c);
	if (confine_enter(&c, 0) == 0)
		return 0;
	log_error("confine: %s", strerror(errno));
	return -1;
}

_Noreturn void
relay_run(const struct relay *r)
{
	static struct work w;

	w.wire = r->wire;
	w.plain = r->plain;
	peer_of(w.wire, &w.peer);
	if (give_up_rights(r) < 0)
		_exit(EX_OSERR);
	w.ssl = tls_session(r->tls);
	if (!w.ssl || (r->told && !may_go(&w)))
		_exit(EX_TEMPFAIL);
	if (begin(&w, r->told))
		copy(&w);
	hang_up(&w);
	_exit(EX_OK);
}
