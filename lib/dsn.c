#include "dsn.h"

#include <string.h>
#include <strings.h>

#define ENVID_MAX 100

static void
begin(struct buf *params, const char *name)
{
	buf_addf(params, "%s%s=", params->len ? " " : "", name);
}

static const char *const events[] = {"NEVER", "SUCCESS", "FAILURE", "DELAY"};
#define EVENTS (sizeof events / sizeof *events)

static unsigned
event_bit(const char *s, size_t n)
{
	for (unsigned i = 0; i < EVENTS; i++)
		if (strlen(events[i]) == n && strncasecmp(s, events[i], n) == 0)
			return 1U << i;
	return 0;
}

unsigned
dsn_events(const char *s, size_t n)
{
	unsigned all = 0, bit;
	size_t len;

	for (;; s += len + 1, n -= len + 1) {
		const char *comma = memchr(s, ',', n);
		len = comma ? (size_t)(comma - s) : n;
		bit = event_bit(s, len);
		if (!bit || (all & bit))
			return 0;
		all |= bit;
		if (len == n)
			break;
	}
	return (all & DSN_NEVER) && all != DSN_NEVER ? 0 : all;
}

void
dsn_add_events(unsigned all, struct buf *params)
{
	const char *comma = "";

	begin(params, "NOTIFY");
	for (unsigned i = 0; i < EVENTS; i++)
		if (all & 1U << i) {
			buf_addf(params, "%s%s", comma, events[i]);
			comma = ",";
		}
}

int
dsn_notify(const char *words, struct buf *params)
{
	unsigned all = dsn_events(words, strlen(words));

	if (!all)
		return -1;
	dsn_add_events(all, params);
	return 0;
}

int
dsn_ret(const char *word, struct buf *params)
{
	bool full = strcasecmp(word, "full") == 0;

	if (!full && strcasecmp(word, "hdrs") != 0)
		return -1;
	begin(params, "RET");
	buf_adds(params, full ? "FULL" : "HDRS");
	return 0;
}

int
dsn_envid(const char *id, struct buf *params)
{
	size_t was = params->len, start;
	const char *p;

	begin(params, "ENVID");
	start = params->len;
	for (p = id; *p >= ' ' && *p <= '~'; p++)
		if (*p == ' ' || *p == '+' || *p == '=')
			buf_addf(params, "+%02X", (unsigned)*p);
		else
			buf_addc(params, *p);
	if (*id && !*p && params->len - start <= ENVID_MAX)
		return 0;
	params->len = was;
	return -1;
}

bool
dsn_param(const char *params, const char *name, char *out, size_t size)
{
	size_t k = strlen(name), n;

	for (; *params; params += n, params += strspn(params, " ")) {
		n = strcspn(params, " ");
		if (n <= k || params[k] != '=' || strncasecmp(params, name, k))
			continue;
		n -= k + 1;
		if (n >= size)
			n = size - 1;
		memcpy(out, params + k + 1, n);
		out[n] = '\0';
		return true;
	}
	return false;
}

bool
dsn_notifies(const char *params, const char *event, bool unsaid)
{
	char value[64], *word, *save;

	if (!dsn_param(params, "NOTIFY", value, sizeof value))
		return unsaid;
	for (word = strtok_r(value, ",", &save); word;
	     word = strtok_r(NULL, ",", &save))
		if (!strcasecmp(word, event))
			return true;
	return false;
}

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

size_t
dsn_octet(const char *s, size_t n, char *c)
{
	*c = *s;
	if (*s != '+')
		return *s > ' ' && *s <= '~' && *s != '=';
	if (n < 3 || hex(s[1]) < 0 || hex(s[2]) < 0)
		return 0;
	*c = (char)(hex(s[1]) << 4 | hex(s[2]));
	return 3;
}

void
dsn_decode(char *s, bool utf8)
{
	char *out = s, c;
	size_t took;

	for (; *s; s += took) {
		if (utf8 && (unsigned char)*s > 127) {
			*out++ = *s;
			took = 1;
			continue;
		}
		took = dsn_octet(s, strnlen(s, 3), &c);
		if (took == 0)
			took = 1;
		*out++ = c < ' ' || c > '~' ? '?' : c;
	}
	*out = '\0';
}
