/* A job of a batch while it is carried: its message, and who of its recipients
 * has had a result, which each has once. */
#ifndef JOB_H
#define JOB_H

#include <stdbool.h>
#include <stddef.h>

#include "batch.h"
#include "esmtp.h"
#include "outgoing.h"
#include "reply.h"

typedef void job_report(const struct batch_job *b, size_t rcpt,
    enum batch_fate fate, const struct reply *why);

/* What jobs that were one have in common. */
struct job_source {
	size_t users;
	char *line; /* that they point into, or NULL */
	int fd;     /* the message, or -1 */
};

struct job {
	struct smtp_message message; /* first: an engine's events lead back */
	struct job *next;
	struct batch_job b;
	struct job_source *source;
	char domain[256]; /* its user's: where it goes */
	job_report *report;
	bool *reported;         /* of each recipient */
	bool prepared, retried; /* retried is its user's, */
	int64_t deadline;       /* and this */
	bool no_dsn;            /* nor does its server know of reports */
	struct outgoing out;
};

/* line is what batch_job_parse was given, fd the message or -1: both, and b's
 * recipients, are the job's from here on. */
struct job *
job_new(const struct batch_job *b, char *line, int fd, job_report *report);
/* A job for the recipients from n on, which leave j and have no results yet;
 * NULL: there are none. */
struct job *job_split(struct job *j, size_t n);
void job_free(struct job *j);
void job_result(
    struct job *j, size_t rcpt, enum batch_fate fate, const struct reply *why);
/* This result for all that have none, and frees the job. */
void job_end(struct job *j, enum batch_fate fate, const struct reply *why);
/* Whether all have their results. */
bool job_is_done(const struct job *j);
/* Opens and reads the message. False: it cannot be sent, and the job has
 * ended. */
bool job_prepare(struct job *j, bool allow_empty);
/* Makes the message for a server that offered this, to those without a result,
 * most of them (0: no limit) and its own limits at most: *rest is a job for the
 * others, or NULL. False: nobody is left, and the job has ended. */
bool job_address(struct job *j, const struct esmtp_offer *o, uint64_t most,
    struct job **rest);

#endif
