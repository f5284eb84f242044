/* A stable short name for octets of any length. It keeps accidents apart, not
 * attackers: where two names must differ, the caller compares. */
#ifndef HASH_H
#define HASH_H

#include <stddef.h>

#define HASH_HEX 33 /* with its NUL */

/* FNV-1a, 128 bits, as 32 digits of [0-9a-f]. */
void hash_hex(const void *data, size_t n, char out[HASH_HEX]);

#endif
