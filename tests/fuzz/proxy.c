/* A proxy's header, which is read as it asks to be: first what is missing, then
 * more of it. */
#include "fuzz.h"

#include <arpa/inet.h>

#include "proxy.h"

/* The octets of the header that data begins with; 0: none. */
static size_t
header(const uint8_t *data, size_t n)
{
	size_t have = 0;
	char *copy;
	int missing;

	for (;;) {
		copy = fuzz_copy(data, have);
		missing = proxy_missing(copy, have);
		free(copy);
		if (missing == 0)
			return have;
		if (missing < 0 || (size_t)missing > n - have)
			return 0;
		have += (size_t)missing;
		must(have <= PROXY_MAX);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	size_t have = header(data, n);
	unsigned char a[16];
	struct proxy p;
	char *copy;

	if (have == 0) {
		must(proxy_parse(&p, data, n) < 0);
		return 0;
	}
	copy = fuzz_copy(data, have);
	if (proxy_parse(&p, copy, have) == 0 && !p.local) {
		must(p.port < 65536);
		must(inet_pton(AF_INET, p.addr, a) == 1 ||
		    inet_pton(AF_INET6, p.addr, a) == 1);
	}
	free(copy);
	must(proxy_parse(&p, data, have - 1) < 0);
	return 0;
}
