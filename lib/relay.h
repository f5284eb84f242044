/* One session of TLS: the peer's encrypted stream on one side, the server's
 * plain one on the other, in a process of its own. */
#ifndef RELAY_H
#define RELAY_H

#include <stdbool.h>

#include "owner.h"
#include "tls.h"

struct relay {
	struct tls *tls;
	const struct owner *user; /* whom it becomes; NULL: nobody else */
	int wire, plain;          /* sockets */
	bool told; /* the server says when, and is told what became of
		      it; else the plain stream is all plain */
};

/* Gives up what it does not need, shakes hands (30 s at most), and copies until
 * either side is gone. Never returns. */
_Noreturn void relay_run(const struct relay *r);

#endif
