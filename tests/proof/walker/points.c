#include <stdlib.h>
#include <string.h>

#include "walker.h"

static struct point *points;
static size_t point_count, point_room;

static void
add(struct point p)
{
	if (point_count == point_room) {
		point_room = point_room ? point_room * 2 : 1024;
		points = realloc(points, point_room * sizeof(*points));
		if (!points)
			exit(75);
	}
	points[point_count++] = p;
}

static void
add_errors(long at, int number)
{
	for (const int *e = call_errors(number); *e; e++) {
		add((struct point){.kind = ERRNO, .at = at, .error = *e});
		/* No call is interrupted for ever. */
		if (number >= 0 && strcmp(error_name(*e), "EINTR") != 0)
			add((struct point){.kind = ERRNO,
			    .at = at,
			    .error = *e,
			    .onward = true});
	}
}

static void
add_short(long at, int number)
{
	static const long cuts[] = {1, 7};

	for (int i = 0; i < 4; i++) {
		struct point p = {.kind = SHORT,
		    .at = at,
		    .cut = cuts[i / 2],
		    .onward = i % 2};

		if (call_fits(number, &p))
			add(p);
	}
}

static void
list(enum kind kind, const struct calls *c, long allocations)
{
	long n = kind == MALLOC ? allocations : c->n;

	point_count = 0;
	for (long i = 1; i <= n; i++) {
		if (kind == ERRNO)
			add_errors(i, c->list[i - 1]);
		else if (kind == SHORT)
			add_short(i, c->list[i - 1]);
		else
			add((struct point){.kind = kind, .at = i});
		if (kind == KILL)
			add((struct point){
			    .kind = kind, .at = i, .at_exit = true});
		if (kind == MALLOC)
			add((struct point){
			    .kind = kind, .at = i, .onward = true});
	}
}

static int
by_call(const void *a, const void *b)
{
	const struct point *x = a, *y = b;

	return (x->at > y->at) - (x->at < y->at);
}

static void
choose(long sample)
{
	srand48(4);
	for (size_t i = 0; sample && i < (size_t)sample && i < point_count;
	     i++) {
		size_t j = i + (size_t)lrand48() % (point_count - i);
		struct point p = points[i];

		points[i] = points[j];
		points[j] = p;
	}
	if (sample && point_count > (size_t)sample)
		point_count = (size_t)sample;
	qsort(points, point_count, sizeof(*points), by_call);
}

size_t
points_list(enum kind kind, const struct calls *c, long allocations,
    long sample, const struct point **out, size_t *all)
{
	list(kind, c, allocations);
	*all = point_count;
	choose(sample);
	*out = points;
	return point_count;
}
