/* Keeps the rights of a session that itself has none, and runs what the options
 * say for it (DESIGN 7): forked before the session reads its first byte, it
 * takes requests over a socketpair and ends when the session does. The session
 * is not trusted: it chooses data, never a command or an option. */
#ifndef STARTER_H
#define STARTER_H

#include <stddef.h>
#include <sys/types.h>

#include "buf.h"

struct starter {
	int fd; /* the session's end; -1 when there is none */
	pid_t pid;
};

/* What may be run, nothing else ever is. All of it is borrowed until the
 * starter has begun. */
struct starter_config {
	char *const *handler;     /* a command, NULL-ended; NULL: none */
	const char *auth;         /* a checkpassword CMD; NULL: none */
	const char *rcpt_check;   /* a CMD that judges recipients; NULL: none */
	char *const *session;     /* what CMD runs for a login; NULL: none */
	unsigned seconds;         /* the handler's time; 0: no limit */
	unsigned rcpt_seconds;    /* that of rcpt_check, likewise */
	const struct owner *user; /* who the handler runs as; NULL: we */
};

/* Forks: the starter is a child of the caller. 0, or -1 with errno. */
int starter_begin(struct starter *s, const struct starter_config *c);
/* Forks the other way round: the caller goes on in the child, and the process
 * that it was stays behind as the starter, with its pid, until that child and
 * the session that a login has become are gone; it hands signals that end it on
 * to both, and its exit status is theirs. For both kinds fd 0 and 1 are no
 * longer open in the starter. 0, or -1 with errno and no child. */
int starter_behind(struct starter *s, const struct starter_config *c);
/* Runs HANDLER -f SENDER -- RCPT... with body as fd 0 and env ("NAME=value")
 * added. The exit code, 75 where the starter is gone; line as in child_run.
 * rcpts and env are NULL-ended, a million octets together at most. */
int starter_handle(struct starter *s, const char *sender, char *const rcpts[],
    const char *const env[], int body, struct buf *line);
/* Runs RCPT_CHECK SENDER RCPT with env added; code and line as above. */
int starter_rcpt(struct starter *s, const char *sender, const char *rcpt,
    const char *const env[], struct buf *line);
/* Runs CMD true with the pair on fd 3: 0 right, 1 wrong, else 75. */
int starter_check(struct starter *s, const char *name, const char *password);

/* Runs CMD SESSION... with the pair, the wire and what was read ahead of it,
 * up to REQUEST_AHEAD octets (checker.h). 0: the session has the wire, it alone
 * may use it from here on; 1 wrong, else 75. */
struct starter_login {
	const char *name, *password;
	int in, out; /* the wire */
	const void *ahead;
	size_t n;
};
int starter_login(struct starter *s, const struct starter_login *l);

/* Closes and, where it is a child, reaps. */
void starter_end(struct starter *s);

#endif
