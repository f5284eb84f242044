/* Events as one line of key=value, and the one-line diagnostic of an error.
 * Control, C1 and bidi bytes are escaped; a value over 1 kB is cut. */
#ifndef LOG_H
#define LOG_H

#include <stdbool.h>
#include <stddef.h>

enum log_target { LOG_TO_STDERR, LOG_TO_SYSLOG, LOG_TO_NOWHERE };

/* Fd 2 that is the same socket as fd 0 (classic inetd) turns stderr into
 * syslog. program lives as long as the program. The first call puts fds 0 to 2
 * that are closed on /dev/null, so that no file opened later takes the place of
 * one: to read 0 or to write 1 fails as before. Where not even that can be had
 * it exits 75. */
void log_open(const char *program, enum log_target target);
/* Connects to syslog and learns the local time, where lines go there, for a
 * process that later cannot. */
void log_connect(void);
/* Where events go: "syslog" also where fd 2 is the peer. */
const char *log_target_name(void);
/* "stderr", "syslog" or "none"; -1 for anything else, with the reason in why.
 */
int log_target(const char *name, enum log_target *out, char *why, size_t size);
/* log_event("queued", "id", id, "size", "17", NULL): pairs of strings, a NULL
 * value leaves the pair out. */
void log_event(const char *event, ...) __attribute__((sentinel));
/* "program: " and the text, whatever log_open said of events: to stderr, or to
 * syslog where fd 2 is the peer. */
void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* log_error, then exit. */
_Noreturn void
log_die(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
