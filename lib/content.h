/* The content of a message as a server takes it after DATA (RFC 5321 4.1.1.4,
 * 4.5.2) or in chunks (RFC 3030): dots undone, line ends made LF, and what is
 * wrong with it. Pure: octets in pieces of any length with the same result. */
#ifndef CONTENT_H
#define CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "crlf.h"
#include "header.h"
#include "reply.h"

#define CONTENT_HOPS 100 /* Received and Delivered-To fields together */
#define CONTENT_HEADER (1U << 20) /* octets of a header */
#define CONTENT_REPLY (REPLY_TEXT + 20)

/* Starts as zero. */
struct content {
	uint64_t max_size;         /* octets, LF line ends; 0: no limit */
	bool normalize;            /* a bare LF ends a line; else 550 */
	struct buf body;           /* what has come: take it and reset it */
	uint64_t size;             /* octets that were in body, all together */
	char fault[CONTENT_REPLY]; /* why it will be refused, or "" */
	struct crlf_data data;
	struct header header;
	struct buf piece;      /* a header line so far */
	bool begun, in_header; /* begun: the first line has come, or 1,000
				  octets of it */
	uint64_t header_size;
	unsigned hops;
	uint64_t chunk; /* octets it still has */
	bool last;      /* no other follows it */
};

/* With chunks a dot is an octet like others, and content_chunk says how many
 * come. */
void content_begin(
    struct content *c, uint64_t max_size, bool normalize, bool chunks);
void content_chunk(struct content *c, uint64_t octets, bool last);
/* Takes n octets, or those up to the end of the message or chunk, then *end
 * becomes true. Returns how many. After a fault nothing more is in body. */
size_t content_take(struct content *c, const char *in, size_t n, bool *end);
/* Whether that end is the message's. */
bool content_is_whole(const struct content *c);
/* At an end: the reply that refuses the message, or NULL. */
const char *content_end(struct content *c);
/* It cannot be kept, and reply says why. The first such reply stands, unless
 * the octets themselves turn out to be wrong. */
void content_spoil(struct content *c, const char *reply);
void content_free(struct content *c);

#endif
