/* TLS as a server sees it (FORMATS 5): keys and handshake are tls-serve's, and
 * a relay of its stands between the peer and a server that speaks plain. */
#ifndef STARTTLS_H
#define STARTTLS_H

#include <stdbool.h>

#define STARTTLS_VERSION 16
#define STARTTLS_CIPHER 64

/* Whether fd may be an end of the way between servers and tls-serve. */
bool starttls_is_way(int fd);
/* The way to tls-serve, from TLS_FD, close-on-exec from then on; *implicit by
 * TLS_MODE. Both variables are unset. -1: no TLS here. */
int starttls_open(bool *implicit);
/* Asks for a relay to the peer on wire, and waits until one is ready, 10 s at
 * most. Returns the descriptor that starttls_begin takes over (or close it);
 * -1 with errno: no TLS for now (454), and the wire is as it was. */
int starttls_ready(int tls_fd, int wire);
/* To be called once the go-ahead (220, +OK) is written and what was read ahead
 * is dropped. In and out, the wire until now, become the plain stream in every
 * case. 0, with what was agreed on ("TLSv1.3", "TLS_AES_256_GCM_SHA384"); or
 * -1 with errno, EPROTO for a failed handshake, and nothing will be read from
 * in but its end. */
int starttls_begin(int ready, int in, int out, unsigned seconds,
    char version[STARTTLS_VERSION], char cipher[STARTTLS_CIPHER]);
/* Asks for a relay that starts by itself and says nothing of its own on plain:
 * for a server that knows nothing of this. The descriptors stay the caller's.
 * 0, or -1 with errno. */
int starttls_wrap(int tls_fd, int wire, int plain);

#endif
