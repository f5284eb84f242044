/* A grammar that never ends. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	volatile size_t at = 0;

	while (n < 1000000)
		at += data ? 1 : 2;
	return (int)at;
}
