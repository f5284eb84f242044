#include "deliver.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "atomic.h"
#include "buf.h"
#include "child.h"
#include "maildir.h"
#include "mbox.h"
#include "owner.h"
#include "queue.h"
#include "trace.h"
#include "verdict.h"

#define BLOCK 65536
#define PROGRAM_SECONDS 1000

/* Groups of targets: those of one owner; forwards belong to the spool's. */
enum { GROUP_ALL = -2, GROUP_FORWARDS = -1 };

struct target {
	enum mailbox_kind kind;
	char *target;
	char *rcpt;   /* or NULL */
	char *staged; /* its file in tmp, put aside, or NULL */
	int group;
	struct owner owner;
};

struct delivery {
	struct deliver_options o;
	struct target *targets;
	size_t n;
	bool begun;
	bool direct; /* the first target's file is the body */
	bool apart;  /* each group in a child of its own */
	int group;   /* whose targets this process handles */
	int groups;
	struct maildir box; /* of the first target while it may be direct */
	struct atomic file; /* in it */
	int body;           /* the file that holds the message, or -1 */
	off_t start;        /* where in it what all targets share begins */
	bool queued;
	struct queue queue;
	struct queue_add add;
	struct trace trace;
	const char **rcpts;
	struct buf room; /* not yet written to body */
	int code;
	struct buf reason, reply;
};

static int __attribute__((format(printf, 3, 4)))
fail(struct delivery *d, int code, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_reset(&d->reason);
	buf_adds(&d->reason, text);
	return d->code = code;
}

/* Whatever the system refuses may go well the next time. */
static int
trouble(struct delivery *d, const char *action, const char *object)
{
	return fail(
	    d, EX_TEMPFAIL, "%s %s: %s", action, object, strerror(errno));
}

struct delivery *
deliver_begin(const struct deliver_options *o)
{
	struct delivery *d = xrealloc(NULL, sizeof(*d));

	memset(d, 0, sizeof(*d));
	d->o = *o;
	d->o.become_owner = o->become_owner && geteuid() == 0;
	d->group = GROUP_ALL;
	d->box = (struct maildir){-1, -1, -1, -1};
	d->file.fd = -1;
	d->body = -1;
	return d;
}

/* --- targets --- */

static enum owner_kind
owner_kind(const struct delivery *d, const struct target *t)
{
	if (t->kind == MAILBOX_MAILDIR)
		return OWNER_FOLDER;
	return d->o.create ? OWNER_FILE : OWNER_MAILBOX;
}

/* What root writes as root goes into folders of root's. */
static int
check_owner(const struct delivery *d, const struct target *t)
{
	struct owner owner;

	if (d->o.become_owner || geteuid() != 0)
		return 0;
	if (owner_of(t->target, owner_kind(d, t), &owner) != 0)
		return -1;
	errno = EPERM;
	return owner.uid == 0 ? 0 : -1;
}

/* Whether the target is there and fit, before anything is made. */
static int
look(struct delivery *d, const struct target *t)
{
	struct maildir box;

	if (t->kind != MAILBOX_MAILDIR && t->kind != MAILBOX_MBOX)
		return 0;
	if (check_owner(d, t) != 0 ||
	    (t->kind == MAILBOX_MBOX && mbox_check(t->target) != 0))
		return trouble(d, "open", t->target);
	if (t->kind == MAILBOX_MBOX)
		return 0;
	if (maildir_open(&box, t->target, d->o.create) != 0)
		return trouble(d, "open", t->target);
	if (t == d->targets)
		d->box = box;
	else
		maildir_close(&box);
	return 0;
}

int
deliver_target(struct delivery *d, const struct mailbox *m, const char *rcpt)
{
	struct target *t;

	if (d->code)
		return d->code;
	if (d->n &&
	    (m->kind == MAILBOX_PROGRAM || d->targets->kind == MAILBOX_PROGRAM))
		return fail(d, EX_TEMPFAIL,
		    "deliver %s: a program takes its recipient alone",
		    rcpt ? rcpt : m->target);
	if (m->kind == MAILBOX_PROGRAM && !d->o.allow_program)
		return fail(d, EX_TEMPFAIL, "run %s: programs are not run here",
		    m->target);
	if (m->kind == MAILBOX_PROGRAM && geteuid() == 0)
		return fail(d, EX_TEMPFAIL, "run %s: no program runs as root",
		    m->target);
	d->targets = xrealloc(d->targets, (d->n + 1) * sizeof(*d->targets));
	t = &d->targets[d->n++];
	*t = (struct target){.kind = m->kind,
	    .target = xstrdup(m->target),
	    .rcpt = rcpt ? xstrdup(rcpt) : NULL};
	return d->o.become_owner ? 0 : look(d, t);
}

static bool
same_owner(const struct target *a, const struct target *b)
{
	return a->owner.uid == b->owner.uid && a->owner.gid == b->owner.gid;
}

/* Puts each target into the group of its owner. */
static int
find_owners(struct delivery *d)
{
	size_t i, j;

	for (i = 0; i < d->n; i++) {
		struct target *t = &d->targets[i];

		t->group = GROUP_FORWARDS;
		if (t->kind == MAILBOX_FORWARD)
			continue;
		if (owner_of(t->target, owner_kind(d, t), &t->owner) != 0)
			return trouble(d, "open", t->target);
		for (j = 0; j < i; j++)
			if (d->targets[j].group != GROUP_FORWARDS &&
			    same_owner(t, &d->targets[j]))
				break;
		t->group = j < i ? d->targets[j].group : d->groups++;
	}
	return 0;
}

/* One owner of all is what the process itself becomes: the message then goes
 * straight where it belongs. */
static int
settle_owners(struct delivery *d)
{
	size_t i, forwards = 0;

	if (find_owners(d) != 0)
		return d->code;
	for (i = 0; i < d->n; i++)
		forwards += d->targets[i].group == GROUP_FORWARDS;
	if (d->groups > 1 || (forwards && d->groups)) {
		d->apart = true;
		return 0;
	}
	if (forwards == 0 && owner_become(&d->targets->owner) != 0)
		return trouble(d, "become the owner of", d->targets->target);
	for (i = 0; i < d->n; i++)
		if (look(d, &d->targets[i]) != 0)
			return d->code;
	return 0;
}

/* --- the body --- */

static void
add_top(const struct delivery *d, const struct target *t, struct buf *out)
{
	if (!d->o.sender || !t->rcpt)
		return;
	if (t->kind == MAILBOX_MAILDIR || t->kind == MAILBOX_MBOX)
		buf_addf(out, "Return-Path: <%s>\n", d->o.sender);
	buf_addf(out, "Delivered-To: %s\n", t->rcpt);
}

static bool
can_be_direct(const struct delivery *d)
{
	size_t i;

	for (i = 0; i < d->n; i++)
		if (d->targets[i].kind != MAILBOX_MAILDIR)
			return false;
	return !d->apart;
}

static void
begin_trace(struct delivery *d)
{
	size_t i;

	d->rcpts = xrealloc(NULL, (d->n + 1) * sizeof(*d->rcpts));
	for (i = 0; i < d->n && d->o.sender; i++)
		if (d->targets[i].rcpt)
			d->rcpts[d->trace.n++] = d->targets[i].rcpt;
	d->trace.rcpts = d->rcpts;
	/* With nothing on top the message is nobody's business. */
	d->trace.done = d->trace.n == 0 && !d->o.trace;
}

static int
begin_body(struct delivery *d)
{
	struct target *first = d->targets;

	d->begun = true;
	if (d->n == 0)
		return fail(d, EX_USAGE, "deliver: no recipients");
	if (d->o.become_owner && settle_owners(d) != 0)
		return d->code;
	begin_trace(d);
	d->direct = can_be_direct(d);
	if (d->direct) {
		if (maildir_begin(&d->box, &d->file) != 0)
			return trouble(d, "write", first->target);
		d->body = d->file.fd;
	} else {
		d->body = atomic_scratch();
		if (d->body < 0)
			return trouble(d, "write", "a temporary file");
	}
	if (d->direct || first->kind == MAILBOX_PROGRAM)
		add_top(d, first, &d->room);
	d->start = d->direct ? (off_t)d->room.len : 0;
	if (d->o.trace)
		buf_adds(&d->room, d->o.trace);
	return 0;
}

static int
write_body(struct delivery *d, const void *data, size_t n)
{
	struct atomic a = {.fd = d->body};

	if (atomic_write(&a, data, n) == 0)
		return 0;
	return trouble(
	    d, "write", d->direct ? d->targets->target : "a temporary file");
}

static int
flush(struct delivery *d)
{
	int code = write_body(d, d->room.data, d->room.len);

	buf_reset(&d->room);
	return code;
}

static int
loop(struct delivery *d, const char *why)
{
	buf_reset(&d->reply);
	buf_addf(&d->reply, "554 5.4.6 %s", why);
	return fail(d, EX_UNAVAILABLE, "deliver: %s", why);
}

int
deliver_write(struct delivery *d, const void *data, size_t n)
{
	const char *why;

	if (d->code || (!d->begun && begin_body(d) != 0))
		return d->code;
	if (d->trace.done && n >= BLOCK / 2)
		return flush(d) ? d->code : write_body(d, data, n);
	if (trace_feed(&d->trace, data, n, &d->room, &why) != 0)
		return loop(d, why);
	return d->room.len >= BLOCK ? flush(d) : 0;
}

static int
end_body(struct delivery *d)
{
	const char *why;

	if (d->code || (!d->begun && begin_body(d) != 0))
		return d->code;
	if (trace_end(&d->trace, &d->room, &why) != 0)
		return loop(d, why);
	return flush(d);
}

/* Gives what all targets share, a block at a time. */
static int
copy_body(struct delivery *d, int (*put)(void *arg, const void *data, size_t n),
    void *arg)
{
	char *block = xrealloc(NULL, BLOCK);
	off_t at = d->start;
	ssize_t n;
	int result = 0;

	while (result == 0 && (n = pread(d->body, block, BLOCK, at)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		result = n < 0 ? -1 : put(arg, block, (size_t)n);
		at += n;
	}
	free(block);
	return result;
}

/* --- staging: what can fail, fails here --- */

static bool
is_mine(const struct delivery *d, const struct target *t)
{
	return d->group == GROUP_ALL || d->group == t->group;
}

static int
put_file(void *arg, const void *data, size_t n)
{
	return atomic_write(arg, data, n);
}

/* Staged files wait without a descriptor: there may be a thousand. */
static int
stage_maildir(struct delivery *d, struct target *t)
{
	struct buf top = BUF_INIT;
	struct maildir box;
	struct atomic file;
	int code = 0;

	if (maildir_open(&box, t->target, d->o.create) != 0)
		return trouble(d, "open", t->target);
	add_top(d, t, &top);
	if (maildir_begin(&box, &file) != 0 ||
	    atomic_write(&file, top.data, top.len) != 0 ||
	    copy_body(d, put_file, &file) != 0 || atomic_sync(&file) != 0) {
		code = trouble(d, "write", t->target);
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
put_queue(void *arg, const void *data, size_t n)
{
	return queue_write(arg, data, n);
}

static int
stage_forwards(struct delivery *d)
{
	struct queue_options o = {.mail_id = d->o.mail_id};
	struct envelope e = ENVELOPE_INIT;
	struct buf top = BUF_INIT;
	const char *sender = d->o.sender ? d->o.sender : "";
	size_t i;
	int result;

	envelope_sender(&e, sender, "");
	for (i = 0; i < d->n; i++) {
		if (d->targets[i].kind != MAILBOX_FORWARD)
			continue;
		envelope_rcpt(&e, d->targets[i].target, "");
		add_top(d, &d->targets[i], &top);
	}
	envelope_unique(&e);
	result = queue_open(&d->queue, d->o.spool, true);
	if (result == 0) {
		d->queued = true;
		result = queue_begin(&d->queue, &d->add, &e, &o);
	}
	if (result == 0)
		result = queue_write(&d->add, top.data, top.len);
	if (result == 0)
		result = copy_body(d, put_queue, &d->add);
	if (result != 0)
		trouble(d, "add to", d->o.spool ? d->o.spool : "the spool");
	envelope_free(&e);
	buf_free(&top);
	return d->code;
}

static int
stage(struct delivery *d)
{
	struct target *t;
	bool forwards = false;
	int code = 0;

	for (t = d->targets; code == 0 && t < d->targets + d->n; t++) {
		if (!is_mine(d, t))
			continue;
		if (t->kind == MAILBOX_FORWARD && !forwards) {
			forwards = true;
			code = stage_forwards(d);
		} else if (t->kind == MAILBOX_MBOX && d->apart) {
			code = look(d, t);
		} else if (t->kind == MAILBOX_MAILDIR &&
		    !(d->direct && t == d->targets)) {
			code = stage_maildir(d, t);
		}
	}
	if (code == 0 && d->direct && atomic_sync(&d->file) != 0)
		code = trouble(d, "write", d->targets->target);
	return code;
}

/* --- committing: likeliest failures first --- */

/* Locks are held one at a time: two deliveries never wait for each other. */
static int
append_mbox(struct delivery *d, const struct target *t)
{
	struct buf top = BUF_INIT;
	struct mbox m;
	int code = 0;

	if (mbox_open(&m, t->target) != 0)
		return trouble(d, "open", t->target);
	add_top(d, t, &top);
	if (mbox_append(&m, d->o.sender, time(NULL), &top, d->body) != 0)
		code = trouble(d, "write", t->target);
	mbox_close(&m);
	buf_free(&top);
	return code;
}

static int
link_maildir(struct delivery *d, struct target *t)
{
	struct maildir box;
	struct atomic file;
	int code = 0;

	if (maildir_open(&box, t->target, false) != 0)
		return trouble(d, "open", t->target);
	if (atomic_take(&file, box.tmp, t->staged) != 0 ||
	    atomic_link(&file, box.new, t->staged) != 0)
		code = trouble(d, "link into", t->target);
	maildir_close(&box);
	free(t->staged);
	t->staged = NULL;
	return code;
}

static int
finish(struct delivery *d)
{
	struct target *t, *end = d->targets + d->n;

	for (t = d->targets; t < end; t++)
		if (t->kind == MAILBOX_MBOX && is_mine(d, t) &&
		    append_mbox(d, t) != 0)
			return d->code;
	if (d->queued && queue_commit(&d->add) != 0)
		return trouble(
		    d, "add to", d->o.spool ? d->o.spool : "the spool");
	if (d->direct &&
	    atomic_link(&d->file, d->box.new, d->file.tmpname) != 0)
		return trouble(d, "link into", d->targets->target);
	for (t = d->targets; t < end; t++)
		if (t->staged && link_maildir(d, t) != 0)
			return d->code;
	return 0;
}

/* Takes back what was staged and not committed. */
static void
undo(struct delivery *d)
{
	struct maildir box;
	struct atomic file;
	struct target *t;

	if (d->direct)
		atomic_abort(&d->file);
	if (d->queued)
		queue_abort(&d->add);
	for (t = d->targets; t < d->targets + d->n; t++) {
		if (!t->staged || maildir_open(&box, t->target, false) != 0)
			continue;
		if (atomic_take(&file, box.tmp, t->staged) == 0)
			atomic_abort(&file);
		maildir_close(&box);
	}
}

/* A signal that ends the program leaves files that were put aside: it waits.
 */
static int
commit_here(struct delivery *d)
{
	sigset_t set, old;
	int code;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (d->n > 1)
		sigprocmask(SIG_BLOCK, &set, &old);
	code = stage(d);
	if (code == 0)
		code = finish(d);
	if (code != 0)
		undo(d);
	if (d->n > 1)
		sigprocmask(SIG_SETMASK, &old, NULL);
	return code;
}

/* --- a child for each owner --- */

/* What a child tells, in memory that is shared. */
struct word {
	pid_t pid;
	char reason[512];
};

static void
say(struct delivery *d, struct word *w)
{
	snprintf(w->reason, sizeof(w->reason), "%s", deliver_reason(d));
}

/* Becomes the owner, stages, says so on ready, and waits for the word to go:
 * end of file means that another failed, or that the parent died. */
static _Noreturn void
be_owner(struct delivery *d, int group, int go, int ready, struct word *w)
{
	const struct target *t = d->targets;
	char c = 0;
	int code;

	d->group = group;
	while (t->group != group)
		t++;
	code = group == GROUP_FORWARDS || owner_become(&t->owner) == 0
	    ? stage(d)
	    : trouble(d, "become the owner of", t->target);
	say(d, w);
	if (write(ready, &c, 1) != 1 && code == 0)
		code = EX_TEMPFAIL;
	close(ready);
	if (code == 0 && (go < 0 || read(go, &c, 1) == 1))
		code = finish(d);
	else if (code == 0)
		code = EX_TEMPFAIL;
	if (code != 0)
		undo(d);
	say(d, w);
	_exit(code);
}

static int
reap(struct delivery *d, struct word *w)
{
	int status, code;

	while (waitpid(w->pid, &status, 0) < 0)
		if (errno != EINTR)
			return trouble(d, "wait for", "a child");
	code = verdict_exit_of_wait(status);
	/* The first failure counts: the others then only give up. */
	if (code != 0 && d->code == 0)
		fail(d, code, "%s",
		    w->reason[0] ? w->reason : "deliver: a child died");
	return code;
}

/* Starts the child of a group and waits until it has staged. */
static int
start_owner(struct delivery *d, int group, int go[2], struct word *w)
{
	int ready[2];
	pid_t pid;
	char c;
	ssize_t n;

	if (pipe2(ready, O_CLOEXEC) != 0)
		return trouble(d, "start", "a child");
	pid = fork();
	if (pid == 0) {
		close(ready[0]);
		close(go[1]);
		be_owner(d, group, group == GROUP_FORWARDS ? -1 : go[0],
		    ready[1], w);
	}
	w->pid = pid; /* the child shares it */
	close(ready[1]);
	if (pid < 0) {
		close(ready[0]);
		return trouble(d, "start", "a child");
	}
	while ((n = read(ready[0], &c, 1)) < 0 && errno == EINTR)
		;
	close(ready[0]);
	if (n == 1 && w->reason[0] == '\0')
		return 0;
	fail(d, EX_TEMPFAIL, "%s",
	    w->reason[0] ? w->reason : "deliver: a child died");
	return d->code;
}

static int
commit_apart(struct delivery *d)
{
	size_t size = ((size_t)d->groups + 1) * sizeof(struct word);
	struct word *words = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int go[2], started = 0, code = 0, i;

	if (words == MAP_FAILED || pipe2(go, O_CLOEXEC) != 0)
		return trouble(d, "start", "a child");
	for (; code == 0 && started < d->groups; started++)
		code = start_owner(d, started, go, &words[started]);
	/* The forwards' child needs no word: it is the last, so it goes. */
	for (i = 0; code == 0 && i < (int)d->n; i++) {
		if (d->targets[i].kind != MAILBOX_FORWARD)
			continue;
		code = start_owner(d, GROUP_FORWARDS, go, &words[started]);
		if (words[started].pid > 0)
			code = reap(d, &words[started]);
		break;
	}
	for (i = 0; code == 0 && i < started; i++)
		if (write(go[1], "", 1) != 1)
			code = trouble(d, "write", "to a child");
	close(go[0]);
	close(go[1]);
	for (i = 0; i < started; i++)
		if (words[i].pid > 0 && reap(d, &words[i]) != 0)
			code = d->code;
	munmap(words, size);
	return code;
}

/* --- a program --- */

static int
run_program(struct delivery *d)
{
	const struct target *t = d->targets;
	struct child c = {.in = d->body, .out = -1, .seconds = PROGRAM_SECONDS};
	char id[60], size[60], made[21];
	const char **env;
	char *args[] = {(char *)"-f", (char *)(d->o.sender ? d->o.sender : ""),
	    (char *)"--", t->rcpt, NULL};
	char **argv = child_shell(t->target, args);
	size_t n = 0;
	int code;

	envelope_mail_id(made);
	snprintf(
	    id, sizeof(id), "MAIL_ID=%s", d->o.mail_id ? d->o.mail_id : made);
	snprintf(size, sizeof(size), "MAIL_SIZE=%lld",
	    (long long)lseek(d->body, 0, SEEK_END));
	while (d->o.env && d->o.env[n])
		n++;
	env = xrealloc(NULL, (n + 3) * sizeof(*env));
	if (n)
		memcpy(env, d->o.env, n * sizeof(*env));
	env[n] = id;
	env[n + 1] = size;
	env[n + 2] = NULL;
	c.argv = argv;
	c.env = env;
	lseek(d->body, 0, SEEK_SET);
	code = child_run(&c, &d->reply);
	if (code != 0)
		fail(d, code, "run %s: exit status %d", t->target, code);
	free(env);
	free(argv);
	return code;
}

int
deliver_commit(struct delivery *d)
{
	if (end_body(d) != 0)
		return d->code;
	if (d->targets->kind == MAILBOX_PROGRAM)
		return run_program(d);
	return d->apart ? commit_apart(d) : commit_here(d);
}

void
deliver_end(struct delivery *d)
{
	size_t i;

	if (!d)
		return;
	if (d->direct)
		atomic_abort(&d->file);
	else if (d->body >= 0)
		close(d->body);
	maildir_close(&d->box);
	if (d->queued)
		queue_close(&d->queue);
	for (i = 0; i < d->n; i++) {
		free(d->targets[i].target);
		free(d->targets[i].rcpt);
		free(d->targets[i].staged);
	}
	free(d->targets);
	free(d->rcpts);
	trace_free(&d->trace);
	buf_free(&d->room);
	buf_free(&d->reason);
	buf_free(&d->reply);
	free(d);
}

const char *
deliver_reason(struct delivery *d)
{
	return buf_str(&d->reason);
}

const char *
deliver_reply(struct delivery *d)
{
	return buf_str(&d->reply);
}
