/* The lines of a mailbox table (mailpipe-mailboxes(5)): a key, blanks, a
 * target. What is read has been checked line by line. */
#ifndef TABLE_H
#define TABLE_H

#include <stdbool.h>
#include <stddef.h>

enum mailbox_kind {
	MAILBOX_MAILDIR,
	MAILBOX_MBOX,
	MAILBOX_FORWARD,
	MAILBOX_PROGRAM
};

struct table; /* opaque: the file in memory */

/* Octets of the table, as they are in it. */
struct span {
	const char *s;
	size_t n;
};

/* Start from zeros. */
struct table_line {
	struct span key, target;
	unsigned number;
	const char *end; /* where the next line begins */
};

/* Reads FILE once; one that others may write is refused. NULL with the reason
 * in why and in errno, EINVAL for what the file says or is. table_load leaves
 * what the lines say to the caller. */
struct table *table_read(const char *file, char *why, size_t size);
struct table *table_load(const char *file, char *why, size_t size);
void table_free(struct table *t);
/* The next line that says something, or false. */
bool table_next(const struct table *t, struct table_line *l);
/* What a target is, by its first and last octet. */
enum mailbox_kind table_kind(struct span target);

#endif
