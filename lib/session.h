/* An SMTP or LMTP client at work: carries jobs to their next hop, over one
 * connection at a time. Connects when there is a job, sends what may be sent,
 * connects again after a drop, or to the next mail host, and reports what
 * became of each recipient, once. */
#ifndef SESSION_H
#define SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agenda.h"
#include "batch.h"
#include "buf.h"
#include "contact.h"
#include "dial.h"
#include "hop.h"
#include "job.h"

struct session {
	struct hop *hop;
	const struct dial_options *options; /* with our host name */
	bool lmtp, allow_empty;
	uint64_t max_rcpts;   /* in one transaction, 0: no limit */
	struct agenda agenda; /* max_time set or not */
	int results;          /* the fd whose reader must live, or -1 */
	int jobs; /* the fd to wait for when no job is left; -1: none come */
	/* Called when no job waits: adds the next, if a whole one is there;
	 * and when jobs is readable. NULL where jobs is -1 from the start. */
	void (*take)(struct session *c);
	void (*more)(struct session *c);
	job_report *report;
	int fault; /* exit code of a password that was not to be had, or 0 */

	/* Its own: */
	bool gone; /* the reader */
	struct buf trace;
	struct contact contact;
	/* Of this connection: */
	struct {
		struct job *body;     /* being sent */
		bool ended;           /* a message, in what is to be sent */
		bool begun, finished; /* a message */
		bool blamed;          /* a job, for its loss */
		bool left;            /* with QUIT */
	} on;
};

/* Adds a job: line is what batch_job_parse was given, fd the message or -1.
 * Both, and b's recipients, are the session's from here on. */
void
session_add(struct session *c, const struct batch_job *b, char *line, int fd);
/* Until every job is reported and no more come, then QUIT. 0, or -1 when the
 * reader of the results is gone: then no end of data was sent any more. */
int session_run(struct session *c);

#endif
