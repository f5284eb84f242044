/* Long and short options, and --config FILE, which holds the long ones. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

struct option_def {
	const char *name; /* long, without dashes */
	int key;          /* the short letter, or any int above 255 */
	bool value;       /* it takes one */
};

struct options {
	const struct option_def *defs; /* ended by a NULL name */
	/* Takes an option; returns 0, or -1 with the reason in why. The value
	 * (NULL without one) lives as long as the program. */
	int (*set)(int key, const char *value, char *why, size_t size);
	const char *usage; /* for -h, whole screen */
	const char *program;
	bool plus;  /* set by the program when it takes no `-- COMMAND`
		       and options may follow operands */
	int misuse; /* exits so instead of 64 and 78; 0: no */
};

/* Knows -h, -V and --config besides the program's own; -h and -V print and
 * exit 0 (75 when stdout fails). Options end at `--` or the first operand.
 * Returns the index of the first operand, or ends the program: one line on
 * stderr, 64 for the command line, 78 for a file ("FILE:LINE: ..."). */
int options_parse(const struct options *o, int argc, char *argv[]);

/* Reads a file as --config does; one that is missing says nothing. */
void options_file(const struct options *o, const char *path);

#endif
