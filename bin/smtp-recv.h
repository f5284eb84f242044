/* What the parts of smtp-recv share: its options, and the files that say who is
 * who, which a listener reads anew for a session when they have changed. */
#ifndef SMTP_RECV_H
#define SMTP_RECV_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "accept.h"
#include "log.h"
#include "mailboxes.h"
#include "peer.h"
#include "routes.h"
#include "senders.h"
#include "smtpd.h"

/* What is NULL was not said. */
struct settings {
	struct smtpd_config smtp;
	struct accept_config rules;
	const char *mailboxes, *spool; /* exactly one of spool, command and, */
	char **command;                /* alone, mailboxes is where mail goes */
	const char *auth, *rcpt_check, *sender_map;
	const char *user;
	const char **listens;
	size_t listen_count;
	struct networks proxies; /* empty: no client comes through one */
	unsigned timeout;        /* seconds */
	enum log_target log_to;
	bool verbose;
};

/* Those of the command line, which fit together, or the end of the program. The
 * log is open from then on. */
const struct settings *settings_read(int argc, char *argv[]);

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

	struct stat seen[4];
};

/* Since the last call; the spool is another one, too. */
bool tables_changed(struct tables *t);
/* 0, or -1 with the reason, and then some may be missing. */
int tables_read(struct tables *t, char *why, size_t size);

#endif
