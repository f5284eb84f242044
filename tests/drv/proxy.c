/* proxy: what a header on standard input says, and how many octets are missing
 * behind each of its beginnings, one less with each octet once that is sure. */
#include "drv.h"

#include "proxy.h"

int
main(void)
{
	struct buf in = drv_input();
	struct proxy p;
	int missing = 16, steps = 0;
	char *copy;

	for (size_t n = 0; n <= in.len && missing > 0; n++) {
		copy = xrealloc(NULL, n + 1);
		memcpy(copy, buf_str(&in), n);
		missing = proxy_missing(copy, n);
		free(copy);
		steps++;
	}
	if (proxy_parse(&p, buf_str(&in), in.len) != 0)
		printf("none, missing %d after %d\n", missing, steps - 1);
	else if (p.local)
		printf("local after %d\n", steps - 1);
	else
		printf("%s %u after %d\n", p.addr, p.port, steps - 1);
	buf_free(&in);
	return 0;
}
