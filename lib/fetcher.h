/* What the programs that fetch have in common: options, sink, journal, login,
 * and how they end. */
#ifndef FETCHER_H
#define FETCHER_H

#include <stdbool.h>
#include <stddef.h>

#include "dial.h"
#include "seen.h"
#include "sink.h"

struct fetcher {
	struct dial_options dialing;
	struct sink sink;
	unsigned sinks; /* named on the command line */
	bool deletes, keeps, quiet;
	int status; /* exit code */
};

enum fetcher_key {
	FETCHER_MBOX = 0x300,
	FETCHER_STDOUT,
	FETCHER_KEEP,
	FETCHER_DELETE
};

/* clang-format off */
#define FETCHER_OPTIONS \
	{"maildir", 'o', true}, {"mbox", FETCHER_MBOX, true}, \
	{"stdout", FETCHER_STDOUT, false}, {"keep", FETCHER_KEEP, false}, \
	{"delete", FETCHER_DELETE, false}, {"quiet", 'q', false}, DIAL_OPTIONS
/* clang-format on */
int fetcher_option(
    struct fetcher *f, int key, const char *value, char *why, size_t size);
/* Checks options and operands, the first of which is URL, and takes a COMMAND
 * behind it; ends the program with 64. */
void fetcher_usage(struct fetcher *f, int argc, char *argv[], int first);
/* Reads the URL, which must name a user; ends the program with 64. */
void fetcher_url(
    struct fetcher *f, struct url *t, const char *protocol, const char *text);
/* Signals and the path of commands, before the work. */
void fetcher_start(void);
/* Opens the sink. An exit code, which was said. */
int fetcher_open(struct fetcher *f);
/* Opens and settles the journal of a source and the sink, and says where it
 * is in *path (free it). NULL: that was said, and is in status. */
struct seen *fetcher_journal(
    struct fetcher *f, enum seen_kind kind, const char *source, char **path);
/* Closes both; for the program's end stdout, too. */
void fetcher_close(struct fetcher *f, struct seen *seen, const char *path);
void fetcher_end(struct fetcher *f);
/* Connects and logs in. NULL: that was said, and is in status: 77 for a login
 * that was refused for good. */
struct dial *fetcher_dial(struct fetcher *f, struct url *t);
/* Whether progress is to be shown. */
bool fetcher_shows(const struct fetcher *f);

#endif
