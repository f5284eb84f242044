#include "folder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "verdict.h"

#define SET 900   /* octets of a command's UIDs (RFC 7162 4) */
#define BATCH 256 /* and how many they are at most */

void
folder_note(struct folder *f, int code)
{
	f->status = verdict_worst(f->status, code);
}

int
folder_failed(struct folder *f, int code, const char *why)
{
	log_error("%s: %s", f->name, why);
	folder_note(f, code);
	return -1;
}

int
folder_event(struct folder *f)
{
	int code, event = imapwire_next(f->wire, &code);

	return event < 0 ? folder_failed(f, code, f->wire->why) : event;
}

/* RFC 5530: what will not pass by itself. */
static int
code_of(const char *code, int event)
{
	static const char *const lasting[] = {
	    "NONEXISTENT", "NOPERM", "CANNOT", "AUTHORIZATIONFAILED"};

	if (event == IMAP_BAD)
		return EX_PROTOCOL;
	for (size_t k = 0; k < sizeof lasting / sizeof *lasting; k++)
		if (strcmp(code, lasting[k]) == 0)
			return EX_UNAVAILABLE;
	return EX_TEMPFAIL;
}

void
folder_refused(struct folder *f, const char *command, int event)
{
	const struct imapreply *said = &f->wire->imap.said;

	log_error("%s: %s: %s", f->name, command, said->text);
	folder_note(f, code_of(said->code, event));
}

/* 0; 1 when the server refuses; -1 at the end. SELECT even where nothing is
 * deleted: what Courier gives out for EXAMINE are not yet lasting UIDs. */
int
folder_choose(struct folder *f)
{
	int event;

	imapwire_ask(f->wire, IMAP_SELECT, 0, f->quoted);
	do
		event = folder_event(f);
	while (event >= 0 &&
	    (event > IMAP_BAD || f->wire->imap.said.verb != IMAP_SELECT));
	if (event < 0)
		return -1;
	if (event != IMAP_OK) {
		folder_refused(f, "SELECT", event);
		return 1;
	}
	if (!f->wire->imap.said.counts.uidvalidity)
		folder_failed(
		    f, EX_UNAVAILABLE, "its messages have no lasting UIDs");
	else if (!f->wire->imap.said.counts.has_exists)
		folder_failed(f, EX_PROTOCOL,
		    "server: no word of how many messages it has");
	else
		return 0;
	return 1;
}

bool
folder_covers(const struct folder *f, uint32_t last)
{
	uint32_t gap = ranges_gap(seen_uids(f->seen));

	return gap == 0 || gap > last;
}

bool
folder_is_done(const struct folder *f, const struct imap_counts *c)
{
	return !f->rebuild && c->uidvalidity && c->uidnext &&
	    c->uidvalidity == seen_validity(f->seen) &&
	    folder_covers(f, c->uidnext - 1) && (!f->deletes || !c->messages);
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
int
folder_validate(struct folder *f)
{
	uint32_t now = f->wire->imap.said.counts.uidvalidity;
	uint32_t was = seen_validity(f->seen);

	if (was != now || f->rebuild)
		seen_renew(f->seen, now);
	if (f->rebuild && sink_each(f->sink, note_name, f->seen) < 0) {
		log_error("read %s: %s", f->sink->path, strerror(errno));
		folder_note(f, EX_TEMPFAIL);
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
	uint64_t n = f->n_listed + f->wire->imap.said.expunged;

	f->whole = f->n_listed >= messages;
	if (n >= messages)
		return;
	log_error("%s: %llu messages were not listed", f->name,
	    (unsigned long long)(messages - n));
	folder_note(f, EX_TEMPFAIL);
}

/* The UIDs from the first that may be new to the last, 0: whatever it is. 0; 1
 * when the server refuses; -1 at the end. */
int
folder_list(struct folder *f, uint32_t last, uint32_t messages)
{
	const struct imap *i = &f->wire->imap;
	uint32_t from = list_from(f);
	struct buf set = BUF_INIT;
	size_t cap = 0;
	int event;

	buf_addf(&set, last ? "%u:%u (UID)" : "%u:* (UID)", from, last);
	imapwire_ask(f->wire, IMAP_FETCH, 0, buf_str(&set));
	buf_free(&set);
	while ((event = folder_event(f)) > IMAP_BAD) {
		if (event == IMAP_DATA ||
		    (event == IMAP_MESSAGE && i->said.has_body))
			return folder_failed(f, EX_PROTOCOL,
			    "server: a message that nothing asked for");
		if (event == IMAP_MESSAGE && i->said.uid >= from &&
		    (!last || i->said.uid <= last))
			add_listed(f, i->said.uid, &cap);
	}
	sort_listed(f);
	if (event == IMAP_OK && from == 1)
		count_listed(f, last ? messages : i->said.counts.messages);
	if (event <= IMAP_OK)
		return event < 0 ? -1 : 0;
	folder_refused(f, "UID FETCH", event);
	return 1;
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
uint32_t
folder_set(const struct folder *f, bool seen, size_t *at, struct buf *set,
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

void
folder_free(struct folder *f)
{
	free(f->listed);
}
