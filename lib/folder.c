#include "folder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "verdict.h"

#define ITEMS "(UID FLAGS INTERNALDATE BODY.PEEK[])"
#define SET 900   /* octets of a command's UIDs (RFC 7162 4) */
#define BATCH 256 /* messages of a FETCH, */
#define AHEAD 3   /* and how many of them are on their way */

static void
note(struct folder *f, int code)
{
	f->status = verdict_worst(f->status, code);
}

static int
failed(struct folder *f, int code, const char *why)
{
	log_error("%s: %s", f->name, why);
	note(f, code);
	return -1;
}

/* The next event, or -1 when the connection is of no more use. */
static int
next_event(struct folder *f)
{
	int code, event = imapwire_next(f->wire, &code);

	return event < 0 ? failed(f, code, f->wire->why) : event;
}

/* RFC 5530: what will not pass by itself. */
static int
code_of(const struct imap *i, int event)
{
	static const char *const lasting[] = {
	    "NONEXISTENT", "NOPERM", "CANNOT", "AUTHORIZATIONFAILED"};

	if (event == IMAP_BAD)
		return EX_PROTOCOL;
	for (size_t k = 0; k < sizeof lasting / sizeof *lasting; k++)
		if (strcmp(i->code, lasting[k]) == 0)
			return EX_UNAVAILABLE;
	return EX_TEMPFAIL;
}

static void
refused(struct folder *f, const char *command, int event)
{
	const struct imap *i = &f->wire->imap;

	log_error("%s: %s: %s", f->name, command, i->text);
	note(f, code_of(i, event));
}

/* --- what is there --- */
/* 0; 1 when the server refuses; -1 at the end. SELECT even where nothing is
 * deleted: what Courier gives out for EXAMINE are not yet lasting UIDs. */
static int
choose(struct folder *f)
{
	int event;

	imapwire_ask(f->wire, IMAP_SELECT, 0, f->quoted);
	do
		event = next_event(f);
	while (event >= 0 &&
	    (event > IMAP_BAD || f->wire->imap.verb != IMAP_SELECT));
	if (event < 0)
		return -1;
	if (event != IMAP_OK) {
		refused(f, "SELECT", event);
		return 1;
	}
	if (!f->wire->imap.counts.uidvalidity)
		failed(f, EX_UNAVAILABLE, "its messages have no lasting UIDs");
	else if (!f->wire->imap.counts.has_exists)
		failed(f, EX_PROTOCOL,
		    "server: no word of how many messages it has");
	else
		return 0;
	return 1;
}

static bool
covers(const struct seen *s, uint32_t last)
{
	uint32_t gap = ranges_gap(seen_uids(s));

	return gap == 0 || gap > last;
}

bool
folder_is_done(const struct folder *f, const struct imap_counts *c)
{
	return !f->rebuild && c->uidvalidity && c->uidnext &&
	    c->uidvalidity == seen_validity(f->seen) &&
	    covers(f->seen, c->uidnext - 1) && (!f->deletes || !c->messages);
}

static void
note_name(const char *name, void *arg)
{
	const char *uid = strstr(name, ",U=");
	size_t n = uid ? strspn(uid + 3, "0123456789") : 0;

	/* What is no UID names no message. */
	if (n)
		seen_add(arg, uid + 3, n, NULL);
}

/* What the journal says must be of these UIDs. */
static int
validate(struct folder *f)
{
	uint32_t now = f->wire->imap.counts.uidvalidity;
	uint32_t was = seen_validity(f->seen);

	if (was != now || f->rebuild)
		seen_renew(f->seen, now);
	if (f->rebuild && sink_each(f->sink, note_name, f->seen) < 0) {
		log_error("read %s: %s", f->sink->path, strerror(errno));
		note(f, EX_TEMPFAIL);
		return -1;
	}
	if (was && was != now && !f->rebuild)
		log_error("%s: UIDVALIDITY has changed from %u to %u: all is "
			  "fetched again",
		    f->name, was, now);
	return 0;
}

static int
by_number(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Ascending, each once. */
static void
sort_listed(struct folder *f)
{
	size_t n = 0;

	if (f->n_listed)
		qsort(f->listed, f->n_listed, sizeof *f->listed, by_number);
	for (size_t k = 0; k < f->n_listed; k++)
		if (n == 0 || f->listed[n - 1] != f->listed[k])
			f->listed[n++] = f->listed[k];
	f->n_listed = n;
}

static void
add_listed(struct folder *f, uint32_t uid, size_t *cap)
{
	if (f->n_listed == *cap) {
		*cap = *cap ? 2 * *cap : 256;
		f->listed = xrealloc(f->listed, *cap * sizeof *f->listed);
	}
	f->listed[f->n_listed++] = uid;
}

/* Where to list from. Behind the first that may be new, unless there are gaps:
 * only of a whole list can be told that it leaves nothing out. */
static uint32_t
list_from(const struct folder *f)
{
	const struct ranges *known = seen_uids(f->seen);

	if (f->deletes || known->n > 1)
		return 1;
	return ranges_gap(known);
}

/* A UID that a whole list left out is not one that does not exist. What was
 * expunged meanwhile may have been listed or not: nothing is known then. */
static void
count_listed(struct folder *f, uint32_t messages)
{
	uint64_t n = f->n_listed + f->wire->imap.expunged;

	f->whole = f->n_listed >= messages;
	if (n >= messages)
		return;
	log_error("%s: %llu messages were not listed", f->name,
	    (unsigned long long)(messages - n));
	note(f, EX_TEMPFAIL);
}

/* The UIDs from the first that may be new to the last, 0: whatever it is. 0; 1
 * when the server refuses; -1 at the end. */
static int
list(struct folder *f, uint32_t last, uint32_t messages)
{
	const struct imap *i = &f->wire->imap;
	uint32_t from = list_from(f);
	struct buf set = BUF_INIT;
	size_t cap = 0;
	int event;

	buf_addf(&set, last ? "%u:%u (UID)" : "%u:* (UID)", from, last);
	imapwire_ask(f->wire, IMAP_FETCH, 0, buf_str(&set));
	buf_free(&set);
	while ((event = next_event(f)) > IMAP_BAD) {
		if (event == IMAP_DATA ||
		    (event == IMAP_MESSAGE && i->has_body))
			return failed(f, EX_PROTOCOL,
			    "server: a message that nothing asked for");
		if (event == IMAP_MESSAGE && i->uid >= from &&
		    (!last || i->uid <= last))
			add_listed(f, i->uid, &cap);
	}
	sort_listed(f);
	if (event == IMAP_OK && from == 1)
		count_listed(f, last ? messages : i->counts.messages);
	if (event <= IMAP_OK)
		return event < 0 ? -1 : 0;
	refused(f, "UID FETCH", event);
	return 1;
}

/* --- fetching --- */
static void
show_progress(const struct folder *f, bool last)
{
	if (f->progress)
		fprintf(stderr, last ? "\r\033[K" : "\r%zu of %zu", f->fetched,
		    f->wanted);
}

/* After each call that may have passed the barrier; code is what it returned.
 * -1 when no more can be fetched. */
static int
take_safe(struct folder *f, int code)
{
	struct barrier *b = &f->barrier;

	f->fetched += b->n_safe;
	if (b->n_safe)
		show_progress(f, false);
	b->n_safe = 0;
	if (code) {
		failed(f, code, b->why);
		f->refused = true;
	}
	return b->broken ? -1 : 0;
}

static int
begin(struct folder *f)
{
	if (f->writing)
		return 0;
	f->writing = true;
	return take_safe(f, barrier_begin(&f->barrier));
}

static int
on_data(struct folder *f)
{
	const struct buf *data = &f->wire->imap.data;

	if (begin(f) < 0)
		return -1;
	return take_safe(f, barrier_write(&f->barrier, data->data, data->len));
}

/* Only now, behind the message, its UID is sure to be known. */
static int
on_message(struct folder *f)
{
	const struct imap *i = &f->wire->imap;
	struct barrier *b = &f->barrier;
	char *uid = f->uids[b->n_whole];
	struct sink_label label = {
	    .uid = i->uid, .arrived = i->has_date ? i->date : 0};

	if (!i->has_body)
		return 0;
	if (!ranges_remove(&f->asked, i->uid))
		return failed(
		    f, EX_PROTOCOL, "server: a message that nothing asked for");
	if (begin(f) < 0)
		return -1;
	f->writing = false;
	snprintf(label.flags, sizeof label.flags, "%s", i->flags);
	snprintf(uid, sizeof *f->uids, "%u", i->uid);
	return take_safe(f, barrier_end(b, i->uid, uid, &label));
}

static void
add_range(struct buf *set, struct ranges *taken, const struct range *r)
{
	if (!r->last)
		return;
	buf_addf(set, r->first == r->last ? "%s%u" : "%s%u:%u",
	    set->len ? "," : "", r->first, r->last);
	ranges_add(taken, r->first, r->last);
}

/* Adds UIDs from *at on that were seen, or were not, to the set until it is
 * full, and to taken. The last of them, 0 for none. */
static uint32_t
add_set(struct folder *f, bool seen, size_t *at, struct buf *set,
    struct ranges *taken)
{
	const struct ranges *known = seen_uids(f->seen);
	struct range r = {0, 0};

	for (size_t n = 0; *at < f->n_listed && set->len < SET && n < BATCH;
	     ++*at) {
		uint32_t uid = f->listed[*at];

		if (ranges_has(known, uid) != seen)
			continue;
		n++;
		if (uid != r.last + 1 || !r.last) {
			add_range(set, taken, &r);
			r.first = uid;
		}
		r.last = uid;
	}
	add_range(set, taken, &r);
	return r.last;
}

/* Keeps the server busy. */
static void
ask_more(struct folder *f)
{
	struct buf set = BUF_INIT;
	uint32_t last;

	while (imap_waiting(&f->wire->imap) < AHEAD) {
		buf_reset(&set);
		last = add_set(f, false, &f->next, &set, &f->asked);
		if (!last)
			break;
		buf_adds(&set, " " ITEMS);
		imapwire_ask(f->wire, IMAP_FETCH, last, buf_str(&set));
	}
	buf_free(&set);
}

/* The answer to a FETCH: what it asked for is here, or does not come. */
static int
on_answer(struct folder *f, int event)
{
	const struct imap *i = &f->wire->imap;

	f->missing += ranges_cut(&f->asked, i->number);
	if (f->writing)
		return failed(
		    f, EX_PROTOCOL, "server: a message without its end");
	if (event != IMAP_OK && strcmp(i->code, "EXPUNGEISSUED") != 0) {
		refused(f, "UID FETCH", event);
		f->refused = true;
	}
	return 0;
}

/* 0 when all is answered, else -1. */
static int
fetch_all(struct folder *f)
{
	int event, r = 0;

	while (ask_more(f), r == 0 && imap_waiting(&f->wire->imap)) {
		event = next_event(f);
		if (event < 0)
			return -1;
		if (event == IMAP_DATA)
			r = on_data(f);
		else if (event == IMAP_MESSAGE)
			r = on_message(f);
		else if (event <= IMAP_BAD)
			r = on_answer(f, event);
	}
	return r < 0 ? -1 : take_safe(f, barrier_pass(&f->barrier));
}

/* All up to last is here, or was not there: only then one range stands for
 * it, which --delete goes by. */
static void
settle(struct folder *f, uint32_t last)
{
	char range[24];

	if (f->missing > f->wire->imap.expunged) {
		log_error("%s: %llu messages were not sent", f->name,
		    (unsigned long long)f->missing);
		note(f, EX_TEMPFAIL);
	}
	if (!f->whole || f->missing || f->refused)
		return;
	if (!last && f->n_listed)
		last = f->listed[f->n_listed - 1];
	if (!last || covers(f->seen, last))
		return;
	snprintf(range, sizeof range, "1:%u", last);
	seen_add(f->seen, range, strlen(range), NULL);
}

/* --- deleting --- */
/* Waits until at most so many commands have no answer. */
static int
catch_up(struct folder *f, size_t waiting)
{
	struct imap *i = &f->wire->imap;
	int event;

	while (imap_waiting(i) > waiting) {
		event = next_event(f);
		if (event < 0)
			return -1;
		if (event == IMAP_NO || event == IMAP_BAD)
			refused(f,
			    i->verb == IMAP_STORE ? "UID STORE" : "UID EXPUNGE",
			    event);
	}
	return 0;
}

/* Without UIDPLUS there is only EXPUNGE, which takes what others have marked,
 * too. */
static int
delete_seen(struct folder *f)
{
	bool can = f->wire->imap.has_uidplus;
	struct ranges marked = {0};
	struct buf set = BUF_INIT;
	size_t at = 0, n;
	int r = 0;

	while (r == 0 && add_set(f, true, &at, &set, &marked)) {
		n = set.len;
		buf_adds(&set, " +FLAGS.SILENT (\\Deleted)");
		imapwire_ask(f->wire, IMAP_STORE, 0, buf_str(&set));
		set.len = n;
		if (can)
			imapwire_ask(f->wire, IMAP_EXPUNGE, 0, buf_str(&set));
		buf_reset(&set);
		r = catch_up(f, IMAP_WINDOW - 2);
	}
	if (r == 0)
		r = catch_up(f, 0);
	if (r == 0 && !can && marked.n)
		log_error("%s: the server has no UIDPLUS: messages are marked "
			  "as deleted and stay until something expunges them",
		    f->name);
	buf_free(&set);
	ranges_free(&marked);
	return r;
}

static size_t
count_wanted(const struct folder *f)
{
	size_t n = 0;

	for (size_t k = 0; k < f->n_listed; k++)
		n += !ranges_has(seen_uids(f->seen), f->listed[k]);
	return n;
}

static int
work(struct folder *f, uint32_t last, uint32_t messages)
{
	int r = list(f, last, messages);

	if (r)
		return r < 0 ? -1 : 0;
	f->wanted = count_wanted(f);
	f->had = messages > f->wanted ? messages - f->wanted : 0;
	r = fetch_all(f);
	if (r < 0) {
		/* What came whole before that is kept. */
		barrier_abort(&f->barrier);
		take_safe(f, barrier_pass(&f->barrier));
	} else
		settle(f, last);
	show_progress(f, true);
	return r == 0 && f->deletes ? delete_seen(f) : r;
}

int
folder_run(struct folder *f)
{
	struct imap_counts counts;
	int r = choose(f);

	if (r)
		return r < 0 ? -1 : 0;
	counts = f->wire->imap.counts;
	f->barrier.sink = f->sink;
	f->barrier.seen = f->seen;
	if (validate(f) < 0)
		return 0;
	if (!counts.messages || folder_is_done(f, &counts)) {
		f->had = counts.messages;
		f->whole = !counts.messages;
		settle(f, counts.uidnext ? counts.uidnext - 1 : 0);
		return 0;
	}
	return work(
	    f, counts.uidnext ? counts.uidnext - 1 : 0, counts.messages);
}

void
folder_free(struct folder *f)
{
	free(f->listed);
	ranges_free(&f->asked);
}
