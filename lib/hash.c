#include "hash.h"

#include <stdint.h>

__extension__ typedef unsigned __int128 wide;

void
hash_hex(const void *data, size_t n, char out[HASH_HEX])
{
	const wide prime = (wide)1 << 88 | 0x13b;
	const unsigned char *p = data;
	wide h = (wide)0x6c62272e07bb0142 << 64 | 0x62b821756295c58d;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * prime;
	for (int i = HASH_HEX - 1; i-- > 0; h >>= 4)
		out[i] = "0123456789abcdef"[h & 15];
	out[HASH_HEX - 1] = 0;
}
