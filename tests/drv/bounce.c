/* Writes a report on the message of stdin (a file) to stdout; arguments are
 * ADDRESS CODE TEXT of each recipient, after SENDER and one of failed, delayed,
 * relayed, delivered or headers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bounce.h"

static int
put(void *arg, const void *data, size_t n)
{
	return fwrite(data, 1, n, arg) == n ? 0 : -1;
}

int
main(int argc, char *argv[])
{
	struct bounce_rcpt list[16];
	struct bounce b = {.hostname = "mx.example",
	    .id = "anid",
	    .arrived = 1000000000,
	    .last = 1000000060,
	    .retry_until = 1000432000,
	    .rcpts = list};
	struct stat st;
	int i;

	if (argc < 6 || fstat(0, &st))
		return 64;
	b.sender = argv[1];
	b.envid = getenv("ENVID");
	b.action = !strcmp(argv[2], "delayed") ? BOUNCE_DELAYED
	    : !strcmp(argv[2], "relayed")      ? BOUNCE_RELAYED
	    : !strcmp(argv[2], "delivered")    ? BOUNCE_DELIVERED
					       : BOUNCE_FAILED;
	b.headers_only = !strcmp(argv[2], "headers");
	for (i = 3; i + 2 < argc && b.n < 16; i += 3)
		list[b.n++] = (struct bounce_rcpt){.address = argv[i],
		    .orcpt = getenv("ORCPT"),
		    .code = atoi(argv[i + 1]),
		    .text = argv[i + 2]};
	return bounce_write(&b, 0, 0, (uint64_t)st.st_size, put, stdout) ? 75
									 : 0;
}
