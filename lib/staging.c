#include "staging.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "mbox.h"

#define BLOCK 65536

void
staging_init(struct staging *s)
{
	s->group = GROUP_ALL;
	s->box = (struct maildir){-1, -1, -1, -1};
	s->file.fd = -1;
	s->body = -1;
}

int
staging_fail(struct staging *s, int code, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_reset(&s->reason);
	buf_adds(&s->reason, text);
	return s->code = code;
}

/* Whatever the system refuses may go well the next time. */
int
staging_trouble(struct staging *s, const char *action, const char *object)
{
	return staging_fail(
	    s, EX_TEMPFAIL, "%s %s: %s", action, object, strerror(errno));
}

struct target *
staging_add(struct staging *s, const struct mailbox *m, const char *rcpt)
{
	s->targets = xrealloc(s->targets, (s->n + 1) * sizeof(*s->targets));
	target_init(&s->targets[s->n], m, rcpt);
	return &s->targets[s->n++];
}

int
staging_look(struct staging *s, const struct target *t)
{
	struct maildir box;

	if (target_look(t, s->create, &box) != 0)
		return staging_trouble(s, "open", t->place);
	if (t == s->targets)
		s->box = box;
	else
		maildir_close(&box);
	return 0;
}

/* --- the body --- */

int
staging_open(struct staging *s, bool apart)
{
	size_t i;

	s->direct = !apart;
	for (i = 0; i < s->n; i++)
		s->direct &= s->targets[i].kind == MAILBOX_MAILDIR;
	if (s->direct) {
		if (maildir_begin(&s->box, &s->file) != 0)
			return staging_trouble(s, "write", s->targets->place);
		s->body = s->file.fd;
		return 0;
	}
	s->body = atomic_scratch();
	return s->body < 0 ? staging_trouble(s, "write", "a temporary file")
			   : 0;
}

int
staging_write(struct staging *s, const void *data, size_t n)
{
	struct atomic a = {.fd = s->body};

	if (atomic_write(&a, data, n) == 0)
		return 0;
	return staging_trouble(
	    s, "write", s->direct ? s->targets->place : "a temporary file");
}

/* Gives what all targets share, a block at a time. */
static int
copy_body(struct staging *s, int (*put)(void *arg, const void *data, size_t n),
    void *arg)
{
	char *block = xrealloc(NULL, BLOCK);
	off_t at = s->start;
	ssize_t n;
	int result = 0;

	while (result == 0 && (n = pread(s->body, block, BLOCK, at)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		result = n < 0 ? -1 : put(arg, block, (size_t)n);
		at += n;
	}
	free(block);
	return result;
}

/* --- preparing --- */

static bool
is_mine(const struct staging *s, const struct target *t)
{
	return s->group == GROUP_ALL || s->group == t->group;
}

static int
put_file(void *arg, const void *data, size_t n)
{
	return atomic_write(arg, data, n);
}

/* Staged files wait without a descriptor: there may be a thousand. */
static int
stage_maildir(struct staging *s, struct target *t)
{
	struct buf top = BUF_INIT;
	struct maildir box;
	struct atomic file;
	int code = 0;

	if (maildir_open(&box, t->place, s->create) != 0)
		return staging_trouble(s, "open", t->place);
	target_top(t, s->sender, &top);
	if (maildir_begin(&box, &file) != 0 ||
	    atomic_write(&file, top.data, top.len) != 0 ||
	    copy_body(s, put_file, &file) != 0 || atomic_sync(&file) != 0) {
		code = staging_trouble(s, "write", t->place);
		atomic_abort(&file);
	} else {
		t->staged = xstrdup(file.tmpname);
		atomic_aside(&file);
	}
	maildir_close(&box);
	buf_free(&top);
	return code;
}

static int
add_trouble(struct staging *s)
{
	return staging_trouble(s, "add to", s->spool ? s->spool : "the spool");
}

static int
put_forward(void *arg, const void *data, size_t n)
{
	return forward_write(arg, data, n);
}

static int
stage_forwards(struct staging *s)
{
	if (forward_begin(&s->forward, s->spool, s->sender, s->mail_id,
		s->targets, s->n) == 0 &&
	    copy_body(s, put_forward, &s->forward) == 0)
		return 0;
	return add_trouble(s);
}

static int
stage_target(struct staging *s, struct target *t)
{
	struct maildir none;

	if (t->kind == MAILBOX_FORWARD && !s->forward.open)
		return stage_forwards(s);
	if (t->kind == MAILBOX_MAILDIR && !(s->direct && t == s->targets))
		return stage_maildir(s, t);
	/* A child has not looked yet. */
	if (t->kind == MAILBOX_MBOX && s->group != GROUP_ALL &&
	    target_look(t, s->create, &none) != 0)
		return staging_trouble(s, "open", t->place);
	return 0;
}

int
staging_prepare(struct staging *s)
{
	struct target *t;
	int code = 0;

	for (t = s->targets; code == 0 && t < s->targets + s->n; t++)
		if (is_mine(s, t))
			code = stage_target(s, t);
	if (code == 0 && s->direct && atomic_sync(&s->file) != 0)
		code = staging_trouble(s, "write", s->targets->place);
	return code;
}

/* --- publishing --- */

/* Locks are held one at a time: two deliveries never wait for each other. */
static int
append_mbox(struct staging *s, const struct target *t)
{
	struct buf top = BUF_INIT;
	struct mbox m;
	int code = 0;

	if (mbox_open(&m, t->place) != 0)
		return staging_trouble(s, "open", t->place);
	target_top(t, s->sender, &top);
	if (mbox_append(&m, s->sender, time(NULL), &top, s->body) != 0)
		code = staging_trouble(s, "write", t->place);
	mbox_close(&m);
	buf_free(&top);
	return code;
}

static int
link_maildir(struct staging *s, struct target *t)
{
	struct maildir box;
	struct atomic file;
	int code = 0;

	if (maildir_open(&box, t->place, false) != 0)
		return staging_trouble(s, "open", t->place);
	if (atomic_take(&file, box.tmp, t->staged) != 0 ||
	    atomic_link(&file, box.new, t->staged) != 0)
		code = staging_trouble(s, "link into", t->place);
	maildir_close(&box);
	free(t->staged);
	t->staged = NULL;
	return code;
}

int
staging_publish(struct staging *s)
{
	struct target *t, *end = s->targets + s->n;

	for (t = s->targets; t < end; t++)
		if (t->kind == MAILBOX_MBOX && is_mine(s, t) &&
		    append_mbox(s, t) != 0)
			return s->code;
	if (s->forward.open && forward_commit(&s->forward) != 0)
		return add_trouble(s);
	if (s->direct &&
	    atomic_link(&s->file, s->box.new, s->file.tmpname) != 0)
		return staging_trouble(s, "link into", s->targets->place);
	for (t = s->targets; t < end; t++)
		if (t->staged && link_maildir(s, t) != 0)
			return s->code;
	return 0;
}

void
staging_undo(struct staging *s)
{
	struct maildir box;
	struct atomic file;
	struct target *t;

	if (s->direct)
		atomic_abort(&s->file);
	forward_abort(&s->forward);
	for (t = s->targets; t < s->targets + s->n; t++) {
		if (!t->staged || maildir_open(&box, t->place, false) != 0)
			continue;
		if (atomic_take(&file, box.tmp, t->staged) == 0)
			atomic_abort(&file);
		maildir_close(&box);
	}
}

void
staging_free(struct staging *s)
{
	size_t i;

	if (s->direct)
		atomic_abort(&s->file);
	else if (s->body >= 0)
		close(s->body);
	maildir_close(&s->box);
	forward_close(&s->forward);
	for (i = 0; i < s->n; i++)
		target_free(&s->targets[i]);
	free(s->targets);
	buf_free(&s->reason);
}
