#include "collector.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "verdict.h"

void
collector_failed(struct collector *c, int code)
{
	c->status = verdict_worst(c->status, code);
}

static int
failed(struct collector *c, int code, const char *why)
{
	log_error("%s", why);
	collector_failed(c, code);
	return -1;
}

/* The next event, or -1 when the connection is of no more use. */
static int
next_event(struct collector *c)
{
	int code, event = pop3wire_next(&c->wire, &code);

	return event < 0 ? failed(c, code, c->wire.why) : event;
}

/* --- what is there --- */
/* A whole listing. 0; 1 when the server refuses it; -1 at the end. */
static int
read_listing(struct collector *c, enum pop3_verb verb)
{
	int event;

	pop3wire_ask(&c->wire, verb, 0);
	while ((event = next_event(c)) >= 0 && event != POP3_END) {
		if (event == POP3_ERR)
			return 1;
		if (event == POP3_ITEM)
			uidl_add(&c->listing, c->wire.pop.item,
			    c->wire.pop.text,
			    verb == POP3_UIDL ? c->wire.pop.text_len : 0);
	}
	return event < 0 ? -1 : 0;
}

static int
list(struct collector *c)
{
	int r = read_listing(c, POP3_CAPA);

	if (r >= 0)
		r = read_listing(c, POP3_UIDL);
	if (r <= 0)
		return r;
	if (!c->deletes)
		return failed(c, EX_UNAVAILABLE,
		    "server has no UIDL, so that what is new cannot be told "
		    "from what is not; --delete works");
	c->seen = NULL;
	r = read_listing(c, POP3_LIST);
	if (r <= 0)
		return r;
	log_error("LIST: %s", c->wire.pop.text);
	collector_failed(c, EX_TEMPFAIL);
	return -1;
}

/* What is in the journal is not fetched again; it is deleted on sight, unless
 * its unique-id may mean another message. */
static void
choose(struct collector *c)
{
	struct uidl *l = &c->listing;

	c->doomed = xrealloc(NULL, (l->n + 1) * sizeof *c->doomed);
	uidl_compare(l);
	for (size_t i = 0; i < l->n; i++) {
		struct uidl_message *m = &l->messages[i];
		bool known = c->seen && m->uid &&
		    seen_has(c->seen, m->uid, strlen(m->uid));

		if (c->seen && !m->uid && !c->deletes) {
			log_error("message %u: the server gives no unique-id; "
				  "--delete fetches it",
			    m->number);
			collector_failed(c, EX_UNAVAILABLE);
		} else if (!known || (c->deletes && m->shared)) {
			m->wanted = true;
			c->wanted++;
		} else {
			c->had++;
			if (c->deletes)
				c->doomed[c->n_doomed++] = m->number;
		}
	}
}

/* --- fetching --- */
static void
show_progress(const struct collector *c, bool last)
{
	if (c->progress)
		fprintf(stderr, last ? "\r\033[K" : "\r%zu of %zu", c->fetched,
		    c->wanted);
}

/* After each call that may have passed the barrier; code is what it returned.
 * -1 when no more can be fetched. */
static int
take_safe(struct collector *c, int code)
{
	struct barrier *b = &c->barrier;

	for (size_t i = 0; c->deletes && i < b->n_safe; i++)
		c->doomed[c->n_doomed++] = b->safe[i];
	c->fetched += b->n_safe;
	if (b->n_safe)
		show_progress(c, false);
	b->n_safe = 0;
	if (code)
		failed(c, code, b->why);
	return b->broken ? -1 : 0;
}

/* A unique-id that several share is in the journal only with the last of them:
 * with it there the others would count as fetched. */
static int
on_message(struct collector *c, int event)
{
	const struct pop3 *p = &c->wire.pop;
	struct barrier *b = &c->barrier;
	const struct uidl_message *m;

	if (event == POP3_OK)
		return take_safe(c, barrier_begin(b));
	if (event == POP3_DATA)
		return take_safe(
		    c, barrier_write(b, p->data.data, p->data.len));
	m = uidl_find(&c->listing, p->number);
	return take_safe(
	    c, barrier_end(b, m->number, m->followed ? NULL : m->uid, NULL));
}

/* Keeps the server busy: DELE first, then RETR, as far as the window goes. */
static void
ask_more(struct collector *c)
{
	size_t window = c->wire.pop.has_pipelining ? POP3_WINDOW : 1;
	const struct uidl *l = &c->listing;

	if (pop3_waiting(&c->wire.pop) > window / 2)
		return;
	while (pop3_waiting(&c->wire.pop) < window) {
		if (c->next_doomed < c->n_doomed) {
			pop3wire_ask(
			    &c->wire, POP3_DELE, c->doomed[c->next_doomed++]);
			continue;
		}
		while (c->next < l->n && !l->messages[c->next].wanted)
			c->next++;
		if (c->next == l->n)
			return;
		pop3wire_ask(
		    &c->wire, POP3_RETR, l->messages[c->next++].number);
	}
}

/* 0 when all is answered, else -1. */
static int
fetch_all(struct collector *c)
{
	struct pop3 *p = &c->wire.pop;
	int event;

	for (;;) {
		ask_more(c);
		if (!pop3_waiting(p)) {
			if (take_safe(c, barrier_pass(&c->barrier)) < 0)
				return -1;
			if (c->next_doomed == c->n_doomed)
				return 0;
			continue;
		}
		event = next_event(c);
		if (event < 0)
			return -1;
		if (event == POP3_ERR) {
			log_error("message %u: %s: %s", p->number,
			    p->verb == POP3_RETR ? "RETR" : "DELE", p->text);
			collector_failed(c, EX_TEMPFAIL);
		} else if (p->verb == POP3_RETR && on_message(c, event) < 0)
			return -1;
	}
}

/* The server deletes at QUIT: until it has said so, that is not known. Where
 * nothing was to be deleted its goodbye does not matter. */
static void
quit(struct collector *c)
{
	int code, event;

	pop3wire_ask(&c->wire, POP3_QUIT, 0);
	event = pop3wire_next(&c->wire, &code);
	if (!c->n_doomed)
		return;
	if (event < 0)
		failed(c, code, c->wire.why);
	else if (event == POP3_ERR) {
		log_error("QUIT: %s", c->wire.pop.text);
		collector_failed(c, EX_TEMPFAIL);
	}
}

void
collector_run(struct collector *c)
{
	if (list(c) < 0)
		return;
	choose(c);
	c->barrier.sink = c->sink;
	c->barrier.seen = c->seen;
	if (fetch_all(c) == 0)
		quit(c);
	else {
		/* What came whole before that is kept. */
		barrier_abort(&c->barrier);
		take_safe(c, barrier_pass(&c->barrier));
	}
	show_progress(c, true);
}

void
collector_free(struct collector *c)
{
	pop3wire_close(&c->wire);
	uidl_free(&c->listing);
	free(c->doomed);
}
