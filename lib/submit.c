#include "submit.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "address.h"
#include "intake.h"
#include "log.h"
#include "parse.h"
#include "supply.h"

#define HOPS_MAX 100
#define HEADER_MAX (1 << 20) /* held in memory for -t and missing fields */

/* --- the envelope --- */

static int
add_sender(struct submission *s, const char *sender, struct buf *why)
{
	struct buf text = BUF_INIT;
	int r = sender ? envelope_parse_sender(sender, &text)
		       : envelope_default_sender(&text);

	if (r)
		buf_addf(why, "sender: no address: %s",
		    sender ? sender : buf_str(&text));
	else
		envelope_sender(
		    &s->envelope, buf_str(&text), buf_str(&s->params));
	buf_free(&text);
	return r;
}

/* Mail in transit keeps its addresses; a user's are completed. */
static int
add_rcpt(struct submission *s, const char *rcpt, struct buf *why)
{
	struct buf text = BUF_INIT;
	struct address a;
	int r;

	if (s->in_transit)
		buf_adds(&text, rcpt);
	else
		envelope_qualify(rcpt, &text);
	r = address_parse(&a, buf_str(&text), text.len, ADDRESS_UTF8);
	if (r)
		buf_addf(why, "recipient: no address: %s", rcpt);
	else
		envelope_rcpt(&s->envelope, a.text, buf_str(&s->wishes));
	buf_free(&text);
	return r;
}

int
submit_envelope(struct submission *s, const char *sender, char *const rcpts[],
    struct buf *why)
{
	const char *id = getenv("MAIL_ID");

	if (id && parse_is_mail_id(id)) {
		s->in_transit = true;
		s->options.mail_id = id;
		s->supply = false;
	}
	if (add_sender(s, sender, why))
		return EX_DATAERR;
	for (; *rcpts; rcpts++)
		if (add_rcpt(s, *rcpts, why))
			return EX_DATAERR;
	if (s->envelope.n > 0 || s->collect)
		return EX_OK;
	buf_adds(why, "no recipient (try --help)");
	return EX_USAGE;
}

/* --- the message --- */

/* One message on its way from the descriptor to the queue. */
struct way {
	struct queue *q;
	struct submission *s;
	struct intake in;
	struct buf out;
	struct queue_add add;
	bool begun;
	struct buf *why;
};

static int
say(struct way *w, int code, const char *text)
{
	buf_adds(w->why, text);
	return code;
}

/* Whatever it is, it may pass: never a verdict on the message. */
static int
queue_trouble(struct way *w, const char *action)
{
	buf_addf(w->why, "%s: %s", action, strerror(errno));
	return EX_TEMPFAIL;
}

static int
collect(struct way *w)
{
	const struct buf *list = w->in.resent.len ? &w->in.resent : &w->in.to;
	struct envelope *e = &w->s->envelope;
	struct buf full = BUF_INIT;
	struct address a;
	size_t at, n;

	if (w->in.bad.len) {
		buf_addf(
		    w->why, "header: no address list: %s", buf_str(&w->in.bad));
		return EX_DATAERR;
	}
	for (at = 0; at < list->len; at += n + 1) {
		n = strlen(list->data + at);
		buf_reset(&full);
		envelope_qualify(list->data + at, &full);
		if (address_parse(&a, buf_str(&full), full.len, ADDRESS_UTF8)) {
			buf_addf(
			    w->why, "header: no address: %s", list->data + at);
			buf_free(&full);
			return EX_DATAERR;
		}
		envelope_rcpt(e, a.text, buf_str(&w->s->wishes));
	}
	buf_free(&full);
	if (e->n == 0)
		return say(w, EX_DATAERR, "header: no recipient");
	return 0;
}

/* The header is known as far as it is needed. */
static int
begin(struct way *w)
{
	const struct supply_from from = {
	    .sender = w->s->envelope.sender, .name = w->s->name};
	int r = w->s->collect ? collect(w) : 0;

	if (r)
		return r;
	if (w->s->supply)
		supply_fields(&w->in, &from, &w->out);
	envelope_unique(&w->s->envelope);
	if (queue_begin(w->q, &w->add, &w->s->envelope, &w->s->options)) {
		if (errno != EINVAL)
			return queue_trouble(w, "queue");
		return say(w, EX_DATAERR, "envelope: bad address or parameter");
	}
	w->begun = true;
	return 0;
}

static int
check(struct way *w)
{
	const char *what;
	uint64_t at = intake_offense(&w->in, &what);

	if (at) {
		buf_addf(w->why, "%s at byte %llu: such a message is refused",
		    what, (unsigned long long)at - 1);
		return EX_DATAERR;
	}
	if (w->in.hops > HOPS_MAX)
		return say(w, EX_UNAVAILABLE,
		    "554 5.4.6 Too many hops: the message loops");
	return 0;
}

static int
pass_on(struct way *w, bool end)
{
	int r = check(w);

	if (!r && !w->begun &&
	    (end || w->in.header_done || !(w->s->collect || w->s->supply)))
		r = begin(w);
	if (r)
		return r;
	if (!w->begun)
		return w->out.len + w->in.line.len <= HEADER_MAX
		    ? 0
		    : say(w, EX_DATAERR, "header: over 1 MiB");
	if (w->out.len && queue_write(&w->add, w->out.data, w->out.len))
		return queue_trouble(w, "write");
	buf_reset(&w->out);
	return 0;
}

static int
finish(struct way *w)
{
	uint64_t want = w->s->size;
	sigset_t old;
	int r;

	if (want != SUBMIT_ANY && w->in.octets != want) {
		buf_addf(w->why, "%llu octets came, not %llu",
		    (unsigned long long)w->in.octets, (unsigned long long)want);
		return EX_TEMPFAIL;
	}
	if (w->in.octets == 0 && !w->s->allow_empty)
		return say(w, EX_DATAERR, "empty message (--allow-empty)");
	intake_end(&w->in, &w->out);
	r = pass_on(w, true);
	if (r)
		return r;
	atomic_hold(&old);
	if (queue_commit(&w->add) == 0)
		return 0;
	w->begun = false;
	r = queue_trouble(w, "commit");
	sigprocmask(SIG_SETMASK, &old, NULL);
	return r;
}

static int
copy(struct way *w, int fd)
{
	char data[65536];
	ssize_t n;
	int r;

	for (;;) {
		n = read(fd, data, sizeof data);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return queue_trouble(w, "read message");
		if (n == 0)
			return finish(w);
		intake(&w->in, data, (size_t)n, &w->out);
		r = pass_on(w, false);
		if (r)
			return r;
	}
}

static void
log_queued(const struct submission *s, const char *id)
{
	const char *mail_id = s->options.mail_id;
	char count[24];

	snprintf(count, sizeof count, "%zu", s->envelope.n);
	log_event("queued", "id", id, "mail_id", mail_id ? mail_id : id,
	    "sender", s->envelope.sender, "rcpts", count, NULL);
}

int
submit(struct queue *q, struct submission *s, int fd, char id[QNAME_ID],
    struct buf *why)
{
	struct way w = {.q = q, .s = s, .why = why};
	int r;

	w.in.keep_bcc = s->in_transit;
	w.in.collect = s->collect;
	r = copy(&w, fd);
	if (r && w.begun)
		queue_abort(&w.add);
	if (!r) {
		memcpy(id, w.add.id, QNAME_ID);
		log_queued(s, id);
	}
	intake_free(&w.in);
	buf_free(&w.out);
	return r;
}
