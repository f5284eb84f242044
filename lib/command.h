/* SMTP commands as a server reads them (RFC 5321 4.1.1, 2033, 3030, 3207,
 * 4954), one line at a time: verb, path and parameters, every one of them
 * checked. */
#ifndef COMMAND_H
#define COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"
#include "params.h"

#define COMMAND_NAME 255 /* octets of a HELO name */

/* Depends on what was said before. */
#define COMMAND_ASCII "553 5.6.7 Non-ASCII address without SMTPUTF8"

enum command_verb {
	COMMAND_HELO,
	COMMAND_EHLO,
	COMMAND_LHLO,
	COMMAND_MAIL,
	COMMAND_RCPT,
	COMMAND_DATA,
	COMMAND_BDAT,
	COMMAND_RSET,
	COMMAND_NOOP,
	COMMAND_QUIT,
	COMMAND_VRFY,
	COMMAND_EXPN, /* always refused */
	COMMAND_HELP,
	COMMAND_STARTTLS,
	COMMAND_AUTH,
	COMMAND_VERBS /* how many */
};

struct command {
	enum command_verb verb;
	/* Of HELO, EHLO and LHLO: what is neither letter, digit nor one of . -
	 * _ : [ ] has become '?'. */
	char name[COMMAND_NAME + 1];
	struct address path; /* of MAIL and RCPT */
	bool international;  /* not all ASCII: only after SMTPUTF8 */
	struct params params;
	uint64_t chunk; /* of BDAT: how many octets follow its line */
	bool last;      /* no chunk follows that one */
	/* Of AUTH, within the line: the initial response is NULL where there
	 * is none, and "=" where it is empty. */
	const char *mechanism, *initial;
	size_t mechanism_size, initial_size;
};

/* Parses a line of n octets without its line end. Tolerated are blanks at the
 * end, more than one behind the verb, and one behind FROM: and TO:. NULL, or
 * the reply that refuses the line ("501 5.5.4 ...", no line end). */
const char *command_parse(struct command *c, const char *line, size_t n);

#endif
