/* The table of senders: which addresses a login may send as (--sender-map,
 * smtp-recv(1)). */
#ifndef SENDERS_H
#define SENDERS_H

#include <stdbool.h>
#include <stddef.h>

#include "address.h"

struct senders;

/* Reads FILE once; one that others may write is refused. NULL with the reason
 * in why and in errno, EINVAL for what the file says or is. */
struct senders *senders_read(const char *file, char *why, size_t size);
void senders_free(struct senders *s);
/* Whether login may send as that address, "" being the null sender. */
bool senders_allow(
    const struct senders *s, const char *login, const struct address *a);

#endif
