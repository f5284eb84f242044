#include "address.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "parse.h"

#define LOCAL_MAX 64
#define DOMAIN_MAX 255
#define LABEL_MAX 63

static bool
is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9');
}

static bool
is_atext(char c)
{
	return is_alnum(c) || (c && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

/* The length of a UTF-8 sequence at s that RFC 6531 allows, or 0. */
static size_t
utf8(const char *s, size_t n, int forms)
{
	uint32_t point;
	size_t len = forms & ADDRESS_UTF8 ? parse_utf8(s, n, &point) : 0;

	return len && point > 0x9f ? len : 0;
}

/* The scanners return the length of what they know at s, or 0. */
static size_t
scan_quoted(const char *s, size_t n, int forms)
{
	size_t i = 1;

	while (i < n && s[i] != '"') {
		size_t step = utf8(s + i, n - i, forms);

		if (s[i] == '\\' && ++i == n)
			return 0;
		if (!step && s[i] >= ' ' && s[i] <= '~')
			step = 1;
		if (!step)
			return 0;
		i += step;
	}
	return i < n ? i + 1 : 0;
}

static size_t
scan_dot_string(const char *s, size_t n, int forms)
{
	size_t i = 0, atom = 0;

	while (i < n) {
		size_t step = is_atext(s[i]) ? 1 : utf8(s + i, n - i, forms);

		if (!step && (s[i] != '.' || !atom))
			break;
		atom = step ? atom + step : 0;
		i += step ? step : 1;
	}
	return atom ? i : 0;
}

static size_t
scan_local(const char *s, size_t n, int forms)
{
	size_t len;

	if (!n)
		return 0;
	len =
	    *s == '"' ? scan_quoted(s, n, forms) : scan_dot_string(s, n, forms);
	return len <= LOCAL_MAX ? len : 0;
}

/* An IPv4 address is in its mapped form then. */
static size_t
read_literal(const char *s, size_t n, unsigned char addr[16])
{
	static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
	const char *close = memchr(s, ']', n);
	size_t len = close ? (size_t)(close - s) : 0;
	char text[INET6_ADDRSTRLEN + 8];

	if (len < 2 || len > sizeof text || memchr(s, 0, len))
		return 0;
	memcpy(text, s + 1, len - 1);
	text[len - 1] = 0;
	if (!strncasecmp(text, "IPv6:", 5))
		return inet_pton(AF_INET6, text + 5, addr) == 1 ? len + 1 : 0;
	memcpy(addr, mapped, sizeof mapped);
	return inet_pton(AF_INET, text, addr + sizeof mapped) == 1 ? len + 1
								   : 0;
}

static size_t
scan_literal(const char *s, size_t n)
{
	unsigned char addr[16];

	return read_literal(s, n, addr);
}

/* Labels as RFC 5321 has them, and with '_', which host names do have. */
static size_t
scan_domain(const char *s, size_t n, int forms)
{
	size_t i = 0, label = 0;

	if (n && *s == '[')
		return scan_literal(s, n);
	while (i < n) {
		size_t step = is_alnum(s[i]) || s[i] == '_'
		    ? 1
		    : utf8(s + i, n - i, forms);

		if (!step && s[i] == '-' && label)
			step = 1;
		if (!step && (s[i] != '.' || !label || s[i - 1] == '-'))
			break;
		label = step ? label + step : 0;
		if (label > LABEL_MAX)
			return 0;
		i += step ? step : 1;
	}
	return label && s[i - 1] != '-' && i <= DOMAIN_MAX ? i : 0;
}

/* "@a,@b:", 0 when there is none, -1 when it is wrong. */
static int
scan_route(const char *s, size_t n, int forms)
{
	size_t i = 0, len;

	if (!n || *s != '@')
		return 0;
	do {
		if (i + 1 >= n || s[i] != '@')
			return -1;
		len = scan_domain(s + i + 1, n - i - 1, forms);
		i += 1 + len;
		if (!len || i == n || (s[i] != ',' && s[i] != ':'))
			return -1;
	} while (s[i++] == ',');
	return (int)i;
}

int
address_parse(struct address *a, const char *s, size_t n, int forms)
{
	size_t i, len;
	int route;

	if (n > ADDRESS_MAX || (!n && !(forms & ADDRESS_NULL)))
		return -1;
	route = scan_route(s, n, forms);
	if (route < 0)
		return -1;
	i = (size_t)route;
	len = scan_local(s + i, n - i, forms);
	if (n && !len)
		return -1;
	i += len;
	if (i < n) {
		if (s[i] != '@')
			return -1;
		len = scan_domain(s + i + 1, n - i - 1, forms);
		i++;
		if (!len || i + len != n)
			return -1;
	} else if (n && (route || !(forms & ADDRESS_BARE)) &&
	    (n != 10 || strncasecmp(s, "postmaster", n)))
		return -1;
	if (n)
		memcpy(a->text, s, n);
	a->text[n] = 0;
	a->len = (unsigned short)n;
	a->local = (unsigned short)route;
	a->domain = (unsigned short)i;
	return 0;
}

int
address_parse_path(struct address *a, const char *s, size_t n, int forms)
{
	bool quoted = false;
	size_t i;

	if (!n || *s != '<')
		return -1;
	for (i = 1; i < n && (quoted || s[i] != '>'); i++) {
		if (s[i] == '"')
			quoted = !quoted;
		else if (s[i] == '\\' && quoted)
			i++;
	}
	if (i >= n || address_parse(a, s + 1, i - 1, forms) < 0)
		return -1;
	return (int)i + 1;
}

bool
address_has_route(const struct address *a)
{
	return a->local > 0;
}

void
address_hop(const struct address *a, char out[256])
{
	const char *s = a->text + (a->local ? 1 : a->domain);
	size_t n = strlen(s);

	/* An IPv6 literal has colons of its own. */
	if (a->local)
		n = *s == '[' ? strcspn(s, "]") + 1 : strcspn(s, ",:");
	for (size_t i = 0; i < n; i++)
		out[i] = s[i] >= 'A' && s[i] <= 'Z' ? (char)(s[i] + 32) : s[i];
	out[n] = 0;
}

static void
drop(struct address *a, size_t n)
{
	memmove(a->text, a->text + n, a->len - n + 1);
	a->len -= (unsigned short)n;
	a->local -= (unsigned short)n;
	a->domain -= (unsigned short)n;
}

void
address_pop(struct address *a)
{
	char hop[256];

	if (!a->local)
		return;
	address_hop(a, hop);
	drop(a, 1 + strlen(hop) + 1);
}

void
address_strip(struct address *a)
{
	drop(a, a->local);
}

void
address_local(const struct address *a, char out[ADDRESS_MAX + 1])
{
	const char *s = a->text + a->local;
	const char *end = a->text + a->domain;

	if (*end)
		end--;
	if (s == end || *s != '"') {
		memcpy(out, s, (size_t)(end - s));
		out[end - s] = 0;
		return;
	}
	for (s++, end--; s < end; s++) {
		if (*s == '\\')
			s++;
		*out++ = *s;
	}
	*out = 0;
}

bool
address_is_domain(const char *s)
{
	size_t n = strlen(s);

	return n > 0 && scan_domain(s, n, 0) == n;
}

static bool
same_literal(const char *a, size_t n, const char *b, size_t m)
{
	unsigned char x[16], y[16];

	return *a == '[' && *b == '[' && read_literal(a, n, x) == n &&
	    read_literal(b, m, y) == m && memcmp(x, y, sizeof x) == 0;
}

bool
address_same_domain_of(const char *a, size_t n, const char *b)
{
	size_t m = strlen(b);

	if (n && a[n - 1] == '.')
		n--;
	if (m && b[m - 1] == '.')
		m--;
	if (n == m && !strncasecmp(a, b, n))
		return true;
	return n && m && same_literal(a, n, b, m);
}

bool
address_same_domain(const char *a, const char *b)
{
	return address_same_domain_of(a, strlen(a), b);
}
