/* Where a user's message enters: line ends made LF, Bcc and Resent-Bcc taken
 * out, hops counted, recipients collected for -t, NUL and bare CR found. Pure:
 * bytes in, bytes out, a bounded header field at a time. A line that is left as
 * the first one and would pass for a From_ line is told from one: a field loses
 * the blanks before its colon, a body gets the empty line that it lacked. */
#ifndef INTAKE_H
#define INTAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "crlf.h"
#include "header.h"

struct intake {
	bool keep_bcc;     /* set for mail in transit */
	bool collect;      /* -t: fill recipients */
	struct buf to;     /* from To, Cc, Bcc: a NUL behind each */
	struct buf resent; /* from Resent-To, -Cc, -Bcc of the first block */
	struct buf bad;    /* the first address list that is none: "To: part" */
	unsigned hops;     /* Received and Delivered-To fields */
	bool has_date, has_id, has_from;
	bool header_done; /* the recipients are complete */
	uint64_t octets;  /* in */
	struct crlf_text text;
	struct header header;
	struct buf line, field;
	struct buf *list; /* where the field's addresses go, or NULL */
	size_t value;     /* in field */
	unsigned resent_seen;
	bool resent_over, drop;
	bool begun; /* something of it has gone out */
};

/* Takes n octets and adds what remains of them to out; some may be held back
 * until the next call. */
void intake(struct intake *i, const char *in, size_t n, struct buf *out);
void intake_end(struct intake *i, struct buf *out);
/* The offset of a NUL or bare CR as crlf_text counts it (+ 1), 0 for none. */
uint64_t intake_offense(const struct intake *i, const char **what);
void intake_free(struct intake *i);

#endif
