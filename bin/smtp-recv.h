/* What the parts of smtp-recv share: the files that say who is who, which a
 * listener reads anew for a session when they have changed. */
#ifndef SMTP_RECV_H
#define SMTP_RECV_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "mailboxes.h"
#include "routes.h"
#include "senders.h"

/* Start from the names; what is NULL is not there. */
struct tables {
	const char *mailboxes_file, *senders_file;
	const char *spool;         /* whose routes count */
	const char *const *locals; /* for mailboxes */
	bool deliver;              /* into them, so reach is wanted */

	struct mailboxes *mailboxes;
	struct reach reach;
	struct senders *senders;
	struct routes routes;

	struct stat seen[3];
};

/* Since the last call. */
bool tables_changed(struct tables *t);
/* 0, or -1 with the reason, and then some may be missing. */
int tables_read(struct tables *t, char *why, size_t size);

#endif
