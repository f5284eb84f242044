/* A handler in a table: a shell command that is given one message for one
 * recipient, as `COMMAND -f SENDER -- RCPT` with the message as its input and
 * MAIL_ID and MAIL_SIZE in its environment. */
#ifndef HANDLER_H
#define HANDLER_H

#include <stdbool.h>

#include "buf.h"

struct handler {
	const char *command;
	const char *sender; /* "" is <> */
	const char *rcpt;   /* NULL: none */
	const char *mail_id;
	const char *const *env; /* further "NAME=value", NULL-ended, or NULL */
	unsigned seconds;       /* until it is ended: 75 */
	int keep;               /* a descriptor it inherits as it is, or 0 */
	bool exact;             /* 126 and 127 as they are, not 75 */
};

/* Runs it on all of body, a file whose offset is moved. Its exit code, 75 where
 * it cannot be run; line as in child_run. */
int handler_run(const struct handler *h, int body, struct buf *line);

#endif
