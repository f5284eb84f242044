/* What the parts of pop3-serve share: one session, which is a front that has
 * no rights until a login passes it on, or that has a mailbox. */
#ifndef POP3_SERVE_H
#define POP3_SERVE_H

#include <stdint.h>

#include "buf.h"
#include "conn.h"
#include "maildrop.h"
#include "peer.h"
#include "pop3d.h"
#include "starter.h"

struct session {
	struct conn conn;
	struct peer peer;
	int64_t end;  /* of the session */
	int64_t idle; /* until then a whole command must come */
	struct pop3d dialogue;
	int tls;   /* the way to it, or -1 */
	int ready; /* a relay that waits for the handshake, or -1 */
	struct starter starter; /* of a front; else its fd is -1 */
	struct buf secret;      /* of --single-user, or empty */
	const char *folder;
	struct maildrop drop;
	struct buf wire; /* of the message that is sent */
	uint64_t sent;   /* messages */
	int status;
};

/* STLS: whether there is TLS for this client just now. */
enum pop3d_answer session_ready(struct session *s);
/* The handshake, after which conn is plain inside. What is read but not taken
 * is dropped. 0, or -1: nobody is there any more. */
int session_begin_tls(struct session *s);

/* Checks the password: a front's starter does, and a session follows it; else
 * the mailbox is locked and listed, and its time begins. */
enum pop3d_answer session_log_in(struct session *s);

/* DIR of a --maildir template for a login name: $HOME at its start, %u, %d and
 * %%. NULL, with the reason said, where the name would lead elsewhere. */
char *template_fill(const char *template, const char *name);
/* Whether it is one. */
bool template_check(const char *template);

/* The events after the login. */
enum pop3d_answer maildrop_act(struct session *s, enum pop3d_event event);

#endif
