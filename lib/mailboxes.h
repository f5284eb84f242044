/* The mailbox table: who has a mailbox, and what it is (FORMATS 4,
 * mailpipe-mailboxes(5)). */
#ifndef MAILBOXES_H
#define MAILBOXES_H

#include <stdbool.h>
#include <stddef.h>

#include "address.h"
#include "reach.h"
#include "table.h"

struct mailboxes;

/* Reads FILE once; one that others may write is refused. NULL with the reason
 * in why and in errno, EINVAL for what the file says or is. locals: the domains
 * of `user` keys and `local` answers, NULL-ended; NULL itself: every domain is
 * local. */
struct mailboxes *mailboxes_read(
    const char *file, const char *const *locals, char *why, size_t size);
void mailboxes_free(struct mailboxes *t);

struct mailbox {
	enum mailbox_kind kind;
	char *target; /* path, address or command, %u %d %e filled in */
};

/* Looks an address up. 0 and *m filled (free with mailbox_free); else the exit
 * code that says why: 67 no such user here, 77 foreign domain, 65 an address
 * that could escape its folder, 75 folder missing or trouble looking.
 * For `%` targets the folder must exist, or it is 67. */
int mailboxes_find(
    const struct mailboxes *t, const struct address *a, struct mailbox *m);
void mailbox_free(struct mailbox *m);
/* Whether the domain is local here. */
bool mailboxes_is_local(const struct mailboxes *t, const char *domain);
/* Whether any target is a program. */
bool mailboxes_has_programs(const struct mailboxes *t);
/* Where all its maildirs and mboxes are; end with reach_free. */
void mailboxes_reach(const struct mailboxes *t, struct reach *f);

#endif
