/* scan BLOCK < message: what scan says of it, read in blocks of so many
 * octets. */
#include <stdio.h>
#include <stdlib.h>

#include "scan.h"

int
main(int argc, char *argv[])
{
	static char block[65536];
	size_t want = argc > 1 ? strtoul(argv[1], NULL, 10) : 0, n;
	struct scan s = {0};

	if (want < 1 || want > sizeof block)
		return 64;
	while ((n = fread(block, 1, want, stdin)) > 0)
		scan(&s, block, n);
	scan_end(&s);
	if (s.what)
		printf(
		    "%s at %llu\n", s.what, (unsigned long long)s.offset - 1);
	else
		printf("%llu octets, %llu on the wire%s%s\n",
		    (unsigned long long)s.octets,
		    (unsigned long long)scan_wire(&s), s.high ? ", 8-bit" : "",
		    s.high_header ? " from the header on" : "");
	return 0;
}
