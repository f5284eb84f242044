#include "dial.h"

#include <curl/curl.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>

#include "esmtp.h"
#include "parse.h"
#include "secret.h"

#define CONNECT_SECONDS 120 /* up to and with the login */

struct dial {
	CURL *curl;
	struct curl_slist *address; /* to connect to */
	curl_socket_t fd;
	bool verbose, smtp, imap;
	struct reply coming, last; /* of the server, while libcurl speaks */
	bool ehlo;                 /* the reply to one is coming */
	int extensions;            /* that it offered */
	size_t waiting; /* octets of out that the kernel would not take */
	char out[32768];
};

int
dial_option(
    struct dial_options *o, int key, const char *value, char *why, size_t size)
{
	static const char *const modes[] = {
	    [TLS_REQUIRED] = "required",
	    [TLS_OPPORTUNISTIC] = "opportunistic",
	    [TLS_OFF] = "off",
	};
	uint64_t seconds;

	switch (key) {
	case DIAL_TLS:
		for (int i = TLS_REQUIRED; i <= TLS_OFF; i++)
			if (strcmp(value, modes[i]) == 0) {
				o->tls = (enum tls)i;
				return 0;
			}
		snprintf(why, size,
		    "`%s' is not required, opportunistic or off", value);
		return -1;
	case DIAL_TIMEOUT:
		if (parse_duration(value, &seconds) == 0 && seconds > 0 &&
		    seconds <= 86400) {
			o->timeout = (unsigned)seconds;
			return 0;
		}
		snprintf(why, size, "`%s' is not a time of 1s to 1d", value);
		return -1;
	case DIAL_CAFILE:
		o->cafile = value;
		return 0;
	case DIAL_PROXY:
		o->proxy = value;
		return 0;
	case DIAL_PASSWORD_COMMAND:
		o->password_command = value;
		return 0;
	case DIAL_PASSWORD_FILE:
		o->password_file = value;
		return 0;
	case DIAL_PASSWORD_FD:
		o->password_fd = value;
		return 0;
	case 'v':
		o->verbose = true;
		return 0;
	}
	return 1;
}

/* Shows a line that libcurl sends: what is no known plain command may be part
 * of a login, and is masked. */
static void
show_sent(const struct dial *d, const char *line, size_t n)
{
	static const char *const plain[] = {"EHLO", "HELO", "STARTTLS", "CAPA",
	    "STLS", "CAPABILITY", "NOOP", "QUIT", "LOGOUT"};
	size_t tag = 0, verb;

	if (d->imap)
		while (tag < n && line[tag++] != ' ')
			;
	for (verb = tag; verb < n && line[verb] != ' '; verb++)
		;
	for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
		if (strlen(plain[i]) == verb - tag &&
		    memcmp(plain[i], line + tag, verb - tag) == 0) {
			fprintf(stderr, "> %.*s\n", (int)n, line);
			return;
		}
	/* The mechanism is no secret; what may follow it is. */
	if ((verb - tag == 4 && memcmp(line + tag, "AUTH", 4) == 0) ||
	    (verb - tag == 12 && memcmp(line + tag, "AUTHENTICATE", 12) == 0)) {
		while (++verb < n && line[verb] != ' ')
			;
		fprintf(
		    stderr, "> %.*s ***\n", (int)(verb < n ? verb : n), line);
	} else {
		fprintf(stderr, "> ***\n");
	}
}

/* Keeps the last whole reply of SMTP, the last line of others. */
static void
note_received(struct dial *d, const char *line, size_t n)
{
	if (d->verbose) {
		char text[REPLY_TEXT];
		reply_escape(line, n, text, sizeof text);
		fprintf(stderr, "< %s\n", text);
	}
	if (!d->smtp) {
		snprintf(
		    d->last.text, sizeof d->last.text, "%.*s", (int)n, line);
		return;
	}
	enum reply_state state = reply_line(&d->coming, line, n);
	if (d->ehlo && d->coming.code / 100 == 2 && d->coming.lines > 1)
		d->extensions |= esmtp_offered(line, n);
	switch (state) {
	case REPLY_DONE:
		d->ehlo = false;
		d->last = d->coming;
		/* fall through */
	case REPLY_BAD:
		d->coming = (struct reply){0};
		break;
	case REPLY_MORE:
		break;
	}
}

/* What was offered before STARTTLS must not count behind it. */
static void
note_sent(struct dial *d, const char *line, size_t n)
{
	d->ehlo = n > 4 && memcmp(line, "EHLO", 4) == 0;
	if (d->ehlo || (n == 8 && memcmp(line, "STARTTLS", 8) == 0))
		d->extensions = 0;
	if (d->verbose)
		show_sent(d, line, n);
}

static int
on_debug(CURL *curl, curl_infotype type, char *data, size_t n, void *arg)
{
	struct dial *d = arg;

	(void)curl;
	while (n && (data[n - 1] == '\n' || data[n - 1] == '\r'))
		n--;
	if (type == CURLINFO_HEADER_IN)
		note_received(d, data, n);
	else if (type == CURLINFO_HEADER_OUT)
		note_sent(d, data, n);
	return 0;
}

/* The first source of a password that is configured, then ~/.netrc, then the
 * terminal. */
static int
find_password(
    struct url *t, const struct dial_options *o, char *why, size_t size)
{
	struct buf *out = &t->password;
	int r;

	if (o->password_command)
		return secret_command(
		    o->password_command, t->user, out, why, size);
	if (o->password_file)
		return secret_file(o->password_file, out, why, size);
	if (o->password_fd)
		return secret_fd(o->password_fd, out, why, size);
	r = secret_netrc(t->host, t->user, out, why, size);
	if (r == 1)
		r = secret_prompt(t->name, out, why, size);
	if (r == 1)
		snprintf(why, size,
		    "no password for %s (~/.netrc, --password-command)",
		    t->name);
	return r ? -1 : 0;
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

/* One dead address of several must not cost minutes: four SYNs, 15 seconds. */
static int
on_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	int more = 3;

	(void)arg;
	(void)purpose;
	setsockopt(fd, IPPROTO_TCP, TCP_SYNCNT, &more, sizeof more);
	return CURL_SOCKOPT_OK;
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
	curl_easy_setopt(d->curl, CURLOPT_SOCKOPTFUNCTION, on_socket);
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
	if (o->cafile)
		curl_easy_setopt(c, CURLOPT_CAINFO, o->cafile);
	else if (t->tls == TLS_OPPORTUNISTIC) {
		curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L);
	}
}

static void
set_all(
    struct dial *d, struct url *t, const struct dial_options *o, char *error)
{
	CURL *c = d->curl;
	long seconds = CONNECT_SECONDS;

	if (o->timeout && o->timeout < seconds)
		seconds = o->timeout;
	set_url(c, t, o);
	if (t->address)
		set_address(d, t->address);
	set_tls(c, t, o);
	curl_easy_setopt(c, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_PROXY, o->proxy ? o->proxy : "");
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, seconds);
	curl_easy_setopt(c, CURLOPT_SERVER_RESPONSE_TIMEOUT, seconds);
	curl_easy_setopt(c, CURLOPT_SASL_IR, 1L);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, error);
	/* The server's words reach us through this alone. */
	curl_easy_setopt(c, CURLOPT_VERBOSE, 1L);
	curl_easy_setopt(c, CURLOPT_DEBUGFUNCTION, on_debug);
	curl_easy_setopt(c, CURLOPT_DEBUGDATA, d);
	if (!t->user)
		return;
	curl_easy_setopt(c, CURLOPT_USERNAME, t->user);
	curl_easy_setopt(c, CURLOPT_PASSWORD, buf_str(&t->password));
	if (t->mechanism)
		curl_easy_setopt(c, CURLOPT_LOGIN_OPTIONS, t->mechanism);
}

/* What went wrong, in the server's words where it refused. */
static void
explain(const struct dial *d, CURLcode r, const char *error, struct reply *why)
{
	const char *hint = "";

	*why = (struct reply){0};
	if (d->last.code >= 400) {
		*why = d->last;
		return;
	}
	if (!d->smtp && r == CURLE_LOGIN_DENIED && d->last.text[0]) {
		*why = d->last;
		return;
	}
	if (r == CURLE_USE_SSL_FAILED)
		hint = " (--tls=off goes without)";
	else if (r == CURLE_PEER_FAILED_VERIFICATION)
		hint = " (--cafile FILE trusts another authority)";
	snprintf(why->text, sizeof why->text, "%.400s%s",
	    *error ? error : curl_easy_strerror(r), hint);
}

static int
connect_now(struct dial *d, struct url *t, const struct dial_options *o,
    struct reply *why)
{
	char error[CURL_ERROR_SIZE] = "";
	char early;
	CURLcode r;

	set_all(d, t, o, error);
	r = curl_easy_perform(d->curl);
	curl_easy_setopt(d->curl, CURLOPT_ERRORBUFFER, NULL);
	if (r == CURLE_OK)
		r = curl_easy_getinfo(d->curl, CURLINFO_ACTIVESOCKET, &d->fd);
	if (r != CURLE_OK) {
		explain(d, r, error, why);
		return -1;
	}
	if (strcmp(t->scheme, "lmtp") == 0)
		return 0;
	/* Not a word is due now: an answer to what was not yet asked. */
	if (dial_recv(d, &early, 1) >= 0 || errno != EAGAIN) {
		*why = (struct reply){0};
		snprintf(why->text, sizeof why->text,
		    "server spoke out of turn, or hung up");
		return -1;
	}
	return 0;
}

struct dial *
dial_open(struct url *t, const struct dial_options *o, struct reply *why,
    int *exit_code)
{
	*why = (struct reply){0};
	*exit_code = EX_CONFIG;
	if (t->user && !t->asked &&
	    find_password(t, o, why->text, sizeof why->text) < 0)
		return NULL;
	t->asked = true;
	*exit_code = EX_TEMPFAIL;
	struct dial *d = xrealloc(NULL, sizeof *d);
	*d = (struct dial){.fd = -1, .verbose = o->verbose};
	d->smtp = strcmp(t->scheme, "smtp") == 0;
	d->imap = strcmp(t->scheme, "imap") == 0;
	d->curl = curl_easy_init();
	if (d->curl && connect_now(d, t, o, why) == 0)
		return d;
	if (!d->curl)
		snprintf(why->text, sizeof why->text, "libcurl: no memory");
	dial_close(d);
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

int
dial_extensions(const struct dial *d)
{
	return d->extensions;
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
