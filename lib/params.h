/* The ESMTP parameters of MAIL and RCPT (RFC 1870, 3461, 4954, 6152, 6531) as a
 * server reads them, every one of them checked. */
#ifndef PARAMS_H
#define PARAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

#define PARAMS_UNKNOWN "555 5.5.4 Unknown parameter"

/* Starts as zero. */
struct params {
	bool smtputf8; /* of MAIL */
	bool has_size;
	uint64_t size; /* of MAIL */
	bool has_body;
	bool eight_bit;
	bool has_auth;      /* of MAIL: checked, and believed of nobody */
	bool dsn;           /* some of the following was there (RFC 3461) */
	const char *ret;    /* of MAIL: FULL, HDRS or NULL */
	unsigned notify;    /* of RCPT: bits of our own */
	bool international; /* ORCPT is not all ASCII */
	/* In xtext, within the line; NULL where there is none. */
	const char *envid, *orcpt;
	size_t envid_size, orcpt_size;
};

/* What follows the path: a blank and a parameter, again and again. NULL, or the
 * reply that refuses it ("501 5.5.4 ...", no line end). */
const char *params_of_mail(struct params *p, const char *s, size_t n);
const char *params_of_rcpt(struct params *p, const char *s, size_t n);
/* Adds those that stay with the message, as its envelope has them
 * (mailpipe-queue(5)). */
void params_add(const struct params *p, struct buf *out);

#endif
