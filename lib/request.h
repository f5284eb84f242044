/* What a session asks its starter (DESIGN 7), over a stream socketpair. What
 * request_get returns has the form of its kind, whoever sent it. */
#ifndef REQUEST_H
#define REQUEST_H

#include <stddef.h>

#include "buf.h"
#include "fdpass.h"

#define REQUEST_AHEAD 65536 /* octets behind a login's strings */

enum request_kind {
	REQUEST_HANDLE, /* args: sender, recipients; fds: the body */
	REQUEST_CHECK,  /* args: name, password */
	REQUEST_LOGIN,  /* the same; fds: the wire, in and out; rest: ahead */
	REQUEST_RCPT    /* args: sender, recipient */
};

struct request {
	enum request_kind kind;
	char *const *args;      /* NULL-ended */
	const char *const *env; /* "NAME=value", NULL-ended, or NULL */
	const char *rest;
	size_t rest_len;
	int fds[FDPASS_MAX]; /* -1: none */

	char *text; /* request_get's */
	size_t size;
};

/* Sends a request and waits for the answer: an exit code, 75 for one that is
 * too big (a million octets) or when the other side is gone; and line, or
 * NULL. */
int request_ask(int fd, const struct request *r, struct buf *line);

/* Waits for a request; then request_free it. 0, or -1 when the other side is
 * gone or sends what is none: then there is nothing to free. */
int request_get(int fd, struct request *r);
/* Wipes the memory and closes the descriptors. */
void request_free(struct request *r);
/* 0, or -1 when the other side is gone. */
int request_answer(int fd, int code, const struct buf *line);

#endif
