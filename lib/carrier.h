/* Carries jobs to one server over one connection at a time: connects when
 * there is a job, sends what may be sent, connects again after a drop, and
 * reports what became of each recipient, once. */
#ifndef CARRIER_H
#define CARRIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "batch.h"
#include "buf.h"
#include "dial.h"
#include "reply.h"
#include "scan.h"
#include "smtp.h"

#define CARRIER_BLOCK 65536

/* A job; its message is the engine's while it is open there. */
struct carrier_job {
	struct smtp_message message; /* first: events lead back by it */
	struct carrier_job *next;
	struct batch_job b;
	char *line;     /* that b points into, or NULL */
	bool *reported; /* of each recipient */
	bool retried;
	int fd;        /* of the message; -1: b.path is opened */
	uint64_t size; /* of the message */
	struct scan checked, sent;
};

struct carrier {
	struct url *target;
	const struct dial_options *options; /* with our host name */
	bool lmtp, allow_empty;
	int results; /* the fd whose reader must live, or -1 */
	int jobs;    /* the fd to wait for when no job is left; -1: none come */
	/* Called when no job waits: adds the next, if a whole one is there;
	 * and when jobs is readable. NULL where jobs is -1 from the start. */
	void (*take)(struct carrier *c);
	void (*more)(struct carrier *c);
	void (*report)(const struct batch_job *b, size_t rcpt,
	    enum batch_fate fate, const struct reply *why);
	int fault; /* exit code of a password that was not to be had, or 0 */

	/* Its own: */
	bool gone;                   /* the reader */
	struct carrier_job *waiting; /* not begun on a connection */
	struct buf trace;
	/* A server that failed before any message is not asked again for each
	 * job, until then. */
	struct reply down;
	int64_t down_until;
	/* One read of the file serves for the check and for the sending of a
	 * message that fits in it. */
	struct {
		const struct carrier_job *job;
		uint64_t at;
		size_t n;
		char data[CARRIER_BLOCK];
	} block;
	/* The connection: all zero when there is none. */
	struct {
		struct dial *dial;
		struct smtp *smtp;
		struct carrier_job *body; /* being sent */
		bool begun, finished;     /* a message */
		bool lost, silent, more;
		uint64_t replies;
		int64_t since; /* when it last moved on */
	} on;
};

/* Adds a job: line is what batch_job_parse was given, fd the message or -1.
 * Both, and b's recipients, are the carrier's from here on. */
void
carrier_add(struct carrier *c, const struct batch_job *b, char *line, int fd);
/* Until every job is reported and no more come, then QUIT. 0, or -1 when the
 * reader of the results is gone: then no end of data was sent any more. */
int carrier_run(struct carrier *c);

#endif
