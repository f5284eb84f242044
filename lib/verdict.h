/* What became of an action, and its three written forms: sysexits, SMTP reply
 * codes and errno. DESIGN: a local mistake is never PERM. */
#ifndef VERDICT_H
#define VERDICT_H

#include <stdbool.h>
#include <sysexits.h>

enum verdict { OK, TEMP, PERM };

/* 0 OK; 65 67 68 69 77 PERM; every other exit code TEMP. */
enum verdict verdict_of_exit(int code);
/* The exit code of several actions: any permanent failure is 69, and shows only
 * where nothing temporary did. */
int verdict_worst(int status, int code);
/* Whether an exit code says that a command cannot run or was told nonsense: 64,
 * 78, 126, 127. */
bool verdict_is_misuse(int code);
/* The exit code of a wait(2) status; 75 for a signal or 126 and above. */
int verdict_exit_of_wait(int status);
/* The exit code for a file that someone named and that cannot be read: mistake
 * (66, 78) where it is missing, empty, another kind of file or not to be read;
 * 75 for what may pass. */
int verdict_exit_of_errno(int err, int mistake);
/* 2xx OK, 4xx TEMP, 5xx PERM; all else TEMP. */
enum verdict verdict_of_code(int code);
/* The SMTP reply for a handler's exit code: "550 5.1.1 ..." (DESIGN 3). */
const char *verdict_reply(int exit_code);

#endif
