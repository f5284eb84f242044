/* Whom a server receives mail for: local domains, the mailbox table, relaying
 * for those who may, and what becomes of source routes (RFC 5321 3.6.1, C). */
#ifndef ACCEPT_H
#define ACCEPT_H

#include <stdbool.h>
#include <stddef.h>

#include "address.h"
#include "mailboxes.h"
#include "peer.h"
#include "reply.h"
#include "routes.h"
#include "senders.h"
#include "starter.h"

enum accept_routes { ACCEPT_STRIP, ACCEPT_FOLLOW, ACCEPT_REJECT };

struct accept_config {
	const char *hostname;
	const char **locals; /* NULL-ended, or NULL for none */
	size_t local_count;
	struct networks relays; /* who may send anywhere */
	enum accept_routes source_routes;
	bool sender_map; /* a login's senders are those of a table */
};

/* 0, or -1 for a bad value. The string is borrowed. */
int accept_add_local(struct accept_config *c, const char *local);

/* A command that is asked about local recipients (--rcpt-check): by whom, from
 * whom, and what it said. */
struct accept_check {
	struct starter *starter;
	const char *sender;
	const char *const *env;
	char reply[REPLY_CHOSEN];
};

/* For one client; all is borrowed. */
struct accept {
	const struct accept_config *config;
	const struct mailboxes *table; /* NULL: everyone of a local domain */
	const struct routes *routes;   /* those of the spool, or NULL */
	const struct senders *senders; /* NULL: it cannot be read */
	bool broken;    /* table or routes cannot be read: nobody is known */
	bool may_relay; /* anywhere */
	struct accept_check *check; /* or NULL; instead of the table */
	bool delivers;              /* m is needed, where check accepts */
};

/* Judges the sender of a login, "" being nobody's: the reply that refuses it,
 * or NULL. */
const char *accept_sender(
    const struct accept *a, const char *login, const struct address *sender);
/* Judges a recipient. A reply that starts with 2 accepts it: then its route is
 * as it shall be kept, and m (free with mailbox_free) has the table's answer
 * or a NULL target. */
const char *
accept_rcpt(const struct accept *a, struct address *path, struct mailbox *m);

#endif
