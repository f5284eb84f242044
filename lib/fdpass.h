/* Octets with descriptors beside them, between processes of ours over a Unix
 * stream socket. Nothing here knows a time limit. */
#ifndef FDPASS_H
#define FDPASS_H

#include <stddef.h>

#define FDPASS_MAX 2 /* descriptors at once */

/* Sends all n octets, 1 at least, with count descriptors on the first of them.
 * 0, or -1 with errno when the other side is gone. */
int
fdpass_send(int fd, const void *data, size_t n, const int *fds, size_t count);
/* Waits for n octets. fds: what came with the first of them, close-on-exec and
 * the caller's, -1 for none; NULL: there should be none, and they are closed.
 * 0, or -1 when the other side is gone, and then there are none either. */
int fdpass_recv(int fd, void *data, size_t n, int fds[FDPASS_MAX]);
/* Closes those that are. */
void fdpass_close(int fds[FDPASS_MAX]);

#endif
