/* What the parts of smtp-send share: smtp-send.c with the options and the
 * results, smtp-send-jobs.c, smtp-send-message.c and smtp-send-probe.c. */
#ifndef SMTP_SEND_H
#define SMTP_SEND_H

#include <stdbool.h>
#include <stdint.h>

#include "session.h"

#define BLOCK 65536

/* The session takes its jobs from standard input. */
void jobs_begin(struct session *c);
/* Frees what is left of it: 0, or the exit code of a fault that was named. */
int jobs_end(void);

/* The single form, as the options describe it. */
struct letter {
	const char *sender; /* NULL: the default */
	bool from_header, sized;
	uint64_t size;
};
/* Gives the session the message on standard input as its one job; ends the
 * program with a line on stderr when it cannot be sent. */
void letter_take(const struct letter *l, struct session *c, char *rcpts[]);

/* Shows on stdout what the server, or each mail host of the targets (domains or
 * addresses), says up to and with the login; sends nothing. 0 when a message
 * could be sent, else the exit code, and the reason on stderr. */
int probe(struct hop *h, const struct dial_options *o, char *const targets[]);

#endif
