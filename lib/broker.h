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
	const char *user; /* the relays'; or NULL */
	enum log_target log;
};

/* Starts one that is nobody's child here, in a session of its own. Returns the
 * descriptor for `START' datagrams, not close-on-exec and at least 100, after
 * whose last copy is closed the broker ends; -1 with errno. */
int broker_begin(const struct broker *b);
#endif
