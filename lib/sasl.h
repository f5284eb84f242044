/* The server's side of SASL PLAIN (RFC 4616) and LOGIN, for the AUTH of SMTP
 * and POP3 (RFC 4954, 5034). Pure; what an exchange learns is wiped by
 * sasl_free, which may be called twice. */
#ifndef SASL_H
#define SASL_H

#include <stdbool.h>
#include <stddef.h>

#define SASL_PAIR 509   /* octets of a name and its password (FORMATS 6) */
#define SASL_LINE 12288 /* of a response with its CRLF (RFC 4954 4) */

enum sasl_result {
	SASL_MORE,      /* send challenge, and take another line */
	SASL_DONE,      /* user and password are there */
	SASL_CANCELLED, /* the client said "*" */
	SASL_BAD,       /* no Base64, or not what the mechanism asks for */
	SASL_UNKNOWN    /* no such mechanism */
};

struct sasl {
	const char *challenge; /* Base64, "" for an empty one */
	/* C strings of SASL_PAIR octets together, neither of them empty; no
	 * control character is in user, and no NUL in password. */
	const char *user, *password;

	/* its own */
	bool login;
	size_t len;
	char text[2 * SASL_PAIR + 2];
};

/* Starts a mechanism, named by n octets in any case. initial: the response
 * that came with it ("=" for an empty one), or NULL. */
enum sasl_result sasl_begin(
    struct sasl *s, const char *mechanism, size_t n, const char *initial);
/* The next response, n octets without line end. */
enum sasl_result sasl_input(struct sasl *s, const char *line, size_t n);
void sasl_free(struct sasl *s);

#endif
