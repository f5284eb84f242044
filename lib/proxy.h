/* What a proxy sends in front of a connection that it hands on: the header of
 * HAProxy's PROXY protocol, version 2. Pure. */
#ifndef PROXY_H
#define PROXY_H

#include <stdbool.h>
#include <stddef.h>

/* Octets of a header, further fields included. Its writers keep it in one
 * segment of 536. */
#define PROXY_MAX 2048

struct proxy {
	bool local;    /* the proxy speaks for itself, as when it checks us */
	char addr[46]; /* of the client, else: "192.0.2.1", "2001:db8::1" */
	unsigned port;
};

/* How many octets are missing behind the n first ones, 0 for none; -1 where
 * these are the start of no header. */
int proxy_missing(const void *data, size_t n);
/* A whole header: 0, or -1 for a version, command or kind of address that is
 * none of TCP over IPv4 and IPv6. Further fields are passed over. */
int proxy_parse(struct proxy *p, const void *data, size_t n);

#endif
