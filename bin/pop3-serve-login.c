/* pop3-serve: what comes before a mailbox: TLS, the password, and where the
 * mailbox of a name is. */
#include "pop3-serve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "log.h"
#include "parse.h"
#include "secret.h"
#include "starttls.h"

#define HANDSHAKE_SECONDS 60
#define SESSION_MS (24LL * 60 * 60 * 1000)

static void
log_no_tls(const struct session *s)
{
	log_event(
	    "no-tls", "peer", s->peer.addr, "reason", strerror(errno), NULL);
}

enum pop3d_answer
session_ready(struct session *s)
{
	s->ready = starttls_ready(s->tls, s->conn.in);
	if (s->ready >= 0)
		return POP3D_DONE;
	log_no_tls(s);
	return POP3D_NO_TLS;
}

int
session_begin_tls(struct session *s)
{
	char version[STARTTLS_VERSION], cipher[STARTTLS_CIPHER];
	unsigned seconds = s->conn.seconds;
	int ready = s->ready;

	if (seconds > HANDSHAKE_SECONDS)
		seconds = HANDSHAKE_SECONDS;
	if (conn_flush(&s->conn) < 0)
		return -1;
	conn_take(&s->conn, s->conn.end - s->conn.start);
	s->ready = -1;
	if (starttls_begin(
		ready, s->conn.in, s->conn.out, seconds, version, cipher) < 0) {
		log_no_tls(s);
		return -1;
	}
	close(s->tls);
	s->tls = -1;
	pop3d_secure(&s->dialogue);
	return 0;
}

static enum pop3d_answer
deny(struct session *s)
{
	log_event(
	    "denied", "peer", s->peer.addr, "user", s->dialogue.user, NULL);
	sleep(1);
	return POP3D_DENIED;
}

/* From here to the answer, and for good if that is 0, another has the wire. */
static enum pop3d_answer
pass_on(struct session *s)
{
	const struct starter_login login = {.name = s->dialogue.user,
	    .password = s->dialogue.password,
	    .in = s->conn.in,
	    .out = s->conn.out,
	    .ahead = s->conn.data + s->conn.start,
	    .n = s->conn.end - s->conn.start};
	int code;

	if (conn_flush(&s->conn) < 0)
		return POP3D_CUT;
	code = starter_login(&s->starter, &login);
	if (code == 1)
		return deny(s);
	if (code == 0)
		return POP3D_HANDED_ON;
	log_event(
	    "no-login", "peer", s->peer.addr, "user", s->dialogue.user, NULL);
	return POP3D_NO_LOGIN;
}

enum pop3d_answer
session_log_in(struct session *s)
{
	const char *user = s->dialogue.user;

	if (s->starter.fd >= 0)
		return pass_on(s);
	if (s->secret.len > 0 &&
	    !secret_equals(buf_str(&s->secret), s->dialogue.password))
		return deny(s);
	if (maildrop_lock(&s->drop) < 0) {
		if (errno == EWOULDBLOCK)
			return POP3D_IN_USE;
		log_error("read %s: %s", s->folder, strerror(errno));
		s->status = EX_TEMPFAIL;
		return POP3D_NO_MAILBOX;
	}
	s->end = conn_now() + SESSION_MS;
	log_event("login", "peer", s->peer.addr, "user", user, NULL);
	return POP3D_DONE;
}

static const char home[] = "$HOME";

bool
template_check(const char *template)
{
	if (strncmp(template, home, strlen(home)) == 0)
		template += strlen(home);
	else if (*template != '/')
		return false;
	if (*template && *template != '/')
		return false;
	for (; *template; template ++)
		if (*template == '$' ||
		    (*template == '%' &&
			(!*++template || !strchr("ud%", *template))))
			return false;
	return true;
}

static int
add_part(struct buf *path, const char *part, size_t n)
{
	if (!parse_is_harmless(part, n))
		return -1;
	for (; n > 0; part++, n--)
		buf_addc(path,
		    *part >= 'A' && *part <= 'Z' ? (char)(*part + 'a' - 'A')
						 : *part);
	return 0;
}

char *
template_fill(const char *template, const char *name)
{
	const char *at = strrchr(name, '@'), *folder = getenv("HOME");
	size_t n = at ? (size_t)(at - name) : strlen(name);
	struct buf path = BUF_INIT;
	int r = 0;

	if (*template == '$') {
		if (!folder || *folder != '/') {
			log_error("user %s: no HOME", name);
			return NULL;
		}
		buf_adds(&path, folder);
		template += strlen(home);
	}
	for (; *template && r == 0; template ++)
		if (*template != '%' || *++template == '%')
			buf_addc(&path, *template);
		else if (*template == 'u')
			r = add_part(&path, name, n);
		else
			r = add_part(
			    &path, at ? at + 1 : "", at ? strlen(at + 1) : 0);
	if (r == 0)
		return buf_str(&path);
	log_error("user %s: no mailbox can have this name", name);
	buf_free(&path);
	return NULL;
}
