/* Where one copy of a message goes, and for whom. */
#ifndef TARGET_H
#define TARGET_H

#include <stdbool.h>

#include "buf.h"
#include "maildir.h"
#include "mailboxes.h"
#include "owner.h"

/* Targets of one owner are a group; forwards belong to the spool's. */
enum { GROUP_ALL = -2, GROUP_FORWARDS = -1 };

struct target {
	enum mailbox_kind kind;
	char *place;  /* path, address or command */
	char *rcpt;   /* its Delivered-To, or NULL */
	char *staged; /* its file in tmp, put aside, or NULL */
	int group;
	struct owner owner;
};

/* Copies; end with target_free. */
void target_init(struct target *t, const struct mailbox *m, const char *rcpt);
void target_free(struct target *t);
/* Whose a maildir or mbox is; create: as in deliver_options. 0, or -1 with
 * errno. */
int target_owner(const struct target *t, bool create, struct owner *o);
/* Whether a target is there and fit; nothing but a missing maildir is made. A
 * maildir that is fit is left open in box, all else leaves box closed. 0, or
 * -1 with errno. */
int target_look(const struct target *t, bool create, struct maildir *box);
/* The fields that go on top for it; sender NULL: none. */
void target_top(const struct target *t, const char *sender, struct buf *out);

#endif
