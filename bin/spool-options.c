/* What the options of spool say, on its command line or in a file. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "date.h"
#include "dsn.h"
#include "parse.h"
#include "spool.h"

enum key {
	KEY_AT = 256,
	KEY_HOLD,
	KEY_EXPIRES,
	KEY_NOTIFY,
	KEY_RET,
	KEY_ENVID,
	KEY_SIZE,
	KEY_ALLOW_EMPTY,
	KEY_ONCE,
	KEY_WATCH,
	KEY_PER_HOST,
	KEY_TRANSPORT,
	KEY_UNSURE,
	KEY_HOSTNAME,
	KEY_LOCAL,
	KEY_TIMEOUT,
	KEY_DELAY_WARNING,
	KEY_JSON,
	KEY_OLDER,
	KEY_LOG
};

#define LIFE_MAX (10 * 366 * 86400ULL)
#define HOST_MAX 255

struct said said = {.log = LOG_TO_STDERR,
    .mail = {.size = SUBMIT_ANY},
    .runs = RUNNER_OPTIONS_INIT,
    .older = 3600};

static const char **locals;
static size_t local_count;

static int
refuse(char *why, size_t size, const char *name, const char *value)
{
	snprintf(why, size, "--%s: bad value `%s'", name, value);
	return -1;
}

static void
add_local(const char *name)
{
	locals = xrealloc(locals, (local_count + 2) * sizeof *locals);
	locals[local_count++] = name;
	locals[local_count] = NULL;
	said.runs.locals = locals;
}

static int
set_duration(
    const char *name, const char *value, uint64_t *out, char *why, size_t size)
{
	if (parse_duration(value, out) || !*out || *out > LIFE_MAX)
		return refuse(why, size, name, value);
	return 0;
}

static int
set_common(int key, const char *value, char *why, size_t size)
{
	switch (key) {
	case 'd':
		said.dir = value;
		return 0;
	case KEY_JSON:
		said.json = true;
		return 0;
	case KEY_OLDER:
		return set_duration("older", value, &said.older, why, size);
	default:
		said.log_given = true;
		return log_target(value, &said.log, NULL, 0)
		    ? refuse(why, size, "log", value)
		    : 0;
	}
}

static int
set_run(int key, const char *value, char *why, size_t size)
{
	struct runner_options *o = &said.runs;
	uint64_t n;

	switch (key) {
	case 'j':
		if (parse_number(value, 1000, &n) || n == 0)
			return refuse(why, size, "jobs", value);
		o->jobs = (unsigned)n;
		return 0;
	case KEY_PER_HOST:
		if (parse_number(value, 1000, &n) || n == 0)
			return refuse(why, size, "per-host", value);
		o->per_host = (unsigned)n;
		return 0;
	case KEY_ONCE:
	case KEY_WATCH:
		o->watch = key == KEY_WATCH;
		return 0;
	case KEY_TRANSPORT:
		o->transport = value;
		return 0;
	case KEY_UNSURE:
		o->settle.hold_unsure = !strcmp(value, "hold");
		return !o->settle.hold_unsure && strcmp(value, "retry")
		    ? refuse(why, size, "unsure", value)
		    : 0;
	case KEY_HOSTNAME:
		o->settle.hostname = value;
		return strlen(value) > HOST_MAX || !*value
		    ? refuse(why, size, "hostname", value)
		    : 0;
	case KEY_LOCAL:
		add_local(value);
		return 0;
	case KEY_TIMEOUT:
		return set_duration("timeout", value, &o->seconds, why, size);
	case KEY_DELAY_WARNING:
		return set_duration("delay-warning", value,
		    &o->settle.delay_warning, why, size);
	default:
		return set_common(key, value, why, size);
	}
}

int
said_wish(char what, const char *value)
{
	static struct buf ret, envid;
	struct submission *mail = &said.mail;
	struct buf *b = what == 'N' ? &mail->wishes
	    : what == 'R'           ? &ret
				    : &envid;

	buf_reset(b);
	if (what == 'N'       ? dsn_notify(value, b)
		: what == 'R' ? dsn_ret(value, b)
			      : dsn_envid(value, b))
		return -1;
	buf_reset(&mail->params);
	buf_addf(&mail->params, "%s%s%s", buf_str(&ret),
	    ret.len && envid.len ? " " : "", buf_str(&envid));
	return 0;
}

int
said_set(int key, const char *value, char *why, size_t size)
{
	struct submission *mail = &said.mail;

	switch (key) {
	case 'f':
		said.sender = value;
		return 0;
	case 't':
		mail->collect = true;
		return 0;
	case KEY_AT:
		return date_parse(value, time(NULL), &mail->options.due)
		    ? refuse(why, size, "at", value)
		    : 0;
	case KEY_HOLD:
		mail->options.held = true;
		return 0;
	case KEY_EXPIRES:
		return set_duration(
		    "expires", value, &mail->options.life, why, size);
	case KEY_NOTIFY:
		return said_wish('N', value)
		    ? refuse(why, size, "notify", value)
		    : 0;
	case KEY_RET:
		return said_wish('R', value) ? refuse(why, size, "ret", value)
					     : 0;
	case KEY_ENVID:
		return said_wish('V', value) ? refuse(why, size, "envid", value)
					     : 0;
	case KEY_SIZE:
		return parse_size(value, &mail->size)
		    ? refuse(why, size, "size", value)
		    : 0;
	case KEY_ALLOW_EMPTY:
		mail->allow_empty = true;
		return 0;
	default:
		return set_run(key, value, why, size);
	}
}

#define RUN                                                                   \
	{"jobs", 'j', true}, {"per-host", KEY_PER_HOST, true},                \
	    {"transport", KEY_TRANSPORT, true}, {"unsure", KEY_UNSURE, true}, \
	    {"hostname", KEY_HOSTNAME, true}, {"local", KEY_LOCAL, true},     \
	    {"timeout", KEY_TIMEOUT, true},                                   \
	{                                                                     \
		"delay-warning", KEY_DELAY_WARNING, true                      \
	}

#define COMMON                                      \
	{"dir", 'd', true}, {"log", KEY_LOG, true}, \
	{                                           \
		NULL, 0, false                      \
	}

const struct option_def common_defs[] = {COMMON};
const struct option_def add_defs[] = {{"from", 'f', true},
    {"read-recipients", 't', false}, {"at", KEY_AT, true},
    {"hold", KEY_HOLD, false}, {"expires", KEY_EXPIRES, true},
    {"notify", KEY_NOTIFY, true}, {"ret", KEY_RET, true},
    {"envid", KEY_ENVID, true}, {"size", KEY_SIZE, true},
    {"allow-empty", KEY_ALLOW_EMPTY, false}, COMMON};
const struct option_def run_defs[] = {
    {"once", KEY_ONCE, false}, {"watch", KEY_WATCH, false}, RUN, COMMON};
/* Of a file alone. */
const struct option_def sendmail_defs[] = {
    {"expires", KEY_EXPIRES, true}, RUN, COMMON};
const struct option_def list_defs[] = {{"json", KEY_JSON, false}, COMMON};
const struct option_def health_defs[] = {{"older", KEY_OLDER, true}, COMMON};
