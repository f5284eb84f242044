/* Sockets that connections are accepted on: close-on-exec, not blocking. */
#ifndef LISTENER_H
#define LISTENER_H

#include <stdbool.h>

/* On ADDR:PORT, [ADDR]:PORT (IPv6 alone), :PORT (all addresses of both
 * families) or a path with a slash; a dead socket at the path is replaced. Port
 * 0 is any free one. The descriptor, or -1 with errno, EINVAL for what is no
 * address. */
int listener_open(const char *spec);
/* Makes one of what was inherited. 0, or -1 with errno. */
int listener_adopt(int fd);
bool listener_is(int fd);
/* "192.0.2.1:25", "[::]:25" or the path. */
void listener_name(int fd, char out[128]);
/* Removes the path of one that listener_open made, and closes it. */
void listener_remove(int fd);

#endif
