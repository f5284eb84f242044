/* The IMAP engine over a dialled connection: commands out, events in, each
 * within its time. */
#ifndef IMAPWIRE_H
#define IMAPWIRE_H

#include <stdint.h>

#include "imap.h"
#include "wire.h"

struct imapwire {
	struct wire line; /* set dial (imapwire_close closes it), timeout and
			     verbose */
	struct imap imap; /* what an event brings is here */
	char why[IMAP_TEXT + 64]; /* after -1 */
};

/* Queues a command; needs room, see imap_ask. */
void imapwire_ask(struct imapwire *w, enum imap_verb verb, uint32_t number,
    const char *arguments);
/* Sends what is queued and waits for the next event, never IMAP_MORE,
 * IMAP_OTHER, IMAP_BYE or IMAP_BROKEN. -1 when the connection is of no more
 * use, with why, and in *code 75 when it was lost, 76 where that was no IMAP.
 */
int imapwire_next(struct imapwire *w, int *code);
void imapwire_close(struct imapwire *w);

#endif
