#include "agenda.h"

#include <string.h>

#include "conn.h"

static void
append(struct agenda *a, struct job *j)
{
	struct job **at = &a->first;

	while (*at)
		at = &(*at)->next;
	j->next = NULL;
	*at = j;
}

/* The recipients that go where the first one goes come first; how many. */
static size_t
gather(const struct hop *h, struct job *j)
{
	char domain[DNS_NAME];
	size_t n = 0;

	hop_domain(h, j->b.rcpts[0].address, j->domain);
	for (size_t i = 0; i < j->b.n; i++) {
		struct batch_path path = j->b.rcpts[i];
		hop_domain(h, path.address, domain);
		if (strcmp(domain, j->domain) == 0) {
			j->b.rcpts[i] = j->b.rcpts[n];
			j->b.rcpts[n++] = path;
		}
	}
	return n;
}

void
agenda_add(struct agenda *a, const struct hop *h, const struct batch_job *b,
    char *line, int fd, job_report *report)
{
	struct job *j = job_new(b, line, fd, report), *rest;

	do {
		rest = job_split(j, gather(h, j));
		append(a, j);
	} while ((j = rest));
}

struct job *
agenda_take(struct agenda *a)
{
	struct job *j = a->first;

	a->first = j->next;
	return j;
}

void
agenda_put_back(struct agenda *a, struct job *j)
{
	j->next = a->first;
	a->first = j;
}

void
agenda_retry(struct agenda *a, struct job *j)
{
	struct job **at = a->again ? a->again : &a->first;

	j->next = *at;
	*at = j;
	a->again = &j->next;
}

void
agenda_retry_none(struct agenda *a)
{
	a->again = NULL;
}

void
agenda_free(struct agenda *a)
{
	while (a->first)
		job_free(agenda_take(a));
}

void
agenda_start(const struct agenda *a, struct job *j)
{
	if (a->max_time && !j->deadline)
		j->deadline = conn_now() + a->max_time * INT64_C(1000);
}

int64_t
agenda_left(const struct job *j)
{
	return j->deadline ? j->deadline - conn_now() : CONN_FOREVER;
}
