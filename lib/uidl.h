/* What a POP3 server lists: message numbers and their unique-ids (RFC 1939 7),
 * as a journal can keep them. */
#ifndef UIDL_H
#define UIDL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct uidl_message {
	uint32_t number;
	char *uid; /* NULL where the server gives none */
	/* after uidl_compare: another message has the same, one behind it */
	bool shared, followed;
	bool wanted; /* the caller's */
};

struct uidl {
	struct uidl_message *messages; /* numbers ascend */
	size_t n, cap;
};

/* Adds a message; n is 0 where the server gives no unique-id. What is none by
 * RFC 1939 becomes its hash. */
void uidl_add(struct uidl *u, uint32_t number, const char *uid, size_t n);
/* Finds out which unique-ids are shared: copies may, and careless servers let
 * other messages do so. */
void uidl_compare(struct uidl *u);
/* The message with that number; NULL for none. */
struct uidl_message *uidl_find(const struct uidl *u, uint32_t number);
void uidl_free(struct uidl *u);

#endif
