/* The process that holds the keys, and starts a relay for each session that
 * asks (FORMATS 5). */
#ifndef BROKER_H
#define BROKER_H

#include <stddef.h>

#include "tls.h"

/* The requests come on this one. */
#define BROKER_FD 3

struct broker {
	const struct tls_files *files;
	size_t count;
	const char *user; /* the relays', as owner_named has it; or NULL */
};

/* Ends when no copy of the servers' end is left and every relay has started:
 * 0, or 71 and 78 with a line of log_error. */
_Noreturn void broker_run(const struct broker *b);

#endif
