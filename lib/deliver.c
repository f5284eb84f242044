#include "deliver.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "buf.h"
#include "handler.h"
#include "owners.h"
#include "staging.h"
#include "trace.h"

#define BLOCK 65536
#define PROGRAM_SECONDS 1000

struct delivery {
	struct deliver_options o;
	struct staging staging;
	int groups; /* of owners, each to get a child of its own, or 0 */
	bool begun;
	struct trace trace;
	const char **rcpts; /* those of trace */
	struct buf room;    /* not yet written to the body */
	struct buf reply;
};

struct delivery *
deliver_begin(const struct deliver_options *o)
{
	struct delivery *d = xrealloc(NULL, sizeof(*d));

	memset(d, 0, sizeof(*d));
	d->o = *o;
	d->o.become_owner = o->become_owner && geteuid() == 0;
	d->staging.sender = o->sender;
	d->staging.mail_id = o->mail_id;
	d->staging.spool = o->spool;
	d->staging.create = o->create;
	staging_init(&d->staging);
	return d;
}

/* What root writes as root goes into folders of root's. */
static int
check_owner(struct delivery *d, const struct target *t)
{
	struct owner owner;

	if ((t->kind != MAILBOX_MAILDIR && t->kind != MAILBOX_MBOX) ||
	    geteuid() != 0)
		return 0;
	if (target_owner(t, d->o.create, &owner) != 0)
		return staging_trouble(&d->staging, "open", t->place);
	if (owner.uid == 0)
		return 0;
	return staging_fail(
	    &d->staging, EX_TEMPFAIL, "open %s: not root's", t->place);
}

static int
check_program(struct delivery *d, const struct mailbox *m, const char *rcpt)
{
	struct staging *s = &d->staging;
	bool program = m->kind == MAILBOX_PROGRAM;

	if (s->n && (program || s->targets->kind == MAILBOX_PROGRAM))
		return staging_fail(s, EX_TEMPFAIL,
		    "deliver %s: a program takes its recipient alone",
		    rcpt ? rcpt : m->target);
	if (program && !d->o.allow_program)
		return staging_fail(s, EX_TEMPFAIL,
		    "run %s: programs are not run here", m->target);
	if (program && geteuid() == 0)
		return staging_fail(s, EX_TEMPFAIL,
		    "run %s: no program runs as root", m->target);
	return 0;
}

int
deliver_target(struct delivery *d, const struct mailbox *m, const char *rcpt)
{
	struct staging *s = &d->staging;
	const struct target *t;

	if (s->code || check_program(d, m, rcpt) != 0)
		return s->code;
	t = staging_add(s, m, rcpt);
	if (d->o.become_owner)
		return 0;
	return check_owner(d, t) ? s->code : staging_look(s, t);
}

/* --- the body --- */

static void
begin_trace(struct delivery *d)
{
	const struct staging *s = &d->staging;
	size_t i;

	d->rcpts = xrealloc(NULL, (s->n + 1) * sizeof(*d->rcpts));
	for (i = 0; i < s->n && d->o.sender; i++)
		if (s->targets[i].rcpt)
			d->rcpts[d->trace.n++] = s->targets[i].rcpt;
	d->trace.rcpts = d->rcpts;
	/* With nothing on top the message is nobody's business. */
	d->trace.done = d->trace.n == 0 && !d->o.trace;
}

static int
begin_body(struct delivery *d)
{
	struct staging *s = &d->staging;

	d->begun = true;
	if (s->n == 0)
		return staging_fail(s, EX_USAGE, "deliver: no recipients");
	if ((d->o.become_owner && owners_settle(s, &d->groups) != 0) ||
	    staging_open(s, d->groups > 0) != 0)
		return s->code;
	begin_trace(d);
	if (s->direct || s->targets->kind == MAILBOX_PROGRAM)
		target_top(s->targets, d->o.sender, &d->room);
	s->start = s->direct ? (off_t)d->room.len : 0;
	if (d->o.trace)
		buf_adds(&d->room, d->o.trace);
	return 0;
}

static int
flush(struct delivery *d)
{
	int code = staging_write(&d->staging, d->room.data, d->room.len);

	buf_reset(&d->room);
	return code;
}

static int
loop(struct delivery *d, const char *why)
{
	buf_reset(&d->reply);
	buf_addf(&d->reply, "554 5.4.6 %s", why);
	return staging_fail(&d->staging, EX_UNAVAILABLE, "deliver: %s", why);
}

int
deliver_write(struct delivery *d, const void *data, size_t n)
{
	struct staging *s = &d->staging;
	const char *why;

	if (s->code || (!d->begun && begin_body(d) != 0))
		return s->code;
	if (d->trace.done && n >= BLOCK / 2)
		return flush(d) ? s->code : staging_write(s, data, n);
	if (trace_feed(&d->trace, data, n, &d->room, &why) != 0)
		return loop(d, why);
	return d->room.len >= BLOCK ? flush(d) : 0;
}

static int
end_body(struct delivery *d)
{
	const char *why;

	if (d->staging.code || (!d->begun && begin_body(d) != 0))
		return d->staging.code;
	if (trace_end(&d->trace, &d->room, &why) != 0)
		return loop(d, why);
	return flush(d);
}

/* --- what becomes of it --- */

static int
run_program(struct delivery *d)
{
	const struct target *t = d->staging.targets;
	struct handler h = {.command = t->place,
	    .sender = d->o.sender ? d->o.sender : "",
	    .rcpt = t->rcpt,
	    .mail_id = d->o.mail_id,
	    .env = d->o.env,
	    .seconds = PROGRAM_SECONDS};
	char made[21];
	int code;

	if (!h.mail_id) {
		envelope_mail_id(made);
		h.mail_id = made;
	}
	code = handler_run(&h, d->staging.body, &d->reply);
	if (code == 0)
		return 0;
	return staging_fail(
	    &d->staging, code, "run %s: exit status %d", t->place, code);
}

static int
commit_here(struct staging *s)
{
	int code = staging_prepare(s);

	if (code == 0)
		code = staging_publish(s);
	if (code != 0)
		staging_undo(s);
	return code;
}

/* A signal that ends the program would leave what is prepared, and after that
 * have the last message delivered again: it waits. */
static int
commit_mailboxes(struct delivery *d)
{
	struct staging *s = &d->staging;
	sigset_t old;
	int code;

	if (s->n > 1 || d->o.last)
		atomic_hold(&old);
	code = d->groups ? owners_commit(s, d->groups) : commit_here(s);
	if (d->o.last ? code != 0 : s->n > 1)
		sigprocmask(SIG_SETMASK, &old, NULL);
	return code;
}

int
deliver_commit(struct delivery *d)
{
	if (end_body(d) != 0)
		return d->staging.code;
	if (d->staging.targets->kind == MAILBOX_PROGRAM)
		return run_program(d);
	return commit_mailboxes(d);
}

void
deliver_end(struct delivery *d)
{
	if (!d)
		return;
	staging_free(&d->staging);
	free(d->rcpts);
	trace_free(&d->trace);
	buf_free(&d->room);
	buf_free(&d->reply);
	free(d);
}

const char *
deliver_reason(struct delivery *d)
{
	return buf_str(&d->staging.reason);
}

const char *
deliver_reply(struct delivery *d)
{
	return d->reply.len ? buf_str(&d->reply) : "";
}
