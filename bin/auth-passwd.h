/* What the parts of auth-passwd share: its file and its exit codes. */
#ifndef AUTH_PASSWD_H
#define AUTH_PASSWD_H

#include <stdbool.h>
#include <stdio.h>

enum { RIGHT = 0, WRONG = 1, MISUSE = 2, TROUBLE = 111 };

/* The file on fd as a stream: a regular one that others may neither read nor
 * write. NULL when it is not, which is said; fd is closed then. */
FILE *open_passwords(int fd, const char *file);
/* Whether a line is name's: "NAME:...". Comments are nobody's. */
bool is_line_of(const char *line, const char *name);

/* Asks for a password and adds or replaces the line. The exit code. */
int add_user(const char *file, const char *name);

#endif
