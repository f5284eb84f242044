#include "reach.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "buf.h"

/* Leaves the first depth parts of an absolute path, at least "/". */
static void
cut(char *path, size_t depth)
{
	char *p = path;

	while (depth-- > 0 && *p)
		p += 1 + strcspn(p + 1, "/");
	p[p == path] = '\0';
}

static size_t
depth_of(const char *path)
{
	size_t depth = 0;

	while (*path && path[1]) {
		path += 1 + strcspn(path + 1, "/");
		depth++;
	}
	return depth;
}

/* What of path is below a folder that is listed, "" or "/..."; NULL when no
 * such folder is. */
static char *
find(const struct reach *f, char *path)
{
	/* The last one first: lines of one kind follow each other. */
	for (size_t i = f->n; i > 0; i--) {
		size_t n = strlen(f->path[i - 1]);

		/* All is below "/". */
		n -= n == 1;
		if (strncmp(path, f->path[i - 1], n) == 0 &&
		    (path[n] == '/' || path[n] == '\0'))
			return path + n;
	}
	return NULL;
}

static void add(struct reach *f, char *path);

/* Those with most parts become the folders above them; a link's place is not
 * below the folder that has its name. */
static void
shorten(struct reach *f)
{
	struct reach old = *f;

	f->depth = f->n = 0;
	for (size_t i = 0; i < old.n; i++) {
		char *real = realpath(old.path[i], NULL);

		if (real) {
			free(old.path[i]);
			old.path[i] = real;
		}
		if (depth_of(old.path[i]) > f->depth)
			f->depth = depth_of(old.path[i]);
	}
	f->depth -= f->depth > 0;
	for (size_t i = 0; i < old.n; i++)
		add(f, old.path[i]);
}

/* Takes path. */
static void
add(struct reach *f, char *path)
{
	cut(path, f->depth);
	while (!find(f, path)) {
		if (f->n < REACH_MAX) {
			f->path[f->n++] = path;
			return;
		}
		shorten(f);
		cut(path, f->depth);
	}
	free(path);
}

/* Adds what links on the way from a listed folder to path lead to. */
static void
add_links(struct reach *f, char *path)
{
	char *p = find(f, path), *real, kept;
	struct stat st;

	while (*p) {
		p += 1 + strcspn(p + 1, "/");
		kept = *p;
		*p = '\0';
		if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode) &&
		    (real = realpath(path, NULL)))
			add(f, real);
		*p = kept;
	}
}

/* The last part that is no folder's: what is behind a `%', and a mbox, which is
 * never a link, but has locks beside it. */
static void
drop_last(char *path)
{
	char *slash = strrchr(path, '/');

	slash[slash == path] = '\0';
}

static void
add_target(struct reach *f, struct span target)
{
	char *path = xrealloc(NULL, target.n + 1), *percent, *copy;
	size_t n = target.n;

	memcpy(path, target.s, n);
	path[n] = '\0';
	percent = strchr(path, '%');
	if (percent)
		*percent = '\0';
	while (!percent && n > 1 && path[n - 1] == '/')
		path[--n] = '\0';
	if (percent || table_kind(target) == MAILBOX_MBOX)
		drop_last(path);
	copy = xstrdup(path);
	/* A maildir that is still to be made is in its parent's. */
	if (!percent && table_kind(target) == MAILBOX_MAILDIR &&
	    depth_of(copy) > 1)
		drop_last(copy);
	add(f, copy);
	add_links(f, path);
	free(path);
}

void
reach_of(const struct table *t, struct reach *f)
{
	struct table_line l = {.number = 0};

	*f = (struct reach){.depth = (size_t)-1};
	while (table_next(t, &l)) {
		enum mailbox_kind kind = table_kind(l.target);

		if (kind == MAILBOX_MAILDIR || kind == MAILBOX_MBOX)
			add_target(f, l.target);
		else if (kind == MAILBOX_FORWARD)
			f->forwards = true;
	}
}

void
reach_free(struct reach *f)
{
	while (f->n > 0)
		free(f->path[--f->n]);
}
