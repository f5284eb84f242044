/* Reports on what became of mail (RFC 3464, RFC 3462), as plain text and
 * headers. */
#ifndef BOUNCE_H
#define BOUNCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "buf.h"

enum bounce_action {
	BOUNCE_FAILED,
	BOUNCE_DELAYED,
	BOUNCE_RELAYED, /* to where no success is reported */
	BOUNCE_DELIVERED
};

struct bounce_rcpt {
	const char *address;
	const char *orcpt;    /* "rfc822;..." decoded, or NULL */
	int code;             /* last reply, 0: none */
	const char *enhanced; /* "5.1.1" or NULL: from the code */
	const char *text;
};

struct bounce {
	const char *hostname; /* of the reporting MTA */
	const char *id;
	const char *sender;                /* whom the report goes to */
	const char *envid;                 /* or NULL */
	time_t arrived, last, retry_until; /* retry_until only when delayed */
	enum bounce_action action;
	bool headers_only; /* RET=HDRS, or the original over 50 kB */
	const struct bounce_rcpt *rcpts;
	size_t n;
};

/* Writes the whole report; the original is read from fd at offset, size
 * octets. 0, or -1 with errno. */
int bounce_write(const struct bounce *b, int original, uint64_t offset,
    uint64_t size, int (*write)(void *arg, const void *data, size_t n),
    void *arg);

#endif
