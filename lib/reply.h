/* SMTP replies (RFC 5321 4.2, enhanced codes RFC 2034), read line by line. */
#ifndef REPLY_H
#define REPLY_H

#include <stddef.h>

#define REPLY_TEXT 500
#define REPLY_CHOSEN 512

struct reply {
	int code;              /* 200 to 599 */
	char enhanced[12];     /* "5.1.1", or "" */
	char text[REPLY_TEXT]; /* of all lines, joined by a blank, cut */
	int lines;             /* so far; over 200 is an error */
};

enum reply_state { REPLY_MORE, REPLY_DONE, REPLY_BAD };

/* Adds a line without its line end. Start each reply from lines = 0. BAD: no
 * three digits, a code that changes within the reply, anything but a blank, a
 * dash or the end behind it. NUL becomes a blank in text. */
enum reply_state reply_line(struct reply *r, const char *line, size_t n);
/* Splits "5.1.1 text" (n octets): copies a valid enhanced code whose class is
 * that of code to out, else "", and returns where the text starts. */
size_t reply_enhanced(const char *s, size_t n, int code, char out[12]);
/* Replaces out, a reply, by the one in n octets that a command of ours chose,
 * where that is one of the same class: nothing but printable ASCII, and 451 for
 * 421, which would end a session that goes on. */
void reply_choose(char out[REPLY_CHOSEN], const char *line, size_t n);
/* Copies n octets to out with control, C1, bidi and invalid bytes as \xNN, cut
 * at size - 1: for logs, results and terminals. Returns the length. */
size_t reply_escape(const char *s, size_t n, char *out, size_t size);

#endif
