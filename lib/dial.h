/* Connections by libcurl: it resolves, connects, negotiates TLS and logs in
 * (CURLOPT_CONNECT_ONLY); from there on octets pass as they are and the
 * caller's engine speaks, from its own EHLO, CAPA or CAPABILITY on. */
#ifndef DIAL_H
#define DIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "dialoptions.h"
#include "esmtp.h"
#include "reply.h"
#include "url.h"

struct dial; /* opaque: a connection */

/* Connects and logs in; a token that is refused is renewed, once. The greeting
 * is read here, except for lmtp, where it is the first thing to receive. NULL
 * with *why: the server's reply where it refused (for POP3 and IMAP code 0 and
 * its line; "+ ..." where it refused a token in a challenge), else code 0 and
 * the reason in text. Always temporary; *exit_code is 75, or 78 when our own
 * secret is not to be had. SIGPIPE must be ignored. */
struct dial *dial_open(struct url *t, const struct dial_options *o,
    struct reply *why, int *exit_code);
/* What the server offered to the last EHLO of libcurl's, under TLS if there is
 * TLS. */
const struct esmtp_offer *dial_offer(const struct dial *d);
/* Neither waits. Octets; -1 with errno (EAGAIN: dial_wait); 0 from recv is the
 * end. Receive until EAGAIN before waiting where dial_keeps. What EAGAIN put
 * off must be the first to be sent again. */
ssize_t dial_send(struct dial *d, const void *data, size_t n);
ssize_t dial_recv(struct dial *d, void *data, size_t n);
/* To poll beside other descriptors. */
int dial_fd(const struct dial *d);
/* poll(2) for POLLIN | POLLOUT up to ms (-1: no limit). 1, 0 when time is up,
 * -1 with errno. */
int dial_wait(struct dial *d, short events, int ms);
/* Closes without a further octet: QUIT is the engine's. */
void dial_close(struct dial *d);

#endif
