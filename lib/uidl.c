#include "uidl.h"

#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "hash.h"
#include "pop3.h"

void
uidl_add(struct uidl *u, uint32_t number, const char *uid, size_t n)
{
	struct uidl_message *m;
	char hash[HASH_HEX];

	if (u->n == u->cap) {
		u->cap = u->cap ? u->cap * 2 : 64;
		u->messages =
		    xrealloc(u->messages, u->cap * sizeof *u->messages);
	}
	m = &u->messages[u->n++];
	*m = (struct uidl_message){.number = number};
	if (pop3_is_uid(uid, n)) {
		m->uid = xrealloc(NULL, n + 1);
		memcpy(m->uid, uid, n);
		m->uid[n] = 0;
	} else if (n) {
		hash_hex(uid, n, hash);
		m->uid = xstrdup(hash);
	}
}

static int
compare_uids(const struct uidl_message *x, const struct uidl_message *y)
{
	if (!x->uid || !y->uid)
		return (x->uid != NULL) - (y->uid != NULL);
	return strcmp(x->uid, y->uid);
}

static int
by_uid(const void *a, const void *b)
{
	const struct uidl_message *x = *(struct uidl_message *const *)a;
	const struct uidl_message *y = *(struct uidl_message *const *)b;

	int c = compare_uids(x, y);

	return c ? c : (x->number > y->number) - (x->number < y->number);
}

void
uidl_compare(struct uidl *u)
{
	struct uidl_message **sorted =
	    xrealloc(NULL, (u->n + 1) * sizeof *sorted);

	for (size_t i = 0; i < u->n; i++)
		sorted[i] = &u->messages[i];
	qsort(sorted, u->n, sizeof *sorted, by_uid);
	for (size_t i = 1; i < u->n; i++) {
		if (!sorted[i]->uid ||
		    compare_uids(sorted[i - 1], sorted[i]) != 0)
			continue;
		sorted[i - 1]->shared = sorted[i]->shared = true;
		sorted[i - 1]->followed = true;
	}
	free(sorted);
}

struct uidl_message *
uidl_find(const struct uidl *u, uint32_t number)
{
	size_t low = 0, high = u->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (u->messages[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low < u->n && u->messages[low].number == number
	    ? &u->messages[low]
	    : NULL;
}

void
uidl_free(struct uidl *u)
{
	for (size_t i = 0; i < u->n; i++)
		free(u->messages[i].uid);
	free(u->messages);
	*u = (struct uidl){NULL, 0, 0};
}
