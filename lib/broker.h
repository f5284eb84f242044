/* The process that holds the keys, and starts a relay for each session that
 * asks (FORMATS 5). */
#ifndef BROKER_H
#define BROKER_H

#include <stddef.h>

#include "log.h"
#include "tls.h"

struct broker {
	const struct tls_files *files;
	size_t count;
	const char *user; /* the relays', as owner_named has it; or NULL */
	enum log_target log;
	int requests; /* its end of the pair */
};

/* Makes the pair. Returns the servers' end, for lib/starttls, 100 or above and
 * not close-on-exec; -1 with errno. Requests may be sent from then on. */
int broker_open(struct broker *b);
/* Starts the broker, in a session of its own, where no wait finds it. It ends
 * when no copy of the servers' end is left, so the caller is to execute the
 * server or end. It uses 50 ms of quiet or a request to read what it needs. 0,
 * or -1 with errno. */
int broker_fork(const struct broker *b);

#endif
