/* A connection that comes through a proxy, which says whose it is. */
#ifndef PROXIED_H
#define PROXIED_H

#include "peer.h"

/* Reads the proxy's header (proxy.h) from fd, not an octet more, and makes *p
 * the client, or leaves it where the proxy speaks for itself. 0, or -1 with
 * errno: EPROTO for anything else, ECONNRESET for the end of it, ETIMEDOUT
 * after so many seconds. */
int proxied_peer(int fd, unsigned seconds, struct peer *p);

#endif
