#include "target.h"

#include <stdlib.h>
#include <string.h>

#include "mbox.h"

void
target_init(struct target *t, const struct mailbox *m, const char *rcpt)
{
	*t = (struct target){.kind = m->kind,
	    .place = xstrdup(m->target),
	    .rcpt = rcpt ? xstrdup(rcpt) : NULL};
}

void
target_free(struct target *t)
{
	free(t->place);
	free(t->rcpt);
	free(t->staged);
}

int
target_owner(const struct target *t, bool create, struct owner *o)
{
	enum owner_kind kind = OWNER_FOLDER;

	if (t->kind == MAILBOX_MBOX)
		kind = create ? OWNER_FILE : OWNER_MAILBOX;
	return owner_of(t->place, kind, o);
}

int
target_look(const struct target *t, bool create, struct maildir *box)
{
	*box = (struct maildir){-1, -1, -1, -1};
	if (t->kind == MAILBOX_MBOX)
		return mbox_check(t->place);
	if (t->kind == MAILBOX_MAILDIR)
		return maildir_open(box, t->place, create);
	return 0;
}

void
target_top(const struct target *t, const char *sender, struct buf *out)
{
	if (!sender || !t->rcpt)
		return;
	if (t->kind == MAILBOX_MAILDIR || t->kind == MAILBOX_MBOX)
		buf_addf(out, "Return-Path: <%s>\n", sender);
	buf_addf(out, "Delivered-To: %s\n", t->rcpt);
}
