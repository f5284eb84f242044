/* The world that a subject lives in: its messages, folders, the servers and
 * clients that it talks to. */
#ifndef WORLD_H
#define WORLD_H

#include <stdarg.h>
#include <sys/types.h>

#include "walker.h"

#define LARGE 70000 /* more than one block */
#define SMALL 400

/* Message OLD is there from the start, FIRST is the one that the faults meet,
 * NEXT comes after it; a maildrop holds the others beside FIRST. */
enum text { OLD, FIRST, NEXT, SECOND, THIRD, TEXTS };

/* Shared with the server and the clients, which are processes of their own. */
struct state {
	char text[TEXTS][LARGE + 256];
	volatile enum protocol { SMTP, POP3, IMAP } protocol;
	/* The maildrop: what it holds, and what it was told to forget. */
	volatile bool held[TEXTS], told[TEXTS];
	volatile int taken; /* messages that the SMTP server accepted */
	/* What a client has seen; noted: of FIRST, for each recipient. */
	volatile int accepted, refused, marked, quit;
	volatile bool noted[RCPTS];
};
extern struct state *state;
extern const char *const rcpts[RCPTS];
#define EACH 2 /* of them are LMTP's */

/* message.c: fills in the counts of seen. */
void message_judge(const char *data, size_t n, struct seen *seen);

/* world.c: a name in the world is good until the next. */
const char *in_world(const char *name);
void put(const char *name, const char *data);

/* queue.c: the spooled messages, FIRST and NEXT. */
void queue_fill(void);
void queue_next(bool acked);
bool queue_is_settled(void); /* of these two */
bool queue_is_empty(void);   /* of reports too */

/* look.c */
char *slurp(const char *path, size_t *n);
void look(const struct subject *s, struct seen *seen);

/* Lines on a socket: wire.c. What is said goes out before waiting for input. */
struct wire {
	int fd;
	char in[8192], out[8192];
	size_t at, n, len;
};
/* Without its CR LF; false at the end. */
bool wire_line(struct wire *w, char *line, size_t room);
void wire_say(struct wire *w, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void wire_text(struct wire *w, const char *text, bool stuff);
void wire_octets(struct wire *w, const char *data, size_t n);
void wire_flush(struct wire *w);

/* client.c: each talks to the subject on fd, and does not return. */
_Noreturn void client_smtp(int fd, const char *text);
_Noreturn void client_bdat(int fd, const char *text);
_Noreturn void client_lmtp(int fd, const char *text);
_Noreturn void client_pop3(int fd, const char *text);

/* server.c: one process for the whole walk, which serves a connection at a
 * time; serve_* are its dialogues. */

#define DROP 4
extern const int order[DROP]; /* of the texts of a maildrop */
size_t octets(int text);      /* on the wire */
void server_settle(void); /* waits until what was sent to it is served */
void serve_smtp(struct wire *w);
void serve_pop3(struct wire *w);
void serve_imap(struct wire *w);

#endif
