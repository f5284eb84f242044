/* What the session of each server may still do once it is confined. */
#ifndef PROFILE_H
#define PROFILE_H

#include <stdbool.h>

#include "reach.h"
#include "maildir.h"
#include "queue.h"

/* All 0, or -1 with errno, and then the session must not begin. What is open
 * stays usable; besides, each may start TLS (starttls.h). */

/* SMTP: what the session's sink needs, queue open or folders of the table. */
struct profile_smtp {
	const struct queue *queue;     /* or NULL */
	const struct reach *mailboxes; /* or NULL */
	bool command;
};
int profile_smtp(const struct profile_smtp *p);
/* POP3: nothing before the login, then reading and removing messages. */
int profile_pop3_login(void);
int profile_pop3(const struct maildir *box);

#endif
