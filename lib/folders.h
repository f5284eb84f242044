/* The folders of an IMAP account that are to be fetched: what they are called
 * there, on disk and to people, and what STATUS says of them. */
#ifndef FOLDERS_H
#define FOLDERS_H

#include <stdbool.h>
#include <stddef.h>

#include "imapwire.h"

struct folders_entry {
	char *name; /* n octets, as the server writes it; "INBOX" in capitals */
	size_t n;
	char separator;
	char *quoted; /* for commands; NULL: no command can hold it */
	char *shown;  /* for people */
	char *disk;   /* behind DIR/, "" for INBOX; NULL before folders_place */
	struct imap_counts counts; /* 0 where not known */
	bool again;                /* an entry before it is the same, */
	bool clash;                /* or has the same place on disk */
};

struct folders {
	struct folders_entry *list;
	size_t n, cap;
	size_t octets; /* of all names */
};

void folders_add(struct folders *l, const char *name, size_t n, char separator);
/* Adds the folders of the account that can be selected, or with all unset asks
 * only how those that are there are separated; then what STATUS says. Waits for
 * the answers to all that was asked before. 0; else *code and wire->why, or for
 * a refusal why, tell. */
int folders_list(struct folders *l, struct imapwire *w, bool all, int *code);
/* Names the places on disk. */
void folders_place(struct folders *l);
void folders_free(struct folders *l);

#endif
