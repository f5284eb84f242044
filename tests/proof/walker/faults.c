#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>

#include <linux/ptrace.h>

#include "tree.h"

static void
explain(const struct point *p, pid_t pid,
    const struct __ptrace_syscall_info *info, struct outcome *o)
{
	unsigned long long args[6];
	char call[200], fault[64] = "";

	memcpy(args, info->entry.args, sizeof(args));
	call_describe(pid, (int)info->entry.nr, args, call, sizeof(call));
	if (p->kind == KILL)
		snprintf(fault, sizeof(fault), "killed %s",
		    p->at_exit ? "behind it" : "before it");
	if (p->kind == ERRNO)
		snprintf(fault, sizeof(fault), "%s%s", error_name(p->error),
		    p->onward ? " from then on" : "");
	if (p->kind == SHORT)
		snprintf(fault, sizeof(fault), "%ld octets%s", p->cut,
		    p->onward ? " from then on" : "");
	if (p->kind == TERM)
		snprintf(fault, sizeof(fault), "SIGTERM");
	snprintf(o->where, sizeof(o->where), "%ld %s %s", p->at, call, fault);
}

static void
inject(struct tree *t, const struct point *p, struct process *child,
    const struct __ptrace_syscall_info *info)
{
	struct user_regs_struct r;

	switch (p->kind) {
	case KILL:
		if (p->at_exit)
			t->waits = child->pid;
		else
			tree_kill(t);
		break;
	case TERM:
		kill(child->pid, SIGTERM);
		t->done = true;
		break;
	case ERRNO:
		ptrace(PTRACE_GETREGS, child->pid, NULL, &r);
		/* A confined program may make this one, as it may not -1; a
		 * close that fails has closed. */
		if (r.orig_rax != SYS_close)
			r.orig_rax = SYS_getpid;
		ptrace(PTRACE_SETREGS, child->pid, NULL, &r);
		child->fails = true;
		break;
	case SHORT:
		if (info->entry.args[2] > (uint64_t)p->cut) {
			ptrace(PTRACE_GETREGS, child->pid, NULL, &r);
			r.rdx = (unsigned long long)p->cut;
			ptrace(PTRACE_SETREGS, child->pid, NULL, &r);
		}
		t->done = !p->onward;
		break;
	default:
		break;
	}
}

void
fault_leave(struct tree *t, const struct point *p, struct process *child)
{
	struct user_regs_struct r;

	if (t->waits == child->pid)
		tree_kill(t);
	if (!child->fails)
		return;
	ptrace(PTRACE_GETREGS, child->pid, NULL, &r);
	r.rax = (unsigned long long)-p->error;
	ptrace(PTRACE_SETREGS, child->pid, NULL, &r);
	child->fails = false;
	t->done = !p->onward;
}

/* What the dynamic loader does of a fault is the C library's affair. */
static bool
in_loader(pid_t pid, unsigned long long ip)
{
	unsigned long long from, to;
	char path[64], line[512];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	f = fopen(path, "re");
	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, "%llx-%llx", &from, &to) == 2 &&
		    from <= ip && ip < to && strstr(line, "/ld-");
	if (f)
		fclose(f);
	return found;
}

void
fault_enter(struct tree *t, const struct point *p, struct process *child,
    const struct __ptrace_syscall_info *info, struct outcome *o)
{
	if (!o->reached) {
		o->loading = in_loader(child->pid, info->instruction_pointer);
		explain(p, child->pid, info, o);
	}
	o->reached = true;
	o->told |= p->kind == TERM && child->pid == t->root;
	inject(t, p, child, info);
}
