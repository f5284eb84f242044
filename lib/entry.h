/* One message of the queue: its envelope, its marks, and what may be done to
 * it by who has claimed it (FORMATS 1, mailpipe-queue(5)). */
#ifndef ENTRY_H
#define ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "queue.h"

/* Marks of a recipient. */
#define ENTRY_PENDING '.'
#define ENTRY_WARNED 'w' /* pending, and the sender knows */
#define ENTRY_ACCEPTED '+'
#define ENTRY_FAILED '-' /* not yet reported */
#define ENTRY_REPORTED '!'
#define ENTRY_UNSURE '?'
/* Accepted, and the sender is to be told so: by a next hop that tells nobody,
 * or at its end. */
#define ENTRY_RELAYED 'r'
#define ENTRY_DELIVERED 'd'
#define ENTRY_MARKS ".w+-!?rd"

struct entry_rcpt {
	char mark;
	int code; /* 0: none */
	char text[QUEUE_TEXT + 1];
	const char *address, *params;
	off_t at; /* of the mark in the file */
};

struct entry {
	struct qname name;
	int fd;
	ino_t inode;
	time_t created, expires;
	unsigned tries;
	const char *mail_id, *origin;
	const char *sender, *params;
	struct entry_rcpt *rcpts;
	size_t n;
	uint64_t offset, size; /* of the message in fd */
	char *head;            /* what the strings point into */
};

/* Opens and checks the message n in folder (q->queue or dead/), read only. 0;
 * -1 with errno: EBADMSG for a corrupt one, ENOENT when it is gone. */
int entry_open(int folder, const struct qname *n, struct entry *e);
/* The same by ID, in queue/ or dead/. */
int entry_find(struct queue *q, const char *id, struct entry *e);
void entry_close(struct entry *e);

/* Claims, then looks again: the name still gives this inode. q->lock is open.
 * 0; -1 with errno EAGAIN (another has it), ENOENT, EBADMSG. The claim lives
 * until entry_release, or until this process and all to whom it left q->lock
 * have ended. */
int entry_claim(struct queue *q, const struct qname *n, struct entry *e);
void entry_release(struct queue *q, struct entry *e);

/* Overwrites mark, code and text of recipient i, durable. Text is escaped and
 * cut. 0, or -1 with errno. */
int
entry_mark(struct entry *e, size_t i, char mark, int code, const char *text);
/* The same in memory alone, when the message is removed right after. */
void
entry_note(struct entry *e, size_t i, char mark, int code, const char *text);
int entry_tries(struct entry *e, unsigned tries);
/* The caller of these two syncs q->queue before it counts on them. New due
 * time and state by rename; e->name follows. */
int entry_rename(struct queue *q, struct entry *e, long long due, char state);
int entry_remove(struct queue *q, struct entry *e);
/* Moves it to dead/. */
int entry_bury(struct queue *q, struct entry *e);

/* Whether it is neither delivered nor failed; an unsure one is open. */
bool entry_is_open(const struct entry_rcpt *r);

#endif
