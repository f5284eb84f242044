#include "ranges.h"

#include <stdlib.h>
#include <string.h>

#include "parse.h"

/* The first range that does not end before number. */
static size_t
find(const struct ranges *r, uint32_t number)
{
	size_t low = 0, high = r->n;

	if (r->n && r->list[r->n - 1].last < number)
		return r->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (r->list[middle].last < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Puts range in place of those from at to end. */
static void
splice(
    struct ranges *r, size_t at, size_t end, const struct range *with, size_t n)
{
	if (r->n + n > r->cap) {
		r->cap = 2 * (r->n + n);
		r->list = xrealloc(r->list, r->cap * sizeof *r->list);
	}
	if (end < r->n)
		memmove(r->list + at + n, r->list + end,
		    (r->n - end) * sizeof *r->list);
	if (n)
		memcpy(r->list + at, with, n * sizeof *with);
	r->n = r->n - (end - at) + n;
}

void
ranges_add(struct ranges *r, uint32_t first, uint32_t last)
{
	size_t at = find(r, first > 1 ? first - 1 : first), end = at;
	struct range new = {first, last};

	/* What it touches becomes a part of it. */
	while (end < r->n && r->list[end].first - 1 <= last) {
		if (r->list[end].first < new.first)
			new.first = r->list[end].first;
		if (r->list[end].last > new.last)
			new.last = r->list[end].last;
		end++;
	}
	splice(r, at, end, &new, 1);
}

uint64_t
ranges_cut(struct ranges *r, uint32_t last)
{
	uint64_t count = 0;
	size_t n = 0;

	for (; n < r->n && r->list[n].last <= last; n++)
		count += (uint64_t)r->list[n].last - r->list[n].first + 1;
	splice(r, 0, n, NULL, 0);
	if (r->n && r->list[0].first <= last) {
		count += (uint64_t)last - r->list[0].first + 1;
		r->list[0].first = last + 1;
	}
	return count;
}

bool
ranges_remove(struct ranges *r, uint32_t number)
{
	size_t at = find(r, number), n = 0;
	struct range old, rest[2];

	if (!ranges_has(r, number))
		return false;
	old = r->list[at];
	if (old.first < number)
		rest[n++] = (struct range){old.first, number - 1};
	if (number < old.last)
		rest[n++] = (struct range){number + 1, old.last};
	splice(r, at, at + 1, rest, n);
	return true;
}

bool
ranges_has(const struct ranges *r, uint32_t number)
{
	size_t at = find(r, number);

	return at < r->n && r->list[at].first <= number;
}

uint64_t
ranges_count(const struct ranges *r)
{
	uint64_t count = 0;

	for (size_t i = 0; i < r->n; i++)
		count += (uint64_t)r->list[i].last - r->list[i].first + 1;
	return count;
}

uint32_t
ranges_gap(const struct ranges *r)
{
	return r->n && r->list[0].first == 1 ? r->list[0].last + 1 : 1;
}

int
ranges_parse(const char *s, size_t n, struct range *out)
{
	const char *colon = memchr(s, ':', n);
	size_t len = colon ? (size_t)(colon - s) : n;
	uint64_t first, last;

	if (parse_digits(s, len, UINT32_MAX, &first) < 0 || first == 0)
		return -1;
	last = first;
	if (colon &&
	    (parse_digits(colon + 1, n - len - 1, UINT32_MAX, &last) < 0 ||
		last < first))
		return -1;
	*out = (struct range){(uint32_t)first, (uint32_t)last};
	return 0;
}

void
ranges_free(struct ranges *r)
{
	free(r->list);
	*r = (struct ranges){0};
}
