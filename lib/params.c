#include "params.h"

#include <string.h>
#include <strings.h>

#include "address.h"
#include "dsn.h"
#include "parse.h"

#define ENVID_MAX 100
#define ORCPT_MAX 500  /* RFC 3461 4.2 */
#define SIZE_DIGITS 20 /* RFC 1870 3 */

static const char BAD_PARAM[] = "501 5.5.4 Bad parameter";
static const char TYPE_CHARS[] = "abcdefghijklmnopqrstuvwxyz"
				 "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "0123456789.-_:[]";

static const char *
param_size(struct params *p, const char *s, size_t n)
{
	if (p->has_size || n > SIZE_DIGITS ||
	    parse_digits(s, n, UINT64_MAX, &p->size) != 0)
		return BAD_PARAM;
	p->has_size = true;
	return NULL;
}

static const char *
param_body(struct params *p, const char *s, size_t n)
{
	if (p->has_body)
		return BAD_PARAM;
	p->has_body = true;
	p->eight_bit = n == 8 && strncasecmp(s, "8BITMIME", n) == 0;
	if (!p->eight_bit && !(n == 4 && strncasecmp(s, "7BIT", n) == 0))
		return BAD_PARAM;
	return NULL;
}

/* RFC 4954 5: who the sender is said to be. */
static const char *
param_auth(struct params *p, const char *s, size_t n)
{
	char text[ADDRESS_MAX];
	struct address mailbox;
	size_t len = 0, took;

	if (p->has_auth)
		return BAD_PARAM;
	p->has_auth = true;
	for (; n > 0; s += took, n -= took) {
		if (len == sizeof text)
			return BAD_PARAM;
		took = dsn_octet(s, n, &text[len++]);
		if (took == 0)
			return BAD_PARAM;
	}
	if ((len == 2 && memcmp(text, "<>", 2) == 0) ||
	    address_parse(&mailbox, text, len, ADDRESS_BARE) == 0)
		return NULL;
	return BAD_PARAM;
}

/* Printable once it is decoded, where UTF-8 may stand for itself as well. */
static bool
is_xtext(const char *s, size_t n, bool utf8)
{
	uint32_t point;
	size_t took;
	char c;

	for (; n > 0; s += took, n -= took) {
		took = dsn_octet(s, n, &c);
		if (took > 0 && c >= ' ' && c <= '~')
			continue;
		took = utf8 && (unsigned char)*s > '~'
		    ? parse_utf8(s, n, &point)
		    : 0;
		if (took == 0 || point < 0xa0)
			return false;
	}
	return true;
}

static const char *
param_ret(struct params *p, const char *s, size_t n)
{
	if (p->ret || n != 4)
		return BAD_PARAM;
	p->dsn = true;
	p->ret = strncasecmp(s, "FULL", n) == 0 ? "FULL"
	    : strncasecmp(s, "HDRS", n) == 0    ? "HDRS"
						: NULL;
	return p->ret ? NULL : BAD_PARAM;
}

static const char *
param_envid(struct params *p, const char *s, size_t n)
{
	if (p->envid || n > ENVID_MAX || !is_xtext(s, n, false))
		return BAD_PARAM;
	p->dsn = true;
	p->envid = s;
	p->envid_size = n;
	return NULL;
}

static const char *
param_notify(struct params *p, const char *s, size_t n)
{
	if (p->notify)
		return BAD_PARAM;
	p->dsn = true;
	p->notify = dsn_events(s, n);
	return p->notify ? NULL : BAD_PARAM;
}

/* An address type and the address (RFC 3461 4.2, RFC 6533 3). */
static const char *
param_orcpt(struct params *p, const char *s, size_t n)
{
	const char *semicolon = memchr(s, ';', n);
	size_t type = semicolon ? (size_t)(semicolon - s) : 0;

	if (p->orcpt || type == 0 || type + 1 == n || n > ORCPT_MAX)
		return BAD_PARAM;
	for (size_t i = 0; i < type; i++)
		if (!strchr(TYPE_CHARS, s[i]))
			return BAD_PARAM;
	if (!is_xtext(semicolon + 1, n - type - 1,
		type == 5 && strncasecmp(s, "utf-8", type) == 0))
		return BAD_PARAM;
	p->dsn = true;
	p->orcpt = s;
	p->orcpt_size = n;
	p->international |= !parse_is_ascii(s, n);
	return NULL;
}

static const char *
param_smtputf8(struct params *p, const char *s, size_t n)
{
	(void)n;
	if (p->smtputf8 || s)
		return BAD_PARAM;
	p->smtputf8 = true;
	return NULL;
}

/* take gets NULL for a parameter without a value. */
struct param {
	const char *name;
	bool bare; /* may be without one */
	const char *(*take)(struct params *p, const char *s, size_t n);
};

static const struct param mail_params[] = {{"SIZE", false, param_size},
    {"BODY", false, param_body}, {"AUTH", false, param_auth},
    {"SMTPUTF8", true, param_smtputf8}, {"RET", false, param_ret},
    {"ENVID", false, param_envid}, {NULL, false, NULL}};
static const struct param rcpt_params[] = {{"NOTIFY", false, param_notify},
    {"ORCPT", false, param_orcpt}, {NULL, false, NULL}};

static const char *
parse_param(
    struct params *p, const struct param *known, const char *s, size_t n)
{
	const char *equals = memchr(s, '=', n);
	size_t name = equals ? (size_t)(equals - s) : n;

	if (name == 0 || (equals && name + 1 == n))
		return BAD_PARAM;
	while (known->name &&
	    (strlen(known->name) != name ||
		strncasecmp(s, known->name, name) != 0))
		known++;
	if (!known->name)
		return PARAMS_UNKNOWN;
	if (!equals)
		return known->bare ? known->take(p, NULL, 0) : BAD_PARAM;
	return known->take(p, equals + 1, n - name - 1);
}

/* What follows the path: a blank and a parameter, again and again. */
static const char *
parse_params(
    struct params *p, const struct param *known, const char *s, size_t n)
{
	while (n > 0) {
		if (*s != ' ')
			return "501 5.5.4 A blank must follow the path";
		s++;
		n--;
		const char *blank = memchr(s, ' ', n);
		size_t len = blank ? (size_t)(blank - s) : n;
		const char *refusal = parse_param(p, known, s, len);
		if (refusal)
			return refusal;
		s += len;
		n -= len;
	}
	return NULL;
}

const char *
params_of_mail(struct params *p, const char *s, size_t n)
{
	return parse_params(p, mail_params, s, n);
}

const char *
params_of_rcpt(struct params *p, const char *s, size_t n)
{
	return parse_params(p, rcpt_params, s, n);
}

static void
add_word(struct buf *out, const char *name, const char *value, size_t n)
{
	if (!value)
		return;
	buf_addf(out, "%s%s", out->len ? " " : "", name);
	buf_add(out, value, n);
}

void
params_add(const struct params *p, struct buf *out)
{
	if (p->eight_bit)
		add_word(out, "BODY=8BITMIME", "", 0);
	if (p->smtputf8)
		add_word(out, "SMTPUTF8", "", 0);
	add_word(out, "RET=", p->ret, 4);
	add_word(out, "ENVID=", p->envid, p->envid_size);
	if (p->notify)
		dsn_add_events(p->notify, out);
	add_word(out, "ORCPT=", p->orcpt, p->orcpt_size);
}
