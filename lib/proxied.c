#include "proxied.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <unistd.h>

#include "conn.h"
#include "proxy.h"

/* What is there of n octets by then; -1 with errno where nothing is. */
static ssize_t
read_until(int fd, char *data, size_t n, int64_t until)
{
	struct pollfd p = {fd, POLLIN, 0};
	int64_t left;
	int ready;

	while ((left = until - conn_now()) > 0) {
		ready = poll(&p, 1, (int)left);
		if (ready > 0)
			return read(fd, data, n);
		if (ready < 0 && errno != EINTR)
			return -1;
	}
	errno = ETIMEDOUT;
	return -1;
}

int
proxied_peer(int fd, unsigned seconds, struct peer *p)
{
	int64_t until = conn_now() + (int64_t)seconds * 1000;
	char data[PROXY_MAX];
	struct proxy proxy;
	size_t have = 0;
	int missing;
	ssize_t n;

	while ((missing = proxy_missing(data, have)) > 0) {
		n = read_until(fd, data + have, (size_t)missing, until);
		if (n == 0)
			errno = ECONNRESET;
		if (n <= 0)
			return -1;
		have += (size_t)n;
	}
	if (missing < 0 || proxy_parse(&proxy, data, have) != 0) {
		errno = EPROTO;
		return -1;
	}
	if (!proxy.local)
		peer_set(p, proxy.addr, proxy.port);
	return 0;
}
