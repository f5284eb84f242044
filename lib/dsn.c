#include "dsn.h"

#include <string.h>
#include <strings.h>

#define ENVID_MAX 100

static void
begin(struct buf *params, const char *name)
{
	buf_addf(params, "%s%s=", params->len ? " " : "", name);
}

static unsigned
event_bit(const char *s, size_t n, const char **name)
{
	static const char *const events[] = {
	    "NEVER", "SUCCESS", "FAILURE", "DELAY"};
	unsigned i;

	for (i = 0; i < 4; i++)
		if (strlen(events[i]) == n &&
		    strncasecmp(s, events[i], n) == 0) {
			*name = events[i];
			return 1U << i;
		}
	return 0;
}

int
dsn_notify(const char *words, struct buf *params)
{
	size_t was = params->len, n;
	unsigned seen = 0, bit;
	const char *name;

	for (begin(params, "NOTIFY"); words; words += n + 1) {
		n = strcspn(words, ",");
		bit = event_bit(words, n, &name);
		if (!bit || (seen & bit) || (seen & 1)) {
			params->len = was;
			return -1;
		}
		buf_addf(params, "%s%s", seen ? "," : "", name);
		seen |= bit;
		if (!words[n])
			break;
	}
	if (!(seen & 1) || seen == 1)
		return 0;
	params->len = was;
	return -1;
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
	const char *digits = "0123456789ABCDEF", *p = strchr(digits, c);

	return c && p ? (int)(p - digits) : -1;
}

void
dsn_decode(char *s, bool utf8)
{
	char *out = s;
	int c;

	for (; *s; s++) {
		c = (unsigned char)*s;
		if (utf8 && c > 127) {
			*out++ = *s;
			continue;
		}
		if (c == '+' && hex(s[1]) >= 0 && hex(s[2]) >= 0) {
			c = hex(s[1]) * 16 + hex(s[2]);
			s += 2;
		}
		*out++ = c < 32 || c > 126 ? '?' : (char)c;
	}
	*out = '\0';
}
