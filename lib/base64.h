/* Base64 (RFC 4648 4), as SASL carries it. */
#ifndef BASE64_H
#define BASE64_H

#include <stddef.h>
#include <sys/types.h>

/* Decodes n octets of text into out. How many octets there are; -1 for text
 * that is not the one form of any octets (blanks, a wrong or absent padding,
 * bits behind the end), or for more than room. */
ssize_t base64_decode(const char *text, size_t n, void *out, size_t room);

#endif
