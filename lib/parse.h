/* Numbers in text, whole and bounded: no sign, no blanks, nothing behind. All
 * return 0, or -1 and leave *out alone. */
#ifndef PARSE_H
#define PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decimal digits up to max. */
int parse_number(const char *s, uint64_t max, uint64_t *out);
/* The n leading bytes of s as decimal digits. */
int parse_digits(const char *s, size_t n, uint64_t max, uint64_t *out);
/* Octets: digits and an optional K, M or G (powers of 1024). */
int parse_size(const char *s, uint64_t *out);
/* Seconds: digits and an optional s, m, h, d or w; 30 is 30 s. */
int parse_duration(const char *s, uint64_t *out);
/* [0-9a-z]{1,40}: what may be a MAIL_ID. */
bool parse_is_mail_id(const char *s);
/* The n octets at s as a part of a path: 1 to 255, nothing that leads elsewhere
 * or hides. */
bool parse_is_harmless(const char *s, size_t n);
bool parse_is_ascii(const char *s, size_t n);
/* The UTF-8 sequence of two or more octets at s, n left: its length and code
 * point, or 0 when there is none that is valid. */
size_t parse_utf8(const char *s, size_t n, uint32_t *point);

#endif
