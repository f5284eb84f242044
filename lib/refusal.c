#include "refusal.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "base64.h"

/* OpenSSL's numbers for an authority that is not known. */
static bool
is_stranger(const struct refusal *f)
{
	return f->verified >= 18 && f->verified <= 21;
}

/* The option that would allow what failed. */
static const char *
hint(const struct refusal *f, const struct url *t)
{
	if (f->code == CURLE_USE_SSL_FAILED)
		return t->user ? " (--tls=off goes without)"
			       : " (--tls=opportunistic goes without)";
	if (f->code == CURLE_SSL_CONNECT_ERROR && t->tls == TLS_OPPORTUNISTIC)
		return " (--tls=off goes without)";
	if (f->code != CURLE_PEER_FAILED_VERIFICATION)
		return "";
	if (is_stranger(f))
		return " (--cafile FILE trusts another authority)";
	return t->user || t->implicit
	    ? ""
	    : " (--tls=opportunistic takes any certificate)";
}

static bool
is_denied(int code, const struct dialogue *talk)
{
	return code == CURLE_LOGIN_DENIED && talk->login;
}

bool
refusal_of_login(int code, const struct dialogue *talk)
{
	return is_denied(code, talk) && talk->last.code / 100 != 4;
}

/* What is no answer to a login. */
static bool
is_negative(const char *words)
{
	return strncmp(words, "-ERR", 4) == 0 ||
	    strncmp(words, "* BYE", 5) == 0 || strstr(words, " NO ") ||
	    strstr(words, " BAD ");
}

/* The server says what is wrong with a token in a last challenge (RFC 7628
 * 3.2.2). */
static void
decode_challenge(struct reply *why)
{
	const char *text = why->text;
	char plain[REPLY_TEXT];
	ssize_t n;

	if (strncmp(text, "+ ", 2) == 0)
		text += 2;
	else if (why->code != 334)
		return;
	n = base64_decode(text, strlen(text), plain, sizeof plain - 1);
	if (n < 0)
		return;
	plain[n] = '\0';
	snprintf(why->text, sizeof why->text, "%s %.480s",
	    why->code ? "334" : "+", plain);
	why->code = 0;
}

/* In our words, or libcurl's, and then the server's. */
static void
describe(
    const struct refusal *f, const struct dialogue *talk, struct reply *why)
{
	const char *error = f->error, *words = "";

	if (f->code == CURLE_LOGIN_DENIED)
		error = "server offers no mechanism for this login";
	else if (!*error && f->code == CURLE_WEIRD_SERVER_REPLY)
		error = "server spoke out of turn, before TLS";
	else if (!*error)
		error = curl_easy_strerror((CURLcode)f->code);
	if (is_negative(talk->last.text))
		words = talk->last.text;
	snprintf(why->text, sizeof why->text, "%.150s%s%.250s", error,
	    *words ? ": " : "", words);
}

void
refusal_explain(const struct refusal *f, const struct url *t,
    const struct dialogue *talk, struct reply *why)
{
	const struct reply *last = &talk->last;

	*why = (struct reply){0};
	if (last->code >= 400 || (is_denied(f->code, talk) && last->text[0])) {
		*why = *last;
		decode_challenge(why);
	} else {
		describe(f, talk, why);
	}
	size_t n = strlen(why->text);
	snprintf(why->text + n, sizeof why->text - n, "%s", hint(f, t));
}
