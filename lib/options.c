#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "buf.h"
#include "log.h"
#include "options.h"
#include "verdict.h"

#define FILE_MAX (1 << 20)

/* What a value may point to lives here until the program ends. */
static struct kept {
	struct kept *next;
	char *text;
} * kept;

static const char *
keep(const char *text)
{
	struct kept *k = xrealloc(NULL, sizeof *k);

	k->text = xstrdup(text);
	k->next = kept;
	kept = k;
	return k->text;
}

static _Noreturn void
print(const char *text)
{
	size_t n = strlen(text);
	ssize_t w;

	for (; n > 0; text += w, n -= (size_t)w) {
		w = write(STDOUT_FILENO, text, n);
		if (w < 0 && errno == EINTR)
			w = 0;
		if (w < 0)
			log_die(
			    EX_TEMPFAIL, "write stdout: %s", strerror(errno));
	}
	exit(close(STDOUT_FILENO) == 0 ? EX_OK : EX_TEMPFAIL);
}

static _Noreturn void
print_version(const struct options *o)
{
	struct buf b = BUF_INIT;

	buf_addf(&b, "%s (mailpipe) %s\n", o->program, VERSION);
	print(buf_str(&b));
}

static const struct option_def *
find_name(const struct options *o, const char *name)
{
	const struct option_def *d;

	for (d = o->defs; d->name; d++)
		if (strcmp(d->name, name) == 0)
			return d;
	return NULL;
}

/* "name value", blanks around both dropped. 0, or -1 with the reason. */
static int
file_line(const struct options *o, char *line, char *why, size_t size)
{
	const struct option_def *d;
	size_t n;

	n = strlen(line);
	while (n > 0 && isspace((unsigned char)line[n - 1]))
		line[--n] = '\0';
	line += strspn(line, " \t");
	if (*line == '\0' || *line == '#')
		return 0;
	n = strcspn(line, " \t");
	char *value = line + n + strspn(line + n, " \t");
	line[n] = '\0';
	d = find_name(o, line);
	if (!d)
		snprintf(why, size, "unknown option `%s'", line);
	else if (d->value && *value == '\0')
		snprintf(why, size, "`%s' needs a value", line);
	else if (!d->value && *value != '\0')
		snprintf(why, size, "`%s' takes no value", line);
	else
		return o->set(d->key, d->value ? keep(value) : NULL, why, size);
	return -1;
}

/* A pipe could keep us, a device has no end. NULL: it is not there, and need
 * not be. */
static FILE *
open_file(const char *path, bool needed, int code)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	FILE *f;

	if (fd < 0 && errno == ENOENT && !needed)
		return NULL;
	if (fd >= 0 && fstat(fd, &st) == 0 &&
	    (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX))
		log_die(code, "%s: no file of at most 1 MiB", path);
	if (fd < 0 || !(f = fdopen(fd, "r")))
		log_die(verdict_exit_of_errno(errno, code), "%s: %s", path,
		    strerror(errno));
	return f;
}

static void
read_file(const struct options *o, const char *path, bool needed)
{
	int code = o->misuse ? o->misuse : EX_CONFIG;
	char *line = NULL, why[256] = "";
	size_t size = 0;
	ssize_t n;
	FILE *f = open_file(path, needed, code);

	if (!f)
		return;
	for (unsigned long number = 1; (n = getline(&line, &size, f)) >= 0;
	     number++) {
		if (memchr(line, '\0', (size_t)n))
			log_die(code, "%s:%lu: NUL in the line", path, number);
		if (file_line(o, line, why, sizeof why) < 0)
			log_die(code, "%s:%lu: %s", path, number, why);
	}
	/* A line may also lack the memory for it. */
	if (!feof(f))
		log_die(verdict_exit_of_errno(errno, code), "%s: %s", path,
		    strerror(errno));
	free(line);
	fclose(f);
}

void
options_file(const struct options *o, const char *path)
{
	read_file(o, path, false);
}

enum { KEY_CONFIG = 0x10000, KEY_HELP, KEY_VERSION };

/* Our defs as getopt_long wants them; letters gets the short ones. */
static struct option *
getopt_table(const struct options *o, struct buf *letters)
{
	size_t n = 0;
	struct option *t;

	while (o->defs[n].name)
		n++;
	t = xrealloc(NULL, (n + 4) * sizeof *t);
	/* '+': stop at the first operand; ':': tell what misses its value. */
	buf_adds(letters, o->plus ? ":hV" : "+:hV");
	for (size_t i = 0; i < n; i++) {
		const struct option_def *d = &o->defs[i];

		t[i] = (struct option){d->name, d->value, NULL, d->key};
		if (d->key < 256)
			buf_addf(letters, "%c%s", d->key, d->value ? ":" : "");
	}
	t[n] = (struct option){"config", required_argument, NULL, KEY_CONFIG};
	t[n + 1] = (struct option){"help", no_argument, NULL, KEY_HELP};
	t[n + 2] = (struct option){"version", no_argument, NULL, KEY_VERSION};
	t[n + 3] = (struct option){NULL, 0, NULL, 0};
	return t;
}

/* arg is the word that getopt was at. */
static _Noreturn void
misuse(int code, int c, const char *arg)
{
	const char *what = c == ':' ? "needs a value" : "unknown option";

	if (strncmp(arg, "--", 2) == 0 && c == '?' && optopt != 0)
		log_die(code, "%s: takes no value", arg);
	if (strncmp(arg, "--", 2) == 0)
		log_die(code, "%s: %s (try --help)", arg, what);
	log_die(code, "-%c: %s (try --help)", optopt, what);
}

int
options_parse(const struct options *o, int argc, char *argv[])
{
	struct buf letters = BUF_INIT;
	struct option *table = getopt_table(o, &letters);
	int code = o->misuse ? o->misuse : EX_USAGE, c;
	char why[256] = "";

	opterr = 0;
	optind = 0; /* glibc: start afresh, a second argv too */
	while ((c = getopt_long(argc, argv, buf_str(&letters), table, NULL)) !=
	    -1) {
		if (c == '?' || c == ':')
			misuse(code, c, argv[optind - 1]);
		else if (c == 'h' || c == KEY_HELP)
			print(o->usage);
		else if (c == 'V' || c == KEY_VERSION)
			print_version(o);
		else if (c == KEY_CONFIG)
			read_file(o, optarg, true);
		else if (o->set(c, optarg, why, sizeof why) < 0)
			log_die(code, "%s", why);
	}
	free(table);
	buf_free(&letters);
	return optind;
}
