#include "url.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "secret.h"

struct scheme {
	const char *name, *protocol;
	unsigned port;
	bool implicit, starttls;
};

static const struct scheme schemes[] = {
    {"smtp", "smtp", 25, false, false},
    {"smtps", "smtp", 465, true, false},
    {"submission", "smtp", 587, false, true},
    {"submissions", "smtp", 465, true, false},
    {"pop3", "pop3", 110, false, false},
    {"pop3s", "pop3", 995, true, false},
    {"imap", "imap", 143, false, false},
    {"imaps", "imap", 993, true, false},
};

/* The scheme in front, or the protocol's plain one; *rest is what follows. */
static const struct scheme *
scheme_find(const char *url, const char *protocol, const char **rest)
{
	const char *end = strstr(url, "://");
	size_t n = end ? (size_t)(end - url) : strlen(protocol);

	*rest = end ? end + 3 : url;
	for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
		if (strcmp(schemes[i].protocol, protocol) == 0 &&
		    strlen(schemes[i].name) == n &&
		    strncasecmp(schemes[i].name, end ? url : protocol, n) == 0)
			return &schemes[i];
	return NULL;
}

static bool
has_control(const char *s)
{
	for (; s && *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return true;
	return false;
}

/* A part of the URL, or NULL; where it is wrong, an empty *bad is set. */
static char *
url_part(CURLU *u, CURLUPart part, bool *bad)
{
	char *text = NULL, *copy;
	CURLUcode r = curl_url_get(
	    u, part, &text, part == CURLUPART_HOST ? 0 : CURLU_URLDECODE);

	if (r != CURLUE_OK) {
		*bad |= r == CURLUE_URLDECODE || r == CURLUE_OUT_OF_MEMORY;
		return NULL;
	}
	*bad |= has_control(text);
	copy = xstrdup(text);
	curl_free(text);
	return copy;
}

static void
set_name(struct url *t, const struct scheme *s)
{
	struct buf b = BUF_INIT;

	buf_addf(&b, "%s://", s->name);
	if (t->user)
		buf_addf(&b, "%s@", t->user);
	buf_addf(&b, "%s:%u", t->host, t->port);
	t->name = xstrdup(buf_str(&b));
	buf_free(&b);
}

/* "AUTH=NAME" of RFC 2384 and 5092, some with `;' between them, and the + that
 * libcurl puts before a login without SASL. AUTH=* is the same as none. */
static bool
read_mechanism(struct url *t)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				      "abcdefghijklmnopqrstuvwxyz-_+";
	char *s = t->mechanism;

	if (s && strcasecmp(s, "AUTH=*") == 0) {
		free(s);
		t->mechanism = s = NULL;
	}
	while (s && *s) {
		size_t n = strcspn(s, ";");
		if (n < 6 || strncasecmp(s, "AUTH=", 5) != 0 ||
		    strspn(s + 5, allowed) != n - 5)
			return false;
		for (size_t i = 0; i < n; i++)
			s[i] = (char)toupper((unsigned char)s[i]);
		s += n + (s[n] == ';');
	}
	return true;
}

/* Why the URL cannot be used, or NULL. */
static const char *
url_fault(struct url *t, const struct scheme *s, enum tls tls)
{
	if (!t->host || !*t->host)
		return "no host in it";
	if (t->user && !*t->user)
		return "no user before the @";
	if (!read_mechanism(t))
		return "what follows `;' is not AUTH=MECHANISM";
	if (strcmp(s->protocol, "imap") != 0 && t->path && *t->path)
		return "it has a path";
	if (s->implicit && tls != TLS_AUTO && tls != TLS_REQUIRED)
		return "its scheme means TLS, --tls says otherwise";
	if (t->user && tls == TLS_OPPORTUNISTIC)
		return "a login needs TLS (--tls=off allows it in clear)";
	return NULL;
}

static enum tls
tls_meant(const struct url *t, const struct scheme *s, enum tls tls)
{
	if (tls != TLS_AUTO)
		return tls;
	return s->implicit || s->starttls || t->user ? TLS_REQUIRED
						     : TLS_OPPORTUNISTIC;
}

static bool
has_part(CURLU *u, CURLUPart part)
{
	char *text = NULL;
	bool has = curl_url_get(u, part, &text, 0) == CURLUE_OK;

	curl_free(text);
	return has;
}

static const char *
url_read(struct url *t, const struct scheme *s, CURLU *u, enum tls tls)
{
	bool bad = false;
	char *port, *path;
	const char *fault;

	if (has_part(u, CURLUPART_PASSWORD))
		return "a password does not belong in it (see ~/.netrc)";
	if (has_part(u, CURLUPART_QUERY) || has_part(u, CURLUPART_FRAGMENT))
		return "it has a `?' or `#' (%3F, %23)";
	port = url_part(u, CURLUPART_PORT, &bad);
	path = url_part(u, CURLUPART_PATH, &bad);
	t->user = url_part(u, CURLUPART_USER, &bad);
	t->host = url_part(u, CURLUPART_HOST, &bad);
	t->mechanism = url_part(u, CURLUPART_OPTIONS, &bad);
	t->path = xstrdup(path && *path == '/' ? path + 1 : "");
	fault = bad ? "it has a control byte or a bad % sequence"
		    : url_fault(t, s, tls);
	if (!fault) {
		t->scheme = xstrdup(s->protocol);
		t->implicit = s->implicit;
		t->tls = tls_meant(t, s, tls);
		t->port = port ? (unsigned)strtoul(port, NULL, 10) : s->port;
		set_name(t, s);
	}
	free(port);
	free(path);
	return fault;
}

/* libcurl knows its own schemes alone, and cuts up only what belongs to one. */
static const char *
url_cut(CURLU *u, const struct scheme *s, const char *rest)
{
	struct buf text = BUF_INIT;
	CURLUcode r = CURLUE_OUT_OF_MEMORY;

	buf_addf(&text, "%s%s://%s", s->protocol, s->implicit ? "s" : "", rest);
	if (u)
		r = curl_url_set(u, CURLUPART_URL, buf_str(&text), 0);
	buf_free(&text);
	return r ? curl_url_strerror(r) : NULL;
}

int
url_parse(struct url *t, const char *protocol, const char *url, enum tls tls,
    char *why, size_t size)
{
	const char *rest, *fault = "its scheme is not one of this protocol";
	const struct scheme *s = scheme_find(url, protocol, &rest);
	CURLU *u;

	errno = 0;
	u = curl_url();
	*t = (struct url){0};
	if (s)
		fault = url_cut(u, s, rest);
	if (!fault)
		fault = url_read(t, s, u, tls);
	curl_url_cleanup(u);
	if (!fault)
		return 0;
	/* For which libcurl has other words too, such as a bad login. */
	if (errno == ENOMEM)
		out_of_memory();
	snprintf(why, size, "%s", fault);
	url_free(t);
	return -1;
}

int
url_parse_lmtp(struct url *t, const char *place, char *why, size_t size)
{
	if (place[0] == '/') {
		struct buf b = BUF_INIT;
		*t = (struct url){.tls = TLS_OFF};
		t->path = xstrdup(place);
		buf_addf(&b, "lmtp:%s", place);
		t->name = xstrdup(buf_str(&b));
		buf_free(&b);
	} else if (strstr(place, "//") || strpbrk(place, "/@?#")) {
		snprintf(why, size, "neither an absolute path nor HOST:PORT");
		return -1;
	} else {
		const char *colon = strrchr(place, ':');
		if (!colon || !colon[1] || strchr(colon, ']')) {
			snprintf(why, size, "no port: HOST:PORT or a path");
			return -1;
		}
		if (url_parse(t, "smtp", place, TLS_OFF, why, size) < 0)
			return -1;
		memcpy(t->name, "lmtp", 4);
		free(t->scheme);
	}
	t->scheme = xstrdup("lmtp");
	return 0;
}

void
url_place(struct url *t, const char *host, const char *address, unsigned port,
    enum tls tls)
{
	struct buf b = BUF_INIT;
	bool six = strchr(address, ':');

	*t = (struct url){.scheme = xstrdup("smtp"),
	    .tls = tls == TLS_AUTO ? TLS_OPPORTUNISTIC : tls,
	    .port = port,
	    .path = xstrdup("")};
	buf_addf(&b, six ? "[%s]" : "%s", address);
	t->address = xstrdup(buf_str(&b));
	t->host = xstrdup(*host ? host : t->address);
	buf_reset(&b);
	buf_addf(&b, "%s[%s]", host, address);
	t->name = xstrdup(buf_str(&b));
	buf_free(&b);
}

static bool
is_ascii(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s >= 0x80)
			return false;
	return true;
}

#ifdef CURLU_PUNYCODE
/* By libcurl's libidn2, which takes the octets for those of the locale. */
static CURLUcode
punycode(const char *domain, char **out)
{
	locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	locale_t old = uselocale(utf8);
	CURLU *u = curl_url();
	CURLUcode r = u && utf8 ? curl_url_set(u, CURLUPART_HOST, domain, 0)
				: CURLUE_UNKNOWN_PART;

	/* Its word for what has no such form is that memory is out. */
	if (r == CURLUE_OK)
		r = curl_url_get(u, CURLUPART_HOST, out, CURLU_PUNYCODE);
	curl_url_cleanup(u);
	uselocale(old);
	if (utf8)
		freelocale(utf8);
	return r;
}
#else
static CURLUcode
punycode(const char *domain, char **out)
{
	(void)domain;
	(void)out;
	return CURLUE_UNKNOWN_PART;
}
#endif

int
url_ascii_host(const char *domain, char out[256], char *why, size_t size)
{
	char *ascii = NULL;
	CURLUcode r = is_ascii(domain) ? CURLUE_OK : punycode(domain, &ascii);
	const char *text = ascii ? ascii : domain;

	if (r == CURLUE_OK && strlen(text) >= 256)
		r = CURLUE_BAD_HOSTNAME;
	if (r == CURLUE_OK)
		strcpy(out, text);
	curl_free(ascii);
	if (r == CURLUE_UNKNOWN_PART) {
		snprintf(why, size,
		    "`%.255s': no means here for its form in ASCII", domain);
		return 1;
	}
	if (r != CURLUE_OK) {
		snprintf(why, size, "`%.255s' has no form in ASCII", domain);
		return -1;
	}
	for (char *c = out; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	return 0;
}

void
url_free(struct url *t)
{
	free(t->scheme);
	free(t->user);
	free(t->mechanism);
	free(t->host);
	free(t->address);
	free(t->path);
	free(t->name);
	secret_free(&t->password);
	*t = (struct url){0};
}
