#include "filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#if defined __x86_64__ && defined __LP64__
#define MACHINE AUDIT_ARCH_X86_64
#elif defined __aarch64__ && defined __AARCH64EL__
#define MACHINE AUDIT_ARCH_AARCH64
#else
#define MACHINE 0
#endif

#define NUMBERS 512
#define BASE 128       /* for every process */
#define X32 (1U << 30) /* its calls have this bit, and x86_64's arch */

enum answer {
	REFUSE, /* ENOSYS */
	ALLOW,
	KILL,
	DENY,      /* EPERM */
	NO_EXEC,   /* no executable memory */
	NO_OWNER,  /* no signals to others by F_SETOWN, F_SETSIG, F_SETOWN_EX */
	NO_SIGNAL, /* only whether the process is there */
	ITSELF,
	UNIX,
	SOCKET, /* options of SOL_SOCKET */
	ANSWERS
};

static const struct call {
	short number;
	unsigned char calls, answer;
} table[] = {
    {SYS_read, BASE, ALLOW},
    {SYS_write, BASE, ALLOW},
    {SYS_readv, BASE, ALLOW},
    {SYS_writev, BASE, ALLOW},
    {SYS_close, BASE, ALLOW},
    {SYS_fstat, BASE, ALLOW},
    {SYS_newfstatat, BASE, ALLOW},
    {SYS_statx, BASE, ALLOW},
    {SYS_lseek, BASE, ALLOW},
    {SYS_ppoll, BASE, ALLOW},
    {SYS_recvfrom, BASE, ALLOW},
    {SYS_recvmsg, BASE, ALLOW},
    {SYS_sendto, BASE, ALLOW},
    {SYS_sendmsg, BASE, ALLOW},
    {SYS_shutdown, BASE, ALLOW},
    {SYS_fcntl, BASE, NO_OWNER},
    {SYS_mmap, BASE, NO_EXEC},
    {SYS_mprotect, BASE, NO_EXEC},
    {SYS_munmap, BASE, ALLOW},
    {SYS_mremap, BASE, ALLOW},
    {SYS_madvise, BASE, ALLOW},
    {SYS_brk, BASE, ALLOW},
    {SYS_rt_sigaction, BASE, ALLOW},
    {SYS_rt_sigprocmask, BASE, ALLOW},
    {SYS_rt_sigreturn, BASE, ALLOW},
    {SYS_restart_syscall, BASE, ALLOW},
    {SYS_tgkill, BASE, ITSELF},
    {SYS_getpid, BASE, ALLOW},
    {SYS_gettid, BASE, ALLOW},
    {SYS_getuid, BASE, ALLOW},
    {SYS_geteuid, BASE, ALLOW},
    {SYS_getgid, BASE, ALLOW},
    {SYS_getegid, BASE, ALLOW},
    {SYS_uname, BASE, ALLOW},
    {SYS_getrandom, BASE, ALLOW},
    {SYS_futex, BASE, ALLOW},
    {SYS_clock_gettime, BASE, ALLOW},
    {SYS_gettimeofday, BASE, ALLOW},
    {SYS_nanosleep, BASE, ALLOW},
    {SYS_clock_nanosleep, BASE, ALLOW},
    {SYS_setitimer, BASE, ALLOW},
    {SYS_wait4, BASE, ALLOW},
    {SYS_exit, BASE, ALLOW},
    {SYS_exit_group, BASE, ALLOW},
    {SYS_execve, BASE, KILL},
    {SYS_execveat, BASE, KILL},
    {SYS_ptrace, BASE, KILL},
    {SYS_process_vm_readv, BASE, KILL},
    {SYS_process_vm_writev, BASE, KILL},
    {SYS_openat, FILTER_FILES, ALLOW},
    {SYS_pread64, FILTER_FILES, ALLOW},
    {SYS_pwrite64, FILTER_FILES, ALLOW},
    {SYS_fsync, FILTER_FILES, ALLOW},
    {SYS_fdatasync, FILTER_FILES, ALLOW},
    {SYS_ftruncate, FILTER_FILES, ALLOW},
    {SYS_linkat, FILTER_FILES, ALLOW},
    {SYS_renameat2, FILTER_FILES, ALLOW},
    {SYS_unlinkat, FILTER_FILES, ALLOW},
    {SYS_mkdirat, FILTER_FILES, ALLOW},
    {SYS_getdents64, FILTER_FILES, ALLOW},
    {SYS_faccessat, FILTER_FILES, ALLOW},
    {SYS_flock, FILTER_FILES, ALLOW},
    {SYS_kill, FILTER_FILES, NO_SIGNAL},
    {SYS_socketpair, FILTER_PAIR, UNIX},
    {SYS_dup3, FILTER_PAIR, ALLOW},
    {SYS_getsockopt, FILTER_PAIR, SOCKET},
    {SYS_setgroups, FILTER_DROP, ALLOW},
    {SYS_setgid, FILTER_DROP, ALLOW},
    {SYS_setuid, FILTER_DROP, ALLOW},
#ifdef __x86_64__ /* newer machines have only the general forms */
    {SYS_stat, BASE, ALLOW},
    {SYS_lstat, BASE, ALLOW},
    {SYS_poll, BASE, ALLOW},
    {SYS_time, BASE, ALLOW},
    {SYS_alarm, BASE, ALLOW},
    {SYS_open, FILTER_FILES, ALLOW},
    {SYS_unlink, FILTER_FILES, ALLOW},
    {SYS_mkdir, FILTER_FILES, ALLOW},
    {SYS_access, FILTER_FILES, ALLOW},
    {SYS_dup2, FILTER_PAIR, ALLOW},
#endif
};

/* Filled from its end: jumps lead forwards, and what they lead to is there. */
struct program {
	struct sock_filter *code;
	size_t at;               /* of the first instruction */
	size_t answers[ANSWERS]; /* of their first ones */
	uint16_t first[NUMBERS]; /* numbers from which on the answer changes */
	unsigned char answer[NUMBERS];
};

static size_t
put(struct program *p, unsigned short code, uint32_t k)
{
	p->code[--p->at] = (struct sock_filter){code, 0, 0, k};
	return p->at;
}

/* Every target is less than FILTER_MAX away. */
static size_t
put_jump(
    struct program *p, unsigned short test, uint32_t k, size_t yes, size_t no)
{
	size_t at = put(p, BPF_JMP | test | BPF_K, k);

	p->code[at].jt = (unsigned char)(yes - at - 1);
	p->code[at].jf = (unsigned char)(no - at - 1);
	return at;
}

/* The lower half of an argument, which is all that int ones have. */
static size_t
put_argument(struct program *p, int n)
{
	return put(p, BPF_LD | BPF_W | BPF_ABS,
	    offsetof(struct seccomp_data, args) + (size_t)n * sizeof(uint64_t));
}

static void
put_answers(struct program *p, pid_t pid)
{
	size_t *a = p->answers;

	a[ALLOW] = put(p, BPF_RET, SECCOMP_RET_ALLOW);
	a[DENY] = put(p, BPF_RET, SECCOMP_RET_ERRNO | EPERM);
	a[REFUSE] = put(p, BPF_RET, SECCOMP_RET_ERRNO | ENOSYS);
	a[KILL] = put(p, BPF_RET, SECCOMP_RET_KILL_PROCESS);
	put_jump(p, BPF_JSET, PROT_EXEC, a[DENY], a[ALLOW]);
	a[NO_EXEC] = put_argument(p, 2);
	put_jump(p, BPF_JGE, 8, a[DENY], a[ALLOW]);
	put_jump(p, BPF_JGE, 36, a[ALLOW], p->at);
	a[NO_OWNER] = put_argument(p, 1);
	put_jump(p, BPF_JEQ, 0, a[ALLOW], a[DENY]);
	a[NO_SIGNAL] = put_argument(p, 1);
	put_jump(p, BPF_JEQ, (uint32_t)pid, a[ALLOW], a[DENY]);
	a[ITSELF] = put_argument(p, 0);
	put_jump(p, BPF_JEQ, AF_UNIX, a[ALLOW], a[DENY]);
	a[UNIX] = put_argument(p, 0);
	put_jump(p, BPF_JEQ, SOL_SOCKET, a[ALLOW], a[DENY]);
	a[SOCKET] = put_argument(p, 1);
}

/* Tells the ranges from low to below high apart; where to begin. */
static size_t
put_tree(struct program *p, size_t low, size_t high)
{
	size_t middle = low + (high - low) / 2, below, above;

	if (high - low == 1)
		return p->answers[p->answer[p->first[low]]];
	above = put_tree(p, middle, high);
	below = put_tree(p, low, middle);
	return put_jump(p, BPF_JGE, p->first[middle], above, below);
}

static size_t
find_ranges(struct program *p)
{
	size_t n = 1;

	p->first[0] = 0;
	for (uint16_t i = 1; i < NUMBERS; i++)
		if (p->answer[i] != p->answer[i - 1])
			p->first[n++] = i;
	return n;
}

bool
filter_known(void)
{
	return MACHINE != 0;
}

size_t
filter_build(struct sock_filter code[FILTER_MAX], unsigned calls, pid_t pid)
{
	struct program p = {.code = code, .at = FILTER_MAX};
	size_t tree;

	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (table[i].calls & (calls | BASE))
			p.answer[table[i].number] = table[i].answer;
	put_answers(&p, pid);
	tree = put_tree(&p, 0, find_ranges(&p));
	put_jump(&p, BPF_JGE, X32, p.answers[KILL], tree);
	put(&p, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	put_jump(&p, BPF_JEQ, MACHINE, p.at, p.answers[KILL]);
	put(&p, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
	memmove(code, code + p.at, (FILTER_MAX - p.at) * sizeof *code);
	return FILTER_MAX - p.at;
}
