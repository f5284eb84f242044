#include "job.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "buf.h"
#include "dsn.h"

static struct job *
make(const struct batch_job *b, struct job_source *source, job_report *report)
{
	struct job *j = xrealloc(NULL, sizeof *j);

	*j = (struct job){
	    .b = *b, .source = source, .out.fd = -1, .report = report};
	j->reported = xrealloc(NULL, b->n * sizeof *j->reported);
	memset(j->reported, 0, b->n * sizeof *j->reported);
	source->users++;
	return j;
}

struct job *
job_new(const struct batch_job *b, char *line, int fd, job_report *report)
{
	struct job_source *source = xrealloc(NULL, sizeof *source);

	*source = (struct job_source){.line = line, .fd = fd};
	return make(b, source, report);
}

struct job *
job_split(struct job *j, size_t n)
{
	struct batch_job rest = j->b;
	struct job *other;

	if (n == j->b.n)
		return NULL;
	rest.n = j->b.n - n;
	rest.rcpts = xrealloc(NULL, rest.n * sizeof *rest.rcpts);
	memcpy(rest.rcpts, j->b.rcpts + n, rest.n * sizeof *rest.rcpts);
	j->b.n = n;
	other = make(&rest, j->source, j->report);
	strcpy(other->domain, j->domain);
	other->retried = j->retried;
	other->deadline = j->deadline;
	return other;
}

static void
release(struct job_source *s)
{
	if (--s->users)
		return;
	if (s->fd >= 0)
		close(s->fd);
	free(s->line);
	free(s);
}

void
job_free(struct job *j)
{
	outgoing_close(&j->out);
	batch_job_free(&j->b);
	release(j->source);
	free(j->reported);
	free(j);
}

/* Whether the sender hears nothing of the success that was asked for unless
 * our caller says it (RFC 3461 5.2.2). */
static bool
is_relayed(const struct job *j, size_t rcpt)
{
	return j->no_dsn &&
	    dsn_notifies(j->b.rcpts[rcpt].params, "SUCCESS", false);
}

void
job_result(
    struct job *j, size_t rcpt, enum batch_fate fate, const struct reply *why)
{
	struct reply said = *why;

	if (fate == BATCH_OK && is_relayed(j, rcpt))
		snprintf(said.text, sizeof said.text, "%s%.480s", BATCH_NO_DSN,
		    why->text);
	j->reported[rcpt] = true;
	j->report(&j->b, rcpt, fate, &said);
}

void
job_end(struct job *j, enum batch_fate fate, const struct reply *why)
{
	for (size_t i = 0; i < j->b.n; i++)
		if (!j->reported[i])
			job_result(j, i, fate, why);
	job_free(j);
}

bool
job_is_done(const struct job *j)
{
	for (size_t i = 0; i < j->b.n; i++)
		if (!j->reported[i])
			return false;
	return true;
}

/* -1 with the reason. */
static int
open_message(struct job *j, struct reply *why)
{
	int fd = -1;

	if (j->source->fd >= 0) {
		fd = fcntl(j->source->fd, F_DUPFD_CLOEXEC, 0);
		if (fd < 0) {
			*why = (struct reply){.text = "no descriptor left"};
			return -1;
		}
	}
	return outgoing_open(
	    &j->out, fd, j->b.path, j->b.offset, j->b.size, why);
}

bool
job_prepare(struct job *j, bool allow_empty)
{
	struct reply why = {554, "5.6.0", "message of no octets", 1};

	j->prepared = true;
	if (open_message(j, &why) == 0 && (j->out.size || allow_empty))
		return true;
	job_end(j, why.code ? BATCH_PERM : BATCH_TEMP, &why);
	return false;
}

/* A recipient's domain, or all of a local part that has none. */
static const char *
domain_of(const struct batch_path *path)
{
	const char *at = strrchr(path->address, '@');

	return at ? at + 1 : path->address;
}

/* Whether the domain is one of the n, or can be one more of them. */
static bool
has_room(const char *list[], size_t *n, uint64_t most, const char *domain)
{
	for (size_t i = 0; i < *n; i++)
		if (strcasecmp(list[i], domain) == 0)
			return true;
	if (*n == most)
		return false;
	list[(*n)++] = domain;
	return true;
}

/* The recipients of as many domains come first; how many. */
static size_t
gather(struct job *j, uint64_t domains)
{
	const char **list;
	size_t n = 0, known = 0;

	if (!domains)
		return j->b.n;
	list = xrealloc(NULL, j->b.n * sizeof *list);
	for (size_t i = 0; i < j->b.n; i++) {
		struct batch_path path = j->b.rcpts[i];
		if (has_room(list, &known, domains, domain_of(&path))) {
			j->b.rcpts[i] = j->b.rcpts[n];
			j->b.rcpts[n++] = path;
		}
	}
	free(list);
	return n;
}

/* Those beyond what one transaction takes. */
static struct job *
split(struct job *j, const struct esmtp_offer *o, uint64_t most)
{
	size_t n = gather(j, o->domains);

	if (o->rcpts && (!most || o->rcpts < most))
		most = o->rcpts;
	return job_split(j, most && most < n ? (size_t)most : n);
}

/* Why the message cannot go to any or to that recipient, or NULL. */
static const struct reply *
objection(const struct job *j, const struct esmtp_offer *o, size_t rcpt)
{
	static const struct reply utf8 = {
	    553, "5.6.7", "address needs SMTPUTF8, which is not offered", 1};
	static const struct reply header = {
	    554, "5.6.7", "header needs SMTPUTF8, which is not offered", 1};
	static const struct reply size = {
	    552, "5.3.4", "message is larger than the server takes", 1};

	if (o->size && scan_wire(&j->out.checked) > o->size)
		return &size;
	if (!esmtp_takes(o->extensions, &j->b.sender) ||
	    !esmtp_takes(o->extensions, &j->b.rcpts[rcpt]))
		return &utf8;
	if (j->out.checked.high_header &&
	    !esmtp_takes_header(o->extensions, &j->b.sender))
		return &header;
	return NULL;
}

bool
job_address(struct job *j, const struct esmtp_offer *o, uint64_t most,
    struct job **rest)
{
	size_t n = 0;

	*rest = NULL;
	for (size_t i = 0; i < j->b.n; i++) {
		const struct reply *why;
		if (j->reported[i])
			continue;
		why = objection(j, o, i);
		if (!why)
			j->b.rcpts[n++] = j->b.rcpts[i];
		else
			job_result(j, i, BATCH_PERM, why);
	}
	memset(j->reported, 0, j->b.n * sizeof *j->reported);
	j->b.n = n;
	if (n == 0) {
		job_free(j);
		return false;
	}
	*rest = split(j, o, most);
	j->no_dsn = !(o->extensions & ESMTP_DSN);
	j->message = (struct smtp_message){.sender = &j->b.sender,
	    .rcpts = j->b.rcpts,
	    .n = j->b.n,
	    .size = scan_wire(&j->out.checked),
	    .eightbit = j->out.checked.high};
	return true;
}
