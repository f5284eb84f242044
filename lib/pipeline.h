/* The wire of an SMTP client: its commands, sent without waiting for one
 * another (RFC 2920), and the replies that are due for them, in order. */
#ifndef PIPELINE_H
#define PIPELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "esmtp.h"
#include "reply.h"

#define PIPELINE_LINE 4096 /* octets of a reply's line at most */

enum verb { GREETING, EHLO, HELO, RSET, MAIL, RCPT, DATA, END, QUIT };

struct transfer;

/* A reply that is due, and the octets behind the command it answers: from end
 * on it may be refused, from whole on accepted too. They differ where a chunk
 * belongs to it. */
struct due {
	enum verb verb;
	struct transfer *t; /* NULL: of none */
	size_t rcpt;
	uint64_t end, whole;
	bool chunk;
};

/* Start from {0}, with trace set or not. */
struct pipeline {
	struct buf *trace;  /* the dialogue's lines are added */
	struct buf in, out; /* what was received, what is to be written */
	size_t taken;       /* octets of in */
	uint64_t sent;      /* octets the kernel has taken; out follows them */
	struct due *due;
	size_t head, len, cap;
	struct reply reply;       /* the last one, or one that is coming in */
	uint64_t replies;         /* whole ones so far */
	struct esmtp_offer offer; /* by the answer to EHLO */
	/* By the first reply to a chunk: 500 and 502 say that BDAT is not known
	 * (RFC 5321 4.2.4), so that the octets behind it may be commands. */
	bool knows_chunks, lacks_chunks;
};

/* Adds a command, whose line end is added here, so that it is one command, and
 * expects its reply; line is freed. */
void pipeline_command(struct pipeline *p, enum verb verb, struct transfer *t,
    size_t rcpt, struct buf *line);
/* Expects a reply to what was put into out last. */
void pipeline_expect(
    struct pipeline *p, enum verb verb, struct transfer *t, size_t rcpt);
/* The last command is one of n octets that are still to be put into out. */
void pipeline_chunk(struct pipeline *p, uint64_t n);
/* Its last reply, d, was not the only one to its command. */
void pipeline_again(struct pipeline *p, const struct due *d);
void pipeline_written(struct pipeline *p, size_t n);
/* Whether no reply is due. */
bool pipeline_is_empty(const struct pipeline *p);
/* How long to wait for the next reply or for room to write, in seconds (RFC
 * 5321 4.5.3.2); 0 when nothing is awaited. */
unsigned pipeline_seconds(const struct pipeline *p);

enum pipeline_state {
	PIPELINE_WAITS,   /* for more input */
	PIPELINE_REPLY,   /* reply answers *d, which is not due any more */
	PIPELINE_CLOSING, /* reply is a 421 of the server's own accord, or by it
			     lacks_chunks: nothing behind it counts */
	PIPELINE_FAULT    /* no SMTP: reply has code 0 and the reason */
};

/* Takes the next whole reply of the input. */
enum pipeline_state pipeline_read(struct pipeline *p, struct due *d);
void pipeline_trace(struct pipeline *p, char mark, const char *line, size_t n);
void pipeline_free(struct pipeline *p);

#endif
