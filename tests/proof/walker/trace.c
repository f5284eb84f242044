#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <linux/ptrace.h>

#include "tree.h"

#define OPTIONS                                                             \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | \
	    PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL)
/* What may still run when the program itself has ended. */
#define AFTERLIFE 500

const char *trace_world;

static struct process *
find(struct tree *t, pid_t pid)
{
	for (int i = 0; i < t->n; i++)
		if (t->p[i].pid == pid)
			return &t->p[i];
	if (t->n == MOST)
		return NULL;
	t->p[t->n] = (struct process){.pid = pid};
	return &t->p[t->n++];
}

static void
forget(struct tree *t, pid_t pid)
{
	for (int i = 0; i < t->n; i++)
		if (t->p[i].pid == pid)
			t->p[i] = t->p[--t->n];
}

void
tree_kill(struct tree *t)
{
	for (int i = 0; i < t->n; i++)
		kill(t->p[i].pid, SIGKILL);
	t->done = true;
}

static void
remember(struct calls *watch, long n, int number)
{
	if (n > watch->room) {
		watch->room = n * 2;
		watch->list = realloc(
		    watch->list, (size_t)watch->room * sizeof(*watch->list));
		if (!watch->list)
			_exit(75);
	}
	watch->list[n - 1] = number;
	watch->n = n;
}

static void
at_call(struct tree *t, const struct point *p, struct process *child,
    struct calls *watch, struct outcome *o)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, child->pid, sizeof(info), &info) <=
	    0)
		return;
	if (info.op == PTRACE_SYSCALL_INFO_EXIT) {
		fault_leave(t, p, child);
		return;
	}
	if (child->world)
		return;
	t->calls++;
	if (watch)
		remember(watch, t->calls, (int)info.entry.nr);
	if (p->kind == NONE || t->calls < p->at ||
	    (t->calls > p->at && !p->onward) ||
	    !call_fits((int)info.entry.nr, p))
		return;
	fault_enter(t, p, child, &info, o);
}

static int
open_above_standard(pid_t pid)
{
	char path[64];
	struct dirent *e;
	DIR *d;
	int n = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	d = opendir(path);
	while (d && (e = readdir(d)))
		n += e->d_name[0] != '.' && atoi(e->d_name) > 2;
	if (d)
		closedir(d);
	return n;
}

static void
at_exec(struct process *child, struct calls *watch, struct outcome *o)
{
	char link[64], exe[PATH_MAX];
	ssize_t n;

	if (watch)
		o->leaked += open_above_standard(child->pid);
	child->world = run_endless;
	if (!trace_world)
		return;
	snprintf(link, sizeof(link), "/proc/%d/exe", child->pid);
	n = readlink(link, exe, sizeof(exe) - 1);
	exe[n < 0 ? 0 : n] = '\0';
	child->world |= strcmp(exe, trace_world) == 0;
}

/* A new child is known before it stops, so that it is killed with the rest; one
 * that came and went before this is told is gone. */
static void
at_event(struct tree *t, struct process *child, int event, struct calls *watch,
    struct outcome *o)
{
	unsigned long born;

	if (event == PTRACE_EVENT_EXEC)
		at_exec(child, watch, o);
	else if (ptrace(PTRACE_GETEVENTMSG, child->pid, NULL, &born) == 0 &&
	    kill((pid_t)born, 0) == 0)
		find(t, (pid_t)born);
}

static void
stopped(struct tree *t, const struct point *p, pid_t pid, int status,
    struct calls *watch, struct outcome *o)
{
	int sig = WSTOPSIG(status);
	struct process *c = find(t, pid);
	bool fresh = c && !c->begun, spared;

	if (!c) {
		kill(pid, SIGKILL);
		return;
	}
	c->begun = true;
	if (fresh && sig == SIGSTOP) {
		ptrace(PTRACE_SETOPTIONS, pid, NULL, OPTIONS);
		sig = 0;
	} else if (sig == (SIGTRAP | 0x80)) {
		at_call(t, p, c, watch, o);
		sig = 0;
	} else if (status >> 16) {
		at_event(t, c, status >> 16, watch, o);
		sig = 0;
	}
	spared = t->done || (c->world && t->waits != pid);
	ptrace(spared ? PTRACE_CONT : PTRACE_SYSCALL, pid, NULL,
	    (void *)(long)sig);
}

/* Until the last of the tree has gone. Others' children are not ours to tell
 * from it, except that none of them is traced. */
static void
follow(struct tree *t, const struct point *p, struct calls *watch,
    struct outcome *o)
{
	int status;
	pid_t pid;

	while (t->n > 0) {
		pid = waitpid(-1, &status, __WALL);
		if (pid < 0 && errno == ECHILD)
			break;
		if (limit_passed(t->root, o)) {
			o->hung |= t->root != 0;
			o->strays += t->root == 0 ? t->n : 0;
			tree_kill(t);
		}
		if (pid < 0)
			continue;
		if (WIFSTOPPED(status)) {
			stopped(t, p, pid, status, watch, o);
			continue;
		}
		forget(t, pid);
		if (pid == t->root) {
			o->status = status;
			t->root = 0;
			limit_set(AFTERLIFE);
		}
	}
}

/* It is stopped behind its exec. */
void
trace_run(char *const argv[], const int fds[2], const struct point *p,
    struct calls *watch, int limit, struct outcome *o)
{
	struct tree t = {.root = launch(argv, fds, true)};
	struct process *root = find(&t, t.root);
	int status;

	*o = (struct outcome){0};
	root->begun = true;
	if (waitpid(t.root, &status, __WALL) < 0 || !WIFSTOPPED(status)) {
		o->status = status;
		return;
	}
	ptrace(PTRACE_SETOPTIONS, t.root, NULL, OPTIONS);
	limit_set(limit);
	ptrace(PTRACE_SYSCALL, t.root, NULL, NULL);
	follow(&t, p, watch, o);
	limit_set(0);
}
