#include "transfer.h"

#include <stdlib.h>
#include <string.h>

struct transfer *
transfer_add(struct transfers *all, const struct smtp_message *m)
{
	struct transfer *t = xrealloc(NULL, sizeof *t + m->n);

	*t = (struct transfer){.m = m};
	memset(t->rcpt, PENDING, m->n);
	if (all->last)
		all->last->next = t;
	else
		all->first = t;
	all->last = t;
	all->n++;
	return t;
}

void
transfer_remove(struct transfers *all, struct transfer *t)
{
	struct transfer *before = NULL, *at = all->first;

	for (; at != t; at = at->next)
		before = at;
	if (before)
		before->next = t->next;
	else
		all->first = t->next;
	if (all->last == t)
		all->last = before;
	all->n--;
	free(t);
}

bool
transfer_has_more(const struct transfer *t)
{
	return t->step <= t->m->n + 1;
}

enum verb
transfer_command(
    struct transfer *t, int offered, struct buf *line, size_t *rcpt)
{
	size_t step = t->step++;

	*rcpt = 0;
	if (step == 0) {
		esmtp_mail(offered, t->m, line);
		return MAIL;
	}
	if (step <= t->m->n) {
		*rcpt = step - 1;
		esmtp_rcpt(offered, &t->m->rcpts[*rcpt], line);
		return RCPT;
	}
	t->chunk = offered & ESMTP_CHUNKING;
	if (t->chunk) {
		buf_addf(
		    line, "BDAT %llu LAST", (unsigned long long)t->m->size);
		return END;
	}
	buf_adds(line, "DATA");
	return DATA;
}

void
transfer_body_begin(struct transfer *t)
{
	t->wire = (struct crlf_wire){.bol = true, .stuff = !t->chunk};
}

/* What a chunk's server counts is right, or nothing of it is sent. */
static bool
fits(struct transfer *t, size_t n)
{
	t->sized += n;
	return !t->chunk || t->sized <= t->m->size;
}

bool
transfer_body(struct transfer *t, const char *data, size_t n, struct buf *out)
{
	size_t before = out->len;

	crlf_wire(&t->wire, data, n, out);
	return fits(t, out->len - before);
}

bool
transfer_body_end(struct transfer *t, struct buf *out)
{
	size_t before = out->len;

	crlf_wire_end(&t->wire, out);
	if (!fits(t, out->len - before))
		return false;
	if (!t->chunk)
		buf_adds(out, ".\r\n");
	return !t->chunk || t->sized == t->m->size;
}

/* Whether a server may say so that it takes no more of them in one transaction
 * (RFC 5321 4.5.3.1.10), and not of a mailbox that is full (RFC 3463 3.3). */
static bool
is_one_too_many(const struct reply *r)
{
	return (r->code == 452 || r->code == 552) &&
	    (!r->enhanced[0] || strncmp(r->enhanced + 1, ".2.", 3) != 0);
}

bool
transfer_rcpt(struct transfer *t, size_t rcpt, const struct reply *r)
{
	if (t->rcpt[rcpt] != PENDING)
		return true;
	if (r->code / 100 == 2) {
		t->rcpt[rcpt] = ACCEPTED;
		t->accepted++;
		return true;
	}
	t->rcpt[rcpt] = FINISHED;
	return t->accepted && is_one_too_many(r);
}

enum batch_fate
transfer_fate(const struct reply *r)
{
	return r->code < 300 ? BATCH_OK
	    : r->code < 500  ? BATCH_TEMP
			     : BATCH_PERM;
}

size_t
transfer_next(struct transfer *t)
{
	size_t i = 0;

	while (t->rcpt[i] != ACCEPTED)
		i++;
	t->rcpt[i] = FINISHED;
	t->accepted--;
	return i;
}

bool
transfer_give(struct transfer *t, size_t *rcpt)
{
	for (size_t i = t->given; i < t->m->n; i++)
		if (t->rcpt[i] != FINISHED) {
			t->rcpt[i] = FINISHED;
			t->given = i + 1;
			*rcpt = i;
			return true;
		}
	t->given = t->m->n;
	return false;
}
