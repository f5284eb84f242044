/* How a session begins (RFC 5321 3.1, 3.2): the greeting, EHLO or LHLO, HELO
 * where there is no EHLO. */
#ifndef HELLO_H
#define HELLO_H

#include <stdbool.h>

#include "pipeline.h"

/* Start from {0}, with lmtp, no_chunks and before set or not. */
struct hello {
	bool lmtp;
	bool no_chunks; /* are offered, whatever the server says */
	/* What an EHLO before ours was answered: it counts for a server that
	 * takes no second one (503). */
	struct esmtp_offer before;
	bool greeted, ready;
	char hostname[256];
};

/* The greeting is still to come, or not: then that server was greeted before
 * us. hostname is copied. */
void hello_begin(
    struct hello *h, struct pipeline *p, const char *hostname, bool greeting);
/* Takes the last reply, the answer to one of these. 1: ready; 0: another is
 * due; -1: the server does not want us. */
int hello_reply(struct hello *h, struct pipeline *p, enum verb verb);

#endif
