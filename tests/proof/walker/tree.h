/* The processes of one traced run, which trace.c follows and faults.c harms. */
#ifndef TREE_H
#define TREE_H

#include "walker.h"

#define MOST 64

struct process {
	pid_t pid;
	bool begun, world, fails; /* begun: was stopped once */
};

struct tree {
	struct process p[MOST];
	int n;
	pid_t root, waits; /* waits: KILL at the exit of this one's call */
	long calls;
	bool done;
};

struct __ptrace_syscall_info;
void tree_kill(struct tree *t);

/* faults.c: at the entry and at the exit of a call. */
void fault_enter(struct tree *t, const struct point *p, struct process *child,
    const struct __ptrace_syscall_info *info, struct outcome *o);
void fault_leave(struct tree *t, const struct point *p, struct process *child);

#endif
