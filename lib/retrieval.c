#include "retrieval.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "log.h"

#define ITEMS "(UID FLAGS INTERNALDATE BODY.PEEK[])"
#define AHEAD 3 /* FETCH commands on their way */

/* --- fetching --- */
static void
show_progress(const struct retrieval *t, bool last)
{
	if (t->progress)
		fprintf(stderr, last ? "\r\033[K" : "\r%zu of %zu", t->fetched,
		    t->wanted);
}

/* After each call that may have passed the barrier; code is what it returned.
 * -1 when no more can be fetched. */
static int
take_safe(struct retrieval *t, int code)
{
	struct barrier *b = &t->barrier;

	t->fetched += b->n_safe;
	if (b->n_safe)
		show_progress(t, false);
	b->n_safe = 0;
	if (code) {
		folder_failed(&t->folder, code, b->why);
		t->refused = true;
	}
	return b->broken ? -1 : 0;
}

static int
begin(struct retrieval *t)
{
	if (t->writing)
		return 0;
	t->writing = true;
	return take_safe(t, barrier_begin(&t->barrier));
}

static int
on_data(struct retrieval *t)
{
	const struct buf *data = &t->folder.wire->imap.said.data;

	if (begin(t) < 0)
		return -1;
	return take_safe(t, barrier_write(&t->barrier, data->data, data->len));
}

/* Only now, behind the message, its UID is sure to be known. */
static int
on_message(struct retrieval *t)
{
	const struct imapreply *said = &t->folder.wire->imap.said;
	struct barrier *b = &t->barrier;
	char *uid = t->uids[b->n_whole];
	struct sink_label label = {
	    .uid = said->uid, .arrived = said->has_date ? said->date : 0};

	if (!said->has_body)
		return 0;
	if (!ranges_remove(&t->asked, said->uid))
		return folder_failed(&t->folder, EX_PROTOCOL,
		    "server: a message that nothing asked for");
	if (begin(t) < 0)
		return -1;
	t->writing = false;
	snprintf(label.flags, sizeof label.flags, "%s", said->flags);
	snprintf(uid, sizeof *t->uids, "%u", said->uid);
	return take_safe(t, barrier_end(b, said->uid, uid, &label));
}

/* Keeps the server busy. */
static void
ask_more(struct retrieval *t)
{
	struct buf set = BUF_INIT;
	uint32_t last;

	while (imap_waiting(&t->folder.wire->imap) < AHEAD) {
		buf_reset(&set);
		last = folder_set(&t->folder, false, &t->next, &set, &t->asked);
		if (!last)
			break;
		buf_adds(&set, " " ITEMS);
		imapwire_ask(t->folder.wire, IMAP_FETCH, last, buf_str(&set));
	}
	buf_free(&set);
}

/* The answer to a FETCH: what it asked for is here, or does not come. */
static int
on_answer(struct retrieval *t, int event)
{
	const struct imapreply *said = &t->folder.wire->imap.said;

	t->missing += ranges_cut(&t->asked, said->number);
	if (t->writing)
		return folder_failed(&t->folder, EX_PROTOCOL,
		    "server: a message without its end");
	if (event != IMAP_OK && strcmp(said->code, "EXPUNGEISSUED") != 0) {
		folder_refused(&t->folder, "UID FETCH", event);
		t->refused = true;
	}
	return 0;
}

/* 0 when all is answered, else -1. */
static int
fetch_all(struct retrieval *t)
{
	int event, r = 0;

	while (ask_more(t), r == 0 && imap_waiting(&t->folder.wire->imap)) {
		event = folder_event(&t->folder);
		if (event < 0)
			return -1;
		if (event == IMAP_DATA)
			r = on_data(t);
		else if (event == IMAP_MESSAGE)
			r = on_message(t);
		else if (event <= IMAP_BAD)
			r = on_answer(t, event);
	}
	return r < 0 ? -1 : take_safe(t, barrier_pass(&t->barrier));
}

/* All up to last is here, or was not there: only then one range stands for
 * it, which --delete goes by. */
static void
settle(struct retrieval *t, uint32_t last)
{
	char range[24];

	if (t->missing > t->folder.wire->imap.said.expunged) {
		log_error("%s: %llu messages were not sent", t->folder.name,
		    (unsigned long long)t->missing);
		folder_note(&t->folder, EX_TEMPFAIL);
	}
	if (!t->folder.whole || t->missing || t->refused)
		return;
	if (!last && t->folder.n_listed)
		last = t->folder.listed[t->folder.n_listed - 1];
	if (!last || folder_covers(&t->folder, last))
		return;
	snprintf(range, sizeof range, "1:%u", last);
	seen_add(t->folder.seen, range, strlen(range), NULL);
}

/* --- deleting --- */
/* Waits until at most so many commands have no answer. */
static int
catch_up(struct folder *f, size_t waiting)
{
	struct imap *i = &f->wire->imap;
	int event;

	while (imap_waiting(i) > waiting) {
		event = folder_event(f);
		if (event < 0)
			return -1;
		if (event == IMAP_NO || event == IMAP_BAD)
			folder_refused(f,
			    i->said.verb == IMAP_STORE ? "UID STORE"
						       : "UID EXPUNGE",
			    event);
	}
	return 0;
}

/* Without UIDPLUS there is only EXPUNGE, which takes what others have marked,
 * too. */
static int
delete_seen(struct folder *f)
{
	bool can = f->wire->imap.said.has_uidplus;
	struct ranges marked = {0};
	struct buf set = BUF_INIT;
	size_t at = 0, n;
	int r = 0;

	while (r == 0 && folder_set(f, true, &at, &set, &marked)) {
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
work(struct retrieval *t, uint32_t last, uint32_t messages)
{
	int r = folder_list(&t->folder, last, messages);

	if (r)
		return r < 0 ? -1 : 0;
	t->wanted = count_wanted(&t->folder);
	t->had = messages > t->wanted ? messages - t->wanted : 0;
	r = fetch_all(t);
	if (r < 0) {
		/* What came whole before that is kept. */
		barrier_abort(&t->barrier);
		take_safe(t, barrier_pass(&t->barrier));
	} else
		settle(t, last);
	show_progress(t, true);
	return r == 0 && t->folder.deletes ? delete_seen(&t->folder) : r;
}

int
retrieval_run(struct retrieval *t)
{
	struct imap_counts counts;
	int r = folder_choose(&t->folder);

	if (r)
		return r < 0 ? -1 : 0;
	counts = t->folder.wire->imap.said.counts;
	t->barrier.sink = t->folder.sink;
	t->barrier.seen = t->folder.seen;
	if (folder_validate(&t->folder) < 0)
		return 0;
	if (!counts.messages || folder_is_done(&t->folder, &counts)) {
		t->had = counts.messages;
		t->folder.whole = !counts.messages;
		settle(t, counts.uidnext ? counts.uidnext - 1 : 0);
		return 0;
	}
	return work(
	    t, counts.uidnext ? counts.uidnext - 1 : 0, counts.messages);
}

void
retrieval_free(struct retrieval *t)
{
	folder_free(&t->folder);
	ranges_free(&t->asked);
}
