/* Dates as mail writes them (RFC 5322 3.3), and times as users write them. */
#ifndef DATE_H
#define DATE_H

#include <stddef.h>
#include <time.h>

#define DATE_MAX 40

/* "Sun, 22 Nov 2026 03:28:20 +0000" in local time. */
void date_rfc5322(time_t t, char out[DATE_MAX]);
/* "Sun Nov 22 03:28:20 2026" in UTC: the From_ line of an mbox. */
void date_asctime(time_t t, char out[DATE_MAX]);
/* "2026-11-22T03:28:20Z". */
void date_iso8601(time_t t, char out[DATE_MAX]);
/* @EPOCH, +DURATION, HH:MM (the next one), YYYY-MM-DD or YYYY-MM-DDTHH:MM[:SS]
 * with an optional Z. Returns 0, or -1 and leaves *out alone. */
int date_parse(const char *s, time_t now, time_t *out);
/* IMAP's INTERNALDATE, " 7-Nov-2026 03:28:20 +0100" (RFC 3501 9). Returns 0, or
 * -1 and leaves *out alone. */
int date_internal(const char *s, time_t *out);

#endif
