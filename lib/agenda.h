/* The jobs of a session that wait to be begun, in their order, each with the
 * time that it has. */
#ifndef AGENDA_H
#define AGENDA_H

#include <stdbool.h>
#include <stdint.h>

#include "hop.h"
#include "job.h"

struct agenda {
	unsigned max_time; /* seconds from a job's first attempt on; 0: none */

	/* Its own: */
	struct job *first;
	struct job **again; /* where the next one to be retried goes */
};

/* Adds a job for each domain that its recipients go to; see job_new. */
void agenda_add(struct agenda *a, const struct hop *h,
    const struct batch_job *b, char *line, int fd, job_report *report);
/* Takes the first one off. */
struct job *agenda_take(struct agenda *a);
/* The rest of one that was taken: it is the first. */
void agenda_put_back(struct agenda *a, struct job *j);
/* What is to be tried again goes before all else, in its order, from
 * agenda_retry_none on. */
void agenda_retry(struct agenda *a, struct job *j);
void agenda_retry_none(struct agenda *a);
void agenda_free(struct agenda *a);

/* The job's time runs from here on. */
void agenda_start(const struct agenda *a, struct job *j);
/* Milliseconds until its time is up, 0 or less when it is, CONN_FOREVER if it
 * has no limit. */
int64_t agenda_left(const struct job *j);

#endif
