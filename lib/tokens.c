#include "tokens.h"

#include <search.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct token {
	bool used;
	size_t n;
	const char *text; /* behind it, or the caller's */
};

static int
compare(const void *a, const void *b)
{
	const struct token *x = a, *y = b;
	int c = memcmp(x->text, y->text, x->n < y->n ? x->n : y->n);

	return c ? c : (x->n > y->n) - (x->n < y->n);
}

static struct token *
find(const struct tokens *t, const char *s, size_t n)
{
	struct token key = {false, n, s}, **e;

	e = tfind(&key, &t->tree, compare);
	return e ? *e : NULL;
}

static void
use(struct tokens *t, struct token *e)
{
	t->used += !e->used;
	e->used = true;
}

void
tokens_add(struct tokens *t, const char *s, size_t n, bool used)
{
	struct token *e = find(t, s, n);

	if (!e) {
		e = xrealloc(NULL, sizeof *e + n);
		memcpy(e + 1, s, n);
		*e = (struct token){false, n, (char *)(e + 1)};
		if (!tsearch(e, &t->tree, compare))
			xrealloc(NULL, PTRDIFF_MAX); /* as memory out ends */
		t->count++;
	}
	if (used)
		use(t, e);
}

bool
tokens_has(struct tokens *t, const char *s, size_t n)
{
	struct token *e = find(t, s, n);

	if (e)
		use(t, e);
	return e;
}

void
tokens_remove(struct tokens *t, const char *s, size_t n)
{
	struct token *e = find(t, s, n);

	if (!e)
		return;
	tdelete(e, &t->tree, compare);
	t->used -= e->used;
	t->count--;
	free(e);
}

struct walk {
	struct buf *lines;
	bool all;
};

static void
add_line(const void *node, VISIT visit, void *arg)
{
	const struct token *e = *(struct token *const *)node;
	struct walk *w = arg;

	if ((visit != postorder && visit != leaf) || (!w->all && !e->used))
		return;
	buf_add(w->lines, e->text, e->n);
	buf_addc(w->lines, '\n');
}

void
tokens_lines(const struct tokens *t, bool all, struct buf *out)
{
	struct walk w = {out, all};

	twalk_r(t->tree, add_line, &w);
}

void
tokens_free(struct tokens *t)
{
	tdestroy(t->tree, free);
	*t = (struct tokens){0};
}
