/* What a client proves to be itself with: a password or an OAuth token, from
 * the first source that is configured, else ~/.netrc, else the terminal. */
#ifndef LOGIN_H
#define LOGIN_H

#include <stdbool.h>
#include <stddef.h>

#include "url.h"

struct login {
	const char *password_command, *password_file, *password_fd;
	const char *oauth2_command; /* instead of a password */
	unsigned seconds;           /* for a command; 0: SECRET_SECONDS */
};

/* Puts the secret into t->password, once for all calls. 0, or -1 with the
 * reason in why, and errno for verdict_exit_of_errno: a mistake (78), or a file
 * that cannot be read for now. */
int login_find(struct url *t, const struct login *l, char *why, size_t size);
/* After a refusal: asks the command for another token, and tells it so by
 * TOKEN_STALE=1 in its environment. 1, 0 where there is no token but a
 * password, or -1 with the reason in why. */
int login_renew(struct url *t, const struct login *l, char *why, size_t size);
/* The mechanisms to choose from, as libcurl has it; NULL: any. */
const char *login_mechanisms(const struct url *t, const struct login *l);

#endif
