/* The envelope: apart from the message (RFC 5321 2.3.1). */
#ifndef ENVELOPE_H
#define ENVELOPE_H

#include <stddef.h>

#include "buf.h"

struct envelope_rcpt {
	char *address; /* path without <> */
	char *params;  /* "NOTIFY=NEVER ORCPT=..." or "" */
};

struct envelope {
	char *sender; /* path without <>, "" for the null sender */
	char *params; /* of MAIL: "BODY=8BITMIME ENVID=..." or "" */
	struct envelope_rcpt *rcpts;
	size_t n, cap;
};

#define ENVELOPE_INIT                  \
	{                              \
		NULL, NULL, NULL, 0, 0 \
	}

/* Copies its arguments. */
void
envelope_sender(struct envelope *e, const char *address, const char *params);
void envelope_rcpt(struct envelope *e, const char *address, const char *params);
/* Drops a recipient that is there twice, later ones. */
void envelope_unique(struct envelope *e);
/* Empties and frees. */
void envelope_free(struct envelope *e);

/* Who sends when -f does not say: $EMAIL, else the login name at the content
 * of /etc/mailname, else at the host name. As a mailbox for a From field,
 * which may be "Name <address>" and lack a domain; and the address alone,
 * complete. 0, or -1 when what they give is no address; out has the text in
 * both cases. */
int envelope_default_mailbox(struct buf *out);
int envelope_default_sender(struct buf *out);
/* An address without a domain gets that of /etc/mailname or the host. */
void envelope_qualify(const char *address, struct buf *out);
/* Checks -f SENDER as given ('' and <> are the null sender) and adds the path
 * without <> to out. 0 or -1. */
int envelope_parse_sender(const char *arg, struct buf *out);
/* A new MAIL_ID: 20 of [0-9a-z] from time and getrandom. */
void envelope_mail_id(char out[21]);

#endif
