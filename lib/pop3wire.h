/* The POP3 engine over a dialled connection: commands out, events in, each
 * within its time. */
#ifndef POP3WIRE_H
#define POP3WIRE_H

#include <stdint.h>

#include "pop3.h"
#include "wire.h"

struct pop3wire {
	struct wire line; /* set dial (pop3wire_close closes it), timeout and
			     verbose */
	struct pop3 pop;  /* what an event brings is here */
	char why[POP3_LINE + 64]; /* after -1 */
};

/* Queues a command; needs room, see pop3_ask. */
void pop3wire_ask(struct pop3wire *w, enum pop3_verb verb, uint32_t number);
/* Sends what is queued and waits for the next event, never POP3_MORE or
 * POP3_BROKEN. -1 when the connection is of no more use, with why, and in
 * *code 75 when it was lost, 76 where that was no POP3. */
int pop3wire_next(struct pop3wire *w, int *code);
void pop3wire_close(struct pop3wire *w);

#endif
