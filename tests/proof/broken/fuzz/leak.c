/* A grammar that loses memory. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *volatile kept =
	    malloc(n + 1); /* compilers may leave out others */

	return kept && n > 1000000 ? data[0] : 0;
}
