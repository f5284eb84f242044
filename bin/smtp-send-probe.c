/* smtp-send --probe: what a server says until a message could be sent, as
 * lines of `key: value'. */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>

#include "dial.h"
#include "hop.h"
#include "log.h"
#include "smtp-send.h"

#define GOODBYE_MS 2000

static struct look {
	enum { GREETING, EHLO, OTHER } awaited;
	bool first;            /* line of the reply to EHLO */
	bool secure;           /* TLS has begun */
	bool verified;         /* and the server was asked for more */
	bool certificate_only; /* the rest was shown before */
	char mechanisms[500];
} look;

static void
say(const char *key, const char *value, size_t n)
{
	char text[1000];

	reply_escape(value, n, text, sizeof text);
	printf("%s: %s\n", key, text);
}

static void
saw_offer(const char *line, size_t n)
{
	size_t skip = n < 4 ? n : 4;

	if (look.first)
		say("name", line + skip, n - skip);
	else
		say(look.secure ? "offers" : "offers-in-clear", line + skip,
		    n - skip);
	if (n > 9 && strncasecmp(line + 4, "AUTH ", 5) == 0)
		snprintf(look.mechanisms, sizeof look.mechanisms, "%.*s",
		    (int)(n - 9), line + 9);
	look.first = false;
}

static void
saw_received(const char *line, size_t n)
{
	if (look.certificate_only)
		return;
	if (look.awaited == GREETING)
		say("greeting", line, n);
	else if (look.awaited == EHLO && n && line[0] == '2')
		saw_offer(line, n);
}

static void
saw_certificate(const char *field, size_t n)
{
	static const char *const fields[][2] = {
	    {"Subject:", "certificate-subject"},
	    {"Issuer:", "certificate-issuer"},
	    {"X509v3 Subject Alternative Name:", "certificate-names"},
	    {"Start date:", "certificate-from"},
	    {"Expire date:", "certificate-until"}};

	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		size_t skip = strlen(fields[i][0]);
		if (n > skip && memcmp(field, fields[i][0], skip) == 0)
			say(fields[i][1], field + skip, n - skip);
	}
}

static void
saw(void *arg, enum dialogue_kind kind, const char *line, size_t n)
{
	(void)arg;
	switch (kind) {
	case DIALOGUE_SENT:
		look.awaited =
		    n > 5 && memcmp(line, "EHLO ", 5) == 0 ? EHLO : OTHER;
		look.first = true;
		if (look.awaited == EHLO)
			look.mechanisms[0] = '\0';
		look.verified |= look.secure;
		break;
	case DIALOGUE_RECEIVED:
		saw_received(line, n);
		break;
	case DIALOGUE_TLS:
		say("tls", line, n);
		look.secure = true;
		break;
	case DIALOGUE_CERTIFICATE:
		saw_certificate(line, n);
		break;
	}
}

static void
leave(struct dial *d)
{
	static const char quit[] = "QUIT\r\n";
	char data[512];
	ssize_t n;

	dial_send(d, quit, sizeof quit - 1);
	do {
		n = dial_recv(d, data, sizeof data);
	} while (
	    n < 0 && errno == EAGAIN && dial_wait(d, POLLIN, GOODBYE_MS) > 0);
	dial_close(d);
}

/* Another connection, without a login, that only looks at TLS: whether it
 * comes about. */
static bool
look_again(const struct url *t, const struct dial_options *o, enum tls tls,
    struct reply *why)
{
	struct url again = *t;
	struct dial *d;
	int code;

	again.user = NULL;
	again.tls = tls;
	d = dial_open(&again, o, why, &code);
	if (d)
		leave(d);
	return d != NULL;
}

/* Whether the certificate is in order, though mail goes without that or, as
 * why says, does not go. */
static void
say_verified(
    const struct url *t, const struct dial_options *o, const struct reply *why)
{
	struct dial_options quiet = *o;
	struct reply reason = *why, ignored;
	bool strict = t->tls == TLS_REQUIRED || o->cafile;
	bool valid = look.verified;

	quiet.watch = NULL;
	quiet.verbose = false;
	if (!look.secure && strict && t->tls != TLS_OFF) {
		struct dial_options lenient = *o;
		lenient.cafile = NULL;
		look.certificate_only = true;
		look_again(t, &lenient, TLS_OPPORTUNISTIC, &ignored);
	} else if (look.secure && !strict) {
		valid = look_again(t, &quiet, TLS_REQUIRED, &reason);
	}
	if (!look.secure)
		return;
	if (valid)
		say("verified-for", t->host, strlen(t->host));
	else
		say("not-verified", reason.text, strlen(reason.text));
}

static int
probe_place(struct url *t, const struct dial_options *o)
{
	static const struct dialogue_watch watch = {saw, NULL};
	struct dial_options watched = *o;
	struct reply why;
	struct dial *d;
	char text[600];
	int code = EX_OK;

	look = (struct look){.awaited = GREETING};
	watched.watch = &watch;
	say("server", t->name, strlen(t->name));
	d = dial_open(t, &watched, &why, &code);
	if (d)
		code = EX_OK;
	if (look.mechanisms[0])
		say("mechanisms", look.mechanisms, strlen(look.mechanisms));
	if (d && t->user)
		say("login", t->user, strlen(t->user));
	say_verified(t, &watched, &why);
	if (d)
		leave(d);
	snprintf(text, sizeof text, "%.*d%s%s", why.code ? 3 : 0, why.code,
	    why.code ? " " : "", why.text);
	if (d)
		say("result", "a message could be sent", 23);
	else
		say("result", text, strlen(text));
	if (!d)
		log_error("probe %s: %s", t->name, text);
	return code;
}

/* All mail hosts of a domain; one that works is enough. */
static int
probe_domain(struct hop *h, const char *domain, const struct dial_options *o)
{
	static const struct reply none;
	struct url *t;
	int code = -1, one;

	hop_turn(h, domain);
	while ((t = hop_url(h))) {
		one = probe_place(t, o);
		code = code < 0 || one == EX_OK ? one : code;
		if (!hop_has_more(h))
			return code;
		hop_failed(h, &none);
	}
	log_error("probe %s: %s", domain, h->why.text);
	return h->fate == BATCH_PERM ? EX_UNAVAILABLE : EX_TEMPFAIL;
}

int
probe(struct hop *h, const struct dial_options *o, char *const targets[])
{
	char domain[DNS_NAME];
	int code = EX_OK, one;

	if (h->server)
		return probe_place(h->server, o);
	for (; *targets; targets++) {
		if (strchr(*targets, '@'))
			hop_domain(h, *targets, domain);
		else
			snprintf(domain, sizeof domain, "%.255s", *targets);
		one = probe_domain(h, domain, o);
		code = code ? code : one;
	}
	return code;
}
