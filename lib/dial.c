#include "dial.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sysexits.h>

#include "refusal.h"
#include "verdict.h"

/* Up to and with the login; SMTP's greeting has 5 minutes (RFC 5321 4.5.3.2).
 */
#define CONNECT_SECONDS 120
#define GREETING_SECONDS 300
#define NO_TICKET \
	"AUTH=DIGEST-MD5;AUTH=CRAM-MD5;AUTH=NTLM;AUTH=PLAIN;AUTH=LOGIN"

struct dial {
	CURL *curl;
	struct curl_slist *address; /* to connect to */
	curl_socket_t fd;
	struct dialogue talk; /* while libcurl speaks */
	bool tls;
	size_t waiting; /* octets of out that the kernel would not take */
	char out[32768];
};

/* libcurl tells of the cipher in words alone. */
static void
on_text(const struct dial *d, const char *text, size_t n)
{
	static const char using[] = "SSL connection using ";
	size_t skip = sizeof using - 1;

	if (n > skip && memcmp(text, using, skip) == 0)
		dialogue_saw(&d->talk, DIALOGUE_TLS, text + skip, n - skip);
}

static int
on_debug(CURL *curl, curl_infotype type, char *data, size_t n, void *arg)
{
	struct dial *d = arg;

	(void)curl;
	while (n && (data[n - 1] == '\n' || data[n - 1] == '\r'))
		n--;
	if (type == CURLINFO_HEADER_IN) {
		dialogue_received(&d->talk, data, n);
		/* The only way to stop it here. */
		if (d->talk.forgotten)
			shutdown(d->fd, SHUT_RDWR);
	} else if (type == CURLINFO_HEADER_OUT)
		dialogue_sent(&d->talk, data, n);
	else if (type == CURLINFO_TEXT)
		on_text(d, data, n);
	return 0;
}

static void
set_url(CURL *c, const struct url *t, const struct dial_options *o)
{
	struct buf url = BUF_INIT;
	bool lmtp = strcmp(t->scheme, "lmtp") == 0;

	if (lmtp && !t->host) {
		curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, t->path);
		buf_adds(&url, "http://localhost/");
	} else {
		buf_addf(&url, "%s%s://%s:%u/", lmtp ? "http" : t->scheme,
		    t->implicit ? "s" : "", t->host, t->port);
		if (o->hostname && strcmp(t->scheme, "smtp") == 0)
			buf_adds(&url, o->hostname);
	}
	curl_easy_setopt(c, CURLOPT_URL, buf_str(&url));
	buf_free(&url);
}

static int
on_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	struct dial *d = arg;
	int more = 3;

	(void)purpose;
	d->fd = fd;
	/* One dead address of several must not cost minutes: four SYNs, 15
	 * seconds. */
	if (d->address)
		setsockopt(fd, IPPROTO_TCP, TCP_SYNCNT, &more, sizeof more);
	return CURL_SOCKOPT_OK;
}

/* To the server or to a proxy. */
static bool
has_tls(const struct dial *d, const struct dial_options *o)
{
	struct curl_tlssessioninfo *info = NULL;

	if (o->proxy && strncasecmp(o->proxy, "https", 5) == 0)
		return true;
	return curl_easy_getinfo(d->curl, CURLINFO_TLS_SSL_PTR, &info) !=
	    CURLE_OK ||
	    (info && info->internals);
}

/* The host keeps its name, for SNI and the certificate. */
static void
set_address(struct dial *d, const char *address)
{
	struct buf to = BUF_INIT;

	buf_addf(&to, "::%s:", address);
	d->address = curl_slist_append(NULL, buf_str(&to));
	buf_free(&to);
	curl_easy_setopt(d->curl, CURLOPT_CONNECT_TO, d->address);
}

static void
set_tls(CURL *c, const struct url *t, const struct dial_options *o)
{
	long level = CURLUSESSL_NONE;

	if (t->tls == TLS_REQUIRED)
		level = CURLUSESSL_ALL;
	else if (t->tls == TLS_OPPORTUNISTIC)
		level = CURLUSESSL_TRY;
	curl_easy_setopt(c, CURLOPT_USE_SSL, level);
	curl_easy_setopt(c, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(c, CURLOPT_CERTINFO, o->watch ? 1L : 0L);
	if (o->cafile)
		curl_easy_setopt(c, CURLOPT_CAINFO, o->cafile);
	else if (t->tls == TLS_OPPORTUNISTIC) {
		curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L);
	}
}

/* libcurl would take any other mechanism too, so a token has its own. */
static void
set_login(CURL *c, struct url *t, const struct dial_options *o)
{
	const char *mechanisms = login_mechanisms(t, &o->login);

	if (!t->user)
		return;
	curl_easy_setopt(c, CURLOPT_USERNAME, t->user);
	if (o->login.oauth2_command)
		curl_easy_setopt(
		    c, CURLOPT_XOAUTH2_BEARER, buf_str(&t->password));
	else
		curl_easy_setopt(c, CURLOPT_PASSWORD, buf_str(&t->password));
	if (mechanisms)
		curl_easy_setopt(c, CURLOPT_LOGIN_OPTIONS, mechanisms);
}

static void
set_all(
    struct dial *d, struct url *t, const struct dial_options *o, char *error)
{
	CURL *c = d->curl;
	long ms = 1000 * (d->talk.smtp ? GREETING_SECONDS : CONNECT_SECONDS);

	if (o->timeout && o->timeout < ms / 1000)
		ms = 1000 * (long)o->timeout;
	if (o->most && o->most < ms)
		ms = (long)o->most;
	set_url(c, t, o);
	if (t->address)
		set_address(d, t->address);
	set_tls(c, t, o);
	set_login(c, t, o);
	curl_easy_setopt(c, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(c, CURLOPT_SOCKOPTFUNCTION, on_socket);
	curl_easy_setopt(c, CURLOPT_SOCKOPTDATA, d);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	/* Not what the environment says. */
	curl_easy_setopt(c, CURLOPT_PROXY, o->proxy ? o->proxy : "");
	curl_easy_setopt(c, CURLOPT_NOPROXY, "");
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, ms);
	/* Each reply's; all of them together have the other one. */
	curl_easy_setopt(c, CURLOPT_SERVER_RESPONSE_TIMEOUT, (ms + 999) / 1000);
	/* Of IMAP a capability (RFC 4959), which libcurl looks for. */
	curl_easy_setopt(c, CURLOPT_SASL_IR, d->talk.imap ? 0L : 1L);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, error);
	/* The server's words reach us through this alone. */
	curl_easy_setopt(c, CURLOPT_VERBOSE, 1L);
	curl_easy_setopt(c, CURLOPT_DEBUGFUNCTION, on_debug);
	curl_easy_setopt(c, CURLOPT_DEBUGDATA, d);
}

static void
show_certificate(const struct dial *d)
{
	struct curl_certinfo *chain = NULL;
	struct curl_slist *field;

	if (curl_easy_getinfo(d->curl, CURLINFO_CERTINFO, &chain) || !chain ||
	    chain->num_of_certs < 1)
		return;
	for (field = chain->certinfo[0]; field; field = field->next)
		dialogue_saw(&d->talk, DIALOGUE_CERTIFICATE, field->data,
		    strlen(field->data));
}

static CURLcode
connect_now(struct dial *d, struct url *t, const struct dial_options *o,
    struct reply *why)
{
	char error[CURL_ERROR_SIZE] = "";
	char early;
	CURLcode r;

	set_all(d, t, o, error);
	r = curl_easy_perform(d->curl);
	curl_easy_setopt(d->curl, CURLOPT_ERRORBUFFER, NULL);
	/* To libcurl a login that nobody offers is none that fails. */
	if (d->talk.forgotten || (r == CURLE_OK && t->user && !d->talk.login))
		r = CURLE_LOGIN_DENIED;
	show_certificate(d);
	if (r == CURLE_OK)
		r = curl_easy_getinfo(d->curl, CURLINFO_ACTIVESOCKET, &d->fd);
	if (r != CURLE_OK) {
		struct refusal f = {.code = r, .error = error};
		curl_easy_getinfo(
		    d->curl, CURLINFO_SSL_VERIFYRESULT, &f.verified);
		refusal_explain(&f, t, &d->talk, why);
		return r;
	}
	d->tls = has_tls(d, o);
	/* libcurl does not look whether it could do that: a read that waits
	 * would have no end. */
	if (fcntl(d->fd, F_SETFL, O_RDWR | O_NONBLOCK) < 0) {
		*why = (struct reply){0};
		snprintf(
		    why->text, sizeof why->text, "socket: %s", strerror(errno));
		return CURLE_COULDNT_CONNECT;
	}
	if (strcmp(t->scheme, "lmtp") == 0)
		return CURLE_OK;
	/* Not a word is due now: an answer to what was not yet asked. */
	if (dial_recv(d, &early, 1) >= 0 || errno != EAGAIN) {
		*why = (struct reply){0};
		snprintf(why->text, sizeof why->text,
		    "server spoke out of turn, or hung up");
		return CURLE_WEIRD_SERVER_REPLY;
	}
	return CURLE_OK;
}

static struct dial *
dial_new(const struct url *t, const struct dial_options *o)
{
	struct dial *d = xrealloc(NULL, sizeof *d);

	*d = (struct dial){.fd = -1};
	d->talk.verbose = o->verbose;
	d->talk.smtp = strcmp(t->scheme, "smtp") == 0;
	d->talk.imap = strcmp(t->scheme, "imap") == 0;
	d->talk.watch = o->watch;
	d->curl = curl_easy_init();
	return d;
}

/* What may help after a failure: another token, or, where Kerberos was tried
 * because the server offers it and there is no ticket, the rest. 1 to try
 * again, 0, or -1 with why. */
static int
mend(const struct dial *d, struct url *t, const struct dial_options *o,
    CURLcode r, struct reply *why)
{
	int renewed;

	if (r == CURLE_AUTH_ERROR && t->user && !t->mechanism) {
		t->mechanism = xstrdup(NO_TICKET);
		return 1;
	}
	if (!refusal_of_login(r, &d->talk))
		return 0;
	renewed = login_renew(t, &o->login, why->text, sizeof why->text);
	if (renewed < 0)
		why->code = 0;
	return renewed;
}

struct dial *
dial_open(struct url *t, const struct dial_options *o, struct reply *why,
    int *exit_code)
{
	CURLcode r = CURLE_FAILED_INIT;
	bool no_memory = false;
	struct dial *d;
	int mended;

	*why = (struct reply){0};
	/* The keys of a session are secrets. */
	unsetenv("SSLKEYLOGFILE");
	if (login_find(t, &o->login, why->text, sizeof why->text) < 0) {
		*exit_code = verdict_exit_of_errno(errno, EX_CONFIG);
		return NULL;
	}
	*exit_code = EX_CONFIG;
	for (int i = 0;; i++) {
		d = dial_new(t, o);
		errno = 0;
		if (d->curl)
			r = connect_now(d, t, o, why);
		else
			snprintf(why->text, sizeof why->text, "libcurl: %s",
			    curl_easy_strerror(r));
		if (r == CURLE_OK)
			return d;
		no_memory = errno == ENOMEM;
		mended = i == 0 ? mend(d, t, o, r, why) : 0;
		dial_close(d);
		if (mended <= 0)
			break;
	}
	/* Without memory libcurl may find fault with the URL. */
	if (mended == 0 && (r != CURLE_URL_MALFORMAT || no_memory))
		*exit_code = EX_TEMPFAIL;
	return NULL;
}

static ssize_t
outcome(CURLcode r, size_t n)
{
	if (r == CURLE_OK)
		return (ssize_t)n;
	errno = r == CURLE_AGAIN ? EAGAIN : ECONNRESET;
	return -1;
}

ssize_t
dial_send(struct dial *d, const void *data, size_t n)
{
	size_t sent = 0;
	CURLcode r;

	if (!d->tls) {
		r = curl_easy_send(d->curl, data, n, &sent);
		return outcome(r, sent);
	}
	/* OpenSSL wants a write that was put off again from the same place. */
	if (!d->waiting) {
		d->waiting = n < sizeof d->out ? n : sizeof d->out;
		memcpy(d->out, data, d->waiting);
	}
	r = curl_easy_send(d->curl, d->out, d->waiting, &sent);
	if (r != CURLE_AGAIN)
		d->waiting = 0;
	return outcome(r, sent);
}

ssize_t
dial_recv(struct dial *d, void *data, size_t n)
{
	size_t got = 0;
	CURLcode r = curl_easy_recv(d->curl, data, n, &got);

	return outcome(r, got);
}

const struct esmtp_offer *
dial_offer(const struct dial *d)
{
	return &d->talk.offer;
}

int
dial_fd(const struct dial *d)
{
	return d->fd;
}

int
dial_wait(struct dial *d, short events, int ms)
{
	struct pollfd p = {.fd = d->fd, .events = events};
	int r;

	do {
		r = poll(&p, 1, ms);
	} while (r < 0 && errno == EINTR);
	return r;
}

void
dial_close(struct dial *d)
{
	if (!d)
		return;
	if (d->curl)
		curl_easy_cleanup(d->curl);
	curl_slist_free_all(d->address);
	free(d);
}
