#include "fetcher.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "atomic.h"
#include "child.h"
#include "log.h"
#include "verdict.h"

static void
set_sink(struct fetcher *f, enum sink_kind kind, const char *path)
{
	f->sink.kind = kind;
	f->sink.path = path;
	f->sinks++;
}

int
fetcher_option(
    struct fetcher *f, int key, const char *value, char *why, size_t size)
{
	switch (key) {
	case 'o':
		set_sink(f, SINK_MAILDIR, value);
		return 0;
	case FETCHER_MBOX:
		set_sink(f, SINK_MBOX, value);
		return 0;
	case FETCHER_STDOUT:
		set_sink(f, SINK_STDOUT, NULL);
		return 0;
	case FETCHER_KEEP:
		f->keeps = true;
		return 0;
	case FETCHER_DELETE:
		f->deletes = true;
		return 0;
	case 'q':
		f->quiet = true;
		return 0;
	default:
		return dial_option(&f->dialing, key, value, why, size);
	}
}

void
fetcher_usage(struct fetcher *f, int argc, char *argv[], int first)
{
	if (first == argc)
		log_die(EX_USAGE, "no URL; see --help");
	if (first + 1 < argc) {
		if (strcmp(argv[first + 1], "--") != 0 || first + 2 == argc)
			log_die(EX_USAGE,
			    "unexpected `%s': URL comes last, or "
			    "before -- COMMAND",
			    argv[first + 1]);
		set_sink(f, SINK_COMMAND, NULL);
		f->sink.command = argv + first + 2;
	}
	if (f->sinks != 1)
		log_die(EX_USAGE,
		    "one of -o, --mbox, --stdout and -- COMMAND "
		    "is needed");
	if (f->keeps && f->deletes)
		log_die(EX_USAGE, "--keep and --delete exclude each other");
	if (f->deletes && !sink_is_durable(&f->sink))
		log_die(EX_USAGE,
		    "--delete with --stdout needs stdout to be a "
		    "file: a pipe keeps nothing");
}

void
fetcher_url(
    struct fetcher *f, struct url *t, const char *protocol, const char *text)
{
	char why[512];

	if (url_parse(t, protocol, text, f->dialing.tls, why, sizeof why) < 0)
		log_die(EX_USAGE, "%s", why);
	if (!t->user)
		log_die(EX_USAGE, "`%s' names no user", text);
}

void
fetcher_start(void)
{
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	atomic_on_term();
	child_path();
}

int
fetcher_open(struct fetcher *f)
{
	int code = sink_open(&f->sink);

	if (code)
		log_error("open %s: %s",
		    f->sink.path ? f->sink.path : "a temporary file",
		    strerror(errno));
	f->status = verdict_worst(f->status, code);
	return code;
}

static bool
is_there(const char *name, void *arg)
{
	return sink_has(arg, name);
}

struct seen *
fetcher_journal(
    struct fetcher *f, enum seen_kind kind, const char *source, char **path)
{
	char *name = sink_name(&f->sink);
	struct seen *seen;

	*path = NULL;
	if (!name) {
		log_error("open %s: %s", f->sink.path, strerror(errno));
		f->status = EX_TEMPFAIL;
		return NULL;
	}
	seen = seen_open(kind, source, name, path);
	free(name);
	if (seen && seen_settle(seen, is_there, &f->sink) == 0)
		return seen;
	if (!seen && errno == EAGAIN)
		log_error("journal %s: another fetcher has it", *path);
	else
		log_error("journal %s: %s", *path ? *path : "(no HOME)",
		    errno == EBADMSG ? "it is none" : strerror(errno));
	if (seen)
		seen_close(seen);
	f->status = EX_TEMPFAIL;
	return NULL;
}

void
fetcher_close(struct fetcher *f, struct seen *seen, const char *path)
{
	if (seen && seen_close(seen) < 0) {
		log_error("write %s: %s", path, strerror(errno));
		f->status = verdict_worst(f->status, EX_TEMPFAIL);
	}
	sink_close(&f->sink);
}

void
fetcher_end(struct fetcher *f)
{
	if (f->sink.kind == SINK_STDOUT && close(STDOUT_FILENO) < 0) {
		log_error("write stdout: %s", strerror(errno));
		f->status = verdict_worst(f->status, EX_TEMPFAIL);
	}
}

/* A login that is refused for now: RFC 2449 8, 3206, 5530. */
static bool
is_refused(const char *text)
{
	static const char *const later[] = {"[IN-USE]", "[LOGIN-DELAY]",
	    "[SYS/TEMP]", "[UNAVAILABLE]", "[INUSE]", "[LIMIT]", "[SERVERBUG]"};

	if (strncmp(text, "+ ", 2) == 0)
		return true; /* a token, in a challenge */
	if (strncmp(text, "-ERR", 4) == 0)
		text += 4;
	else {
		text += strcspn(text, " ");
		if (strncmp(text, " NO", 3) != 0)
			return false;
		text += 3;
	}
	for (size_t i = 0; i < sizeof later / sizeof *later; i++)
		if (*text && strncmp(text + 1, later[i], strlen(later[i])) == 0)
			return false;
	return true;
}

struct dial *
fetcher_dial(struct fetcher *f, struct url *t)
{
	struct reply why;
	int code;
	struct dial *d = dial_open(t, &f->dialing, &why, &code);

	if (d)
		return d;
	log_error("connect %s: %s", t->name, why.text);
	if (code == EX_TEMPFAIL && is_refused(why.text))
		code = EX_NOPERM;
	f->status = code;
	return NULL;
}

bool
fetcher_shows(const struct fetcher *f)
{
	return !f->quiet && !f->dialing.verbose && isatty(STDERR_FILENO);
}
