#include <errno.h>
#include <fcntl.h>
#include <dirent.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ptrace.h>

#include "walker.h"

#define OPTIONS                                                             \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | \
	    PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL)
#define MOST 64
/* What may still run when the program itself has ended. */
#define AFTERLIFE 500

const char *trace_world;

struct tree {
	struct process {
		pid_t pid;
		bool begun, world, fails; /* begun: was stopped once */
	} p[MOST];
	int n;
	pid_t root, waits; /* waits: KILL at the exit of this one's call */
	long calls;
	bool counting, done, seized;
};

static volatile sig_atomic_t late;

static void
on_alarm(int sig)
{
	(void)sig;
	late = 1;
}

/* The timer repeats, should it fire just before a wait. */
static void
set_limit(int ms)
{
	struct itimerval t = {.it_interval.tv_usec = ms ? 20000 : 0,
	    .it_value = {ms / 1000, ms % 1000 * 1000}};
	struct sigaction sa = {.sa_handler = on_alarm};

	late = 0;
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &t, NULL);
}

static _Noreturn void
child(char *const argv[], const int fds[2], bool traced)
{
	int null = open("/dev/null", O_WRONLY);

	setsid();
	if (dup2(fds[0], 0) < 0 || dup2(fds[1] < 0 ? null : fds[1], 1) < 0 ||
	    (!getenv("WALK_SHOW") && dup2(null, 2) < 0) ||
	    chdir(world_dir) != 0)
		_exit(126);
	closefrom(3);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (traced) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
	}
	execvp(argv[0], argv);
	_exit(126);
}

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

static void
kill_all(struct tree *t)
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
			kill_all(t);
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

static void
leave(struct tree *t, const struct point *p, struct process *child)
{
	struct user_regs_struct r;

	if (t->waits == child->pid)
		kill_all(t);
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

static void
at_call(struct tree *t, const struct point *p, struct process *child,
    struct calls *watch, struct outcome *o)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, child->pid, sizeof(info), &info) <=
	    0)
		return;
	if (info.op == PTRACE_SYSCALL_INFO_EXIT) {
		leave(t, p, child);
		return;
	}
	if (!t->counting || child->world)
		return;
	t->calls++;
	if (watch)
		remember(watch, t->calls, (int)info.entry.nr);
	if (p->kind == NONE || t->calls < p->at ||
	    (t->calls > p->at && !p->onward) ||
	    !call_fits((int)info.entry.nr, p))
		return;
	if (!o->reached) {
		o->loading = in_loader(child->pid, info.instruction_pointer);
		explain(p, child->pid, &info, o);
	}
	o->reached = true;
	inject(t, p, child, &info);
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
at_exec(struct tree *t, struct process *child, struct calls *watch,
    struct outcome *o)
{
	char link[64], exe[PATH_MAX];
	ssize_t n;

	if (watch && t->counting)
		o->leaked += open_above_standard(child->pid);
	t->counting = true;
	if (!trace_world)
		return;
	snprintf(link, sizeof(link), "/proc/%d/exe", child->pid);
	n = readlink(link, exe, sizeof(exe) - 1);
	exe[n < 0 ? 0 : n] = '\0';
	child->world = strcmp(exe, trace_world) == 0;
}

/* A new child is known before it stops, so that it is killed with the rest; one
 * that came and went before this is told is gone. */
static void
at_event(struct tree *t, struct process *child, int event, struct calls *watch,
    struct outcome *o)
{
	unsigned long born;

	if (event == PTRACE_EVENT_EXEC)
		at_exec(t, child, watch, o);
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
	bool fresh = c && !c->begun;

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
	ptrace(t->done ? PTRACE_CONT : PTRACE_SYSCALL, pid, NULL,
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
		if (late) {
			o->hung |= t->root != 0;
			o->strays += t->root == 0 ? t->n : 0;
			kill_all(t);
			late = 0;
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
			set_limit(AFTERLIFE);
		}
	}
}

void
trace_run(char *const argv[], const int fds[2], const struct point *p,
    struct calls *watch, int limit, struct outcome *o)
{
	struct tree t = {.root = fork()};

	*o = (struct outcome){0};
	if (t.root == 0)
		child(argv, fds, true);
	find(&t, t.root)->begun = true;
	waitpid(t.root, NULL, __WALL);
	ptrace(PTRACE_SETOPTIONS, t.root, NULL, OPTIONS);
	set_limit(limit);
	ptrace(PTRACE_SYSCALL, t.root, NULL, NULL);
	follow(&t, p, watch, o);
	set_limit(0);
}

/* Its session is what it leaves behind. */
void
plain_run(char *const argv[], const int fds[2], int limit, struct outcome *o)
{
	pid_t pid = fork();

	*o = (struct outcome){0};
	if (pid == 0)
		child(argv, fds, false);
	set_limit(limit);
	while (waitpid(pid, &o->status, 0) < 0 && errno == EINTR)
		if (late) {
			o->hung = true;
			kill(-pid, SIGKILL);
		}
	set_limit(0);
	kill(-pid, SIGKILL);
	while (waitpid(-pid, NULL, __WALL) > 0)
		;
}
