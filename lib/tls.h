/* Certificates with their keys, for the server's side of TLS 1.2 and later:
 * which one a client gets goes by the name it asks for (SNI). */
#ifndef TLS_H
#define TLS_H

#include <stdbool.h>
#include <stddef.h>

struct ssl_st;
struct tls;

struct tls_files {
	const char *cert; /* PEM, the chain behind it */
	const char *key;  /* PEM, without passphrase */
};

/* Of n pairs, the first of which serves whoever names no other; files and
 * their names stay the caller's and live as long. Reads nothing yet. */
struct tls *tls_new(const struct tls_files *files, size_t n);
/* Reads those that were never read or have changed. What cannot be used is one
 * line of log_error each time it has changed, and what was read before stays
 * in use. True when there is a first one to serve. */
bool tls_refresh(struct tls *t);
/* A session at its beginning, by the certificates as last read; SSL_free it.
 * NULL when memory is out. */
struct ssl_st *tls_session(struct tls *t);

#endif
