/* tls-broker: the part of tls-serve that holds the keys. Reads requests of
 * servers on descriptor 3 and starts a relay for each; ends with the last of
 * those that can ask. */
#include <sysexits.h>

#include "broker.h"
#include "buf.h"
#include "log.h"
#include "options.h"
#include "starttls.h"

static struct broker broker;
static enum log_target target = LOG_TO_STDERR;

static const char usage[] =
    "usage: tls-broker [--user NAME] [--log WHERE] CERT KEY [CERT KEY]...\n"
    "Holds the keys for tls-serve, which starts it. Requests are read on\n"
    "descriptor 3.\n"
    "\n"
    "  --user NAME    whom the processes become that talk to clients\n"
    "  --log WHERE    stderr, syslog or none\n"
    "  --config FILE  long options, one a line\n"
    "  -h, --help     this\n"
    "  -V, --version  the version\n";

enum { USER = 0x300, LOG };

static const struct option_def option_defs[] = {
    {"user", USER, true},
    {"log", LOG, true},
    {NULL, 0, false},
};

static int
set(int key, const char *value, char *why, size_t size)
{
	if (key == LOG)
		return log_target(value, &target, why, size);
	broker.user = value;
	return 0;
}

static struct tls_files *
files_of(char *const names[], size_t n)
{
	struct tls_files *files = xrealloc(NULL, n * sizeof *files);

	for (size_t i = 0; i < n; i++)
		files[i] = (struct tls_files){names[2 * i], names[2 * i + 1]};
	return files;
}

int
main(int argc, char *argv[])
{
	const struct options options = {.defs = option_defs,
	    .set = set,
	    .usage = usage,
	    .program = "tls-broker"};
	int first = options_parse(&options, argc, argv);

	if (first == argc || (argc - first) % 2 != 0)
		log_die(EX_USAGE, "which files? CERT KEY [CERT KEY]...");
	if (!starttls_is_way(BROKER_FD))
		log_die(EX_USAGE, "descriptor 3 is not tls-serve's");
	/* People know tls-serve. */
	log_open("tls-serve", target);
	broker.count = (size_t)(argc - first) / 2;
	broker.files = files_of(argv + first, broker.count);
	broker_run(&broker);
}
