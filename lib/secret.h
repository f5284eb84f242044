/* Passwords, from where they belong: never from argv or the environment. */
#ifndef SECRET_H
#define SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

#define SECRET_SECONDS 60 /* what any of them but the terminal may take */

/* Each adds the secret to out, without its line end, and returns 0; or -1 with
 * the reason in why, naming the file or command. */

/* The first line that a command writes. */
struct secret_command {
	const char *command;    /* by /bin/sh */
	char *user;             /* its "$1" */
	const char *const *env; /* "NAME=value"..., NULL-ended, or NULL */
	unsigned seconds;       /* at most SECRET_SECONDS; 0: these */
};
int secret_command(
    const struct secret_command *c, struct buf *out, char *why, size_t size);
/* The first line of a file; a relative name is sought in
 * $CREDENTIALS_DIRECTORY where that is set. One that others may write is
 * refused. -1 with errno (ENODATA: no line). */
int secret_file(const char *name, struct buf *out, char *why, size_t size);
/* The first line of descriptor N. */
int secret_fd(const char *number, struct buf *out, char *why, size_t size);
/* The password of user at host in ~/.netrc, which nobody else may read. 1 and
 * nothing added when it has none. */
int secret_netrc(const char *host, const char *user, struct buf *out, char *why,
    size_t size);
/* Asks on the terminal, without echo. 1 when there is no terminal. */
int secret_prompt(const char *what, struct buf *out, char *why, size_t size);
/* Takes as long wherever the first difference is. */
bool secret_equals(const char *secret, const char *given);
/* Overwrites and frees. */
void secret_free(struct buf *b);

#endif
