#include "folders.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "foldername.h"

#define FOLDERS 100000
#define OCTETS (4U << 20) /* of their names, each kept in some forms */
#define WANTED "(MESSAGES UIDNEXT UIDVALIDITY)"

static char *
take(struct buf *b)
{
	char *s = xstrdup(buf_str(b));

	buf_free(b);
	return s;
}

void
folders_add(struct folders *l, const char *name, size_t n, char separator)
{
	struct buf quoted = BUF_INIT, shown = BUF_INIT;
	struct folders_entry *e;

	if (l->n == l->cap) {
		l->cap = 2 * l->cap + 16;
		l->list = xrealloc(l->list, l->cap * sizeof *l->list);
	}
	e = &l->list[l->n++];
	*e = (struct folders_entry){.n = n, .separator = separator};
	l->octets += n;
	e->name = xrealloc(NULL, n + 1);
	memcpy(e->name, foldername_is_inbox(name, n) ? "INBOX" : name, n);
	e->name[n] = 0;
	if (imap_quote(&quoted, e->name, n) == 0)
		e->quoted = take(&quoted);
	buf_free(&quoted);
	foldername_show(e->name, n, &shown);
	e->shown = take(&shown);
}

static int
refuse(struct imapwire *w, const char *command, int event, int *code)
{
	char text[IMAP_TEXT + 1];

	strcpy(text, w->imap.said.text);
	snprintf(w->why, sizeof w->why, "%s: %s", command, text);
	*code = event == IMAP_BAD ? EX_PROTOCOL : EX_TEMPFAIL;
	return -1;
}

/* STATUS comes in the order of LIST, or of our asking: the next one is tried
 * first. */
static void
note_counts(struct folders *l, const struct imap *i, size_t *next)
{
	struct buf name = i->said.name;

	for (size_t k = 0; k < l->n; k++) {
		struct folders_entry *e = &l->list[(*next + k) % l->n];

		if (e->n != name.len ||
		    (memcmp(e->name, name.data, e->n) != 0 &&
			!(foldername_is_inbox(name.data, name.len) &&
			    foldername_is_inbox(e->name, e->n))))
			continue;
		e->counts = i->said.counts;
		*next = (size_t)(e - l->list) + 1;
		return;
	}
}

/* Until at most so many commands wait for an answer. */
static int
read_answers(struct folders *l, struct imapwire *w, bool all, size_t waiting,
    size_t *next, int *code)
{
	const struct imap *i = &w->imap;
	int event;

	while (imap_waiting(i) > waiting) {
		event = imapwire_next(w, code);
		if (event < 0)
			return -1;
		if (event == IMAP_COUNTS)
			note_counts(l, i, next);
		else if (event == IMAP_MAILBOX && !all)
			for (size_t k = 0; k < l->n; k++)
				l->list[k].separator = i->said.separator;
		else if (event == IMAP_MAILBOX && i->said.selectable) {
			if (l->n == FOLDERS || l->octets > OCTETS) {
				snprintf(w->why, sizeof w->why,
				    "server: folders without end");
				*code = EX_PROTOCOL;
				return -1;
			}
			folders_add(l, i->said.name.data, i->said.name.len,
			    i->said.separator);
		} else if (event != IMAP_OK && event <= IMAP_BAD &&
		    i->said.verb == IMAP_LIST)
			return refuse(w, "LIST", event, code);
	}
	return 0;
}

int
folders_list(struct folders *l, struct imapwire *w, bool all, int *code)
{
	struct buf b = BUF_INIT;
	size_t next = 0;
	bool both;

	if (read_answers(l, w, all, 0, &next, code) < 0)
		return -1;
	both = all && w->imap.said.has_list_status;
	imapwire_ask(w, IMAP_LIST, 0,
	    both      ? "\"\" \"*\" RETURN (STATUS " WANTED ")"
		: all ? "\"\" \"*\""
		      : "\"\" \"\"");
	if (all && read_answers(l, w, all, 0, &next, code) < 0)
		return -1;
	for (size_t k = 0; k < l->n && !both; k++) {
		if (!l->list[k].quoted)
			continue;
		buf_reset(&b);
		buf_addf(&b, "%s " WANTED, l->list[k].quoted);
		imapwire_ask(w, IMAP_STATUS, 0, buf_str(&b));
		if (read_answers(l, w, all, IMAP_WINDOW - 1, &next, code) < 0)
			break;
	}
	buf_free(&b);
	return read_answers(l, w, all, 0, &next, code);
}

static int
by_disk(const void *a, const void *b)
{
	const struct folders_entry *const *x = a, *const *y = b;
	int c = strcmp((*x)->disk, (*y)->disk);

	return c ? c : (*x > *y) - (*x < *y);
}

void
folders_place(struct folders *l)
{
	struct folders_entry **sorted =
	    xrealloc(NULL, (l->n + 1) * sizeof *sorted);

	for (size_t k = 0; k < l->n; k++) {
		struct folders_entry *e = sorted[k] = &l->list[k];
		struct buf disk = BUF_INIT;

		foldername_disk(e->name, e->n, e->separator, &disk);
		free(e->disk);
		e->disk = take(&disk);
	}
	qsort(sorted, l->n, sizeof *sorted, by_disk);
	for (size_t k = 1; k < l->n; k++) {
		struct folders_entry *e = sorted[k], *before = sorted[k - 1];

		if (strcmp(e->disk, before->disk) != 0)
			continue;
		e->again = e->n == before->n &&
		    memcmp(e->name, before->name, e->n) == 0;
		e->clash = !e->again;
	}
	free(sorted);
}

void
folders_free(struct folders *l)
{
	for (size_t k = 0; k < l->n; k++) {
		free(l->list[k].name);
		free(l->list[k].quoted);
		free(l->list[k].shown);
		free(l->list[k].disk);
	}
	free(l->list);
	*l = (struct folders){0};
}
