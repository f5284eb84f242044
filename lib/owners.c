#include "owners.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "verdict.h"

static bool
same_owner(const struct target *a, const struct target *b)
{
	return a->owner.uid == b->owner.uid && a->owner.gid == b->owner.gid;
}

/* Puts each target into the group of its owner; the number of these groups, or
 * -1. */
static int
find_owners(struct staging *s)
{
	struct target *t, *other, *end = s->targets + s->n;
	int groups = 0;

	for (t = s->targets; t < end; t++) {
		t->group = GROUP_FORWARDS;
		if (t->kind == MAILBOX_FORWARD)
			continue;
		if (target_owner(t, s->create, &t->owner) != 0) {
			staging_trouble(s, "open", t->place);
			return -1;
		}
		for (other = s->targets; other < t; other++)
			if (other->group != GROUP_FORWARDS &&
			    same_owner(t, other))
				break;
		t->group = other < t ? other->group : groups++;
	}
	return groups;
}

static bool
has_forwards(const struct staging *s)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (s->targets[i].group == GROUP_FORWARDS)
			return true;
	return false;
}

int
owners_settle(struct staging *s, int *groups)
{
	size_t i;

	*groups = find_owners(s);
	if (*groups < 0)
		return s->code;
	if (*groups > 1 || (*groups > 0 && has_forwards(s)))
		return 0;
	if (*groups > 0 && owner_become(&s->targets->owner) != 0)
		return staging_trouble(
		    s, "become the owner of", s->targets->place);
	*groups = 0;
	for (i = 0; i < s->n; i++)
		if (staging_look(s, &s->targets[i]) != 0)
			return s->code;
	return 0;
}

/* What a child tells, in memory that is shared. */
struct word {
	pid_t pid;
	char reason[512];
};

static void
say(struct staging *s, struct word *w)
{
	snprintf(w->reason, sizeof(w->reason), "%s", buf_str(&s->reason));
}

/* Becomes the owner, prepares, says so on ready, and waits for the word to go:
 * end of file means that another failed, or that the parent died. */
static _Noreturn void
be_owner(struct staging *s, int group, int go, int ready, struct word *w)
{
	const struct target *t = s->targets;
	char c = 0;
	int code;

	s->group = group;
	while (t->group != group)
		t++;
	code = group == GROUP_FORWARDS || owner_become(&t->owner) == 0
	    ? staging_prepare(s)
	    : staging_trouble(s, "become the owner of", t->place);
	say(s, w);
	if (write(ready, &c, 1) != 1 && code == 0)
		code = EX_TEMPFAIL;
	close(ready);
	if (code == 0 && (go < 0 || read(go, &c, 1) == 1))
		code = staging_publish(s);
	else if (code == 0)
		code = EX_TEMPFAIL;
	if (code != 0)
		staging_undo(s);
	say(s, w);
	_exit(code);
}

static int
reap(struct staging *s, struct word *w)
{
	int status, code;

	while (waitpid(w->pid, &status, 0) < 0)
		if (errno != EINTR)
			return staging_trouble(s, "wait for", "a child");
	code = verdict_exit_of_wait(status);
	/* The first failure counts: the others then only give up. */
	if (code != 0 && s->code == 0)
		staging_fail(s, code, "%s",
		    w->reason[0] ? w->reason : "deliver: a child died");
	return code;
}

/* Starts the child of a group and waits until it has prepared. */
static int
start_owner(struct staging *s, int group, int go[2], struct word *w)
{
	int ready[2];
	pid_t pid;
	char c;
	ssize_t n;

	if (pipe2(ready, O_CLOEXEC) != 0)
		return staging_trouble(s, "start", "a child");
	pid = fork();
	if (pid == 0) {
		close(ready[0]);
		close(go[1]);
		be_owner(s, group, group == GROUP_FORWARDS ? -1 : go[0],
		    ready[1], w);
	}
	w->pid = pid; /* the child shares it */
	close(ready[1]);
	if (pid < 0) {
		close(ready[0]);
		return staging_trouble(s, "start", "a child");
	}
	while ((n = read(ready[0], &c, 1)) < 0 && errno == EINTR)
		;
	close(ready[0]);
	if (n == 1 && w->reason[0] == '\0')
		return 0;
	return staging_fail(s, EX_TEMPFAIL, "%s",
	    w->reason[0] ? w->reason : "deliver: a child died");
}

/* The children of all groups, and *started of them to be reaped. The forwards'
 * needs no word: it is the last, so it goes. */
static int
start_all(
    struct staging *s, int groups, int go[2], struct word *words, int *started)
{
	struct word *last = &words[groups];
	int code = 0;

	for (*started = 0; code == 0 && *started < groups; ++*started)
		code = start_owner(s, *started, go, &words[*started]);
	if (code != 0 || !has_forwards(s))
		return code;
	code = start_owner(s, GROUP_FORWARDS, go, last);
	if (last->pid > 0 && reap(s, last) != 0)
		code = s->code;
	return code;
}

int
owners_commit(struct staging *s, int groups)
{
	size_t size = ((size_t)groups + 1) * sizeof(struct word);
	struct word *words = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int go[2], started, code, i;

	if (words == MAP_FAILED || pipe2(go, O_CLOEXEC) != 0)
		return staging_trouble(s, "start", "a child");
	code = start_all(s, groups, go, words, &started);
	for (i = 0; code == 0 && i < started; i++)
		if (write(go[1], "", 1) != 1)
			code = staging_trouble(s, "write", "to a child");
	close(go[0]);
	close(go[1]);
	for (i = 0; i < started; i++)
		if (words[i].pid > 0 && reap(s, &words[i]) != 0)
			code = s->code;
	munmap(words, size);
	return code;
}
