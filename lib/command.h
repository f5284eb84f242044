/* SMTP commands as a server reads them (RFC 5321 4.1.1, 2033, 3030, 3207, 3461,
 * 4954, 6531), one line at a time: verb, path and ESMTP parameters, every one
 * of them checked.
 */
#ifndef COMMAND_H
#define COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"
#include "buf.h"

#define COMMAND_NAME 255 /* octets of a HELO name */

/* Refusals that depend on what was said or offered before. */
#define COMMAND_ASCII "553 5.6.7 Non-ASCII address without SMTPUTF8"
#define COMMAND_UNKNOWN "555 5.5.4 Unknown parameter"

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
	bool international;  /* not all ASCII: only where smtputf8 was said */
	bool smtputf8;       /* of MAIL (RFC 6531) */
	bool has_size;
	uint64_t size; /* of MAIL */
	bool has_body;
	bool eight_bit;
	bool has_auth;   /* of MAIL: checked, and believed of nobody */
	bool dsn;        /* some of the following was there (RFC 3461) */
	const char *ret; /* of MAIL: FULL, HDRS or NULL */
	unsigned notify; /* of RCPT: bits of our own */
	/* In xtext, within the line; NULL where there is none. */
	const char *envid, *orcpt;
	size_t envid_size, orcpt_size;
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
/* Adds the parameters of MAIL or RCPT that stay with the message, as its
 * envelope has them (mailpipe-queue(5)). */
void command_params(const struct command *c, struct buf *out);

#endif
