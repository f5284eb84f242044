/* What becomes of a queued message once it was tried: its failures are
 * reported, then it is removed, buried, held or given its next time. */
#ifndef SETTLE_H
#define SETTLE_H

#include <stdbool.h>
#include <stdint.h>

#include "entry.h"

struct settle_options {
	const char *hostname;
	bool hold_unsure;       /* an unsure recipient is not retried */
	uint64_t delay_warning; /* seconds; 0: none */
};

/* Whether this recipient is to be tried. */
bool settle_wants(const struct settle_options *o, const struct entry_rcpt *r);
/* Of a claimed message, which stays claimed. A report is durable before the
 * recipient is marked as reported; the null sender gets none, and the message
 * goes to dead/. 0, or -1 with errno: then it stays as it is, due. */
int settle(struct queue *q, struct entry *e, const struct settle_options *o);

#endif
