/* confine try PROFILE [ARG]: for each attempt below a child enters the profile,
 *     by the function that its server calls, and says what came of it.
 * confine tree: the steps that the search for a system call takes at most.
 * confine without landlock|seccomp|both COMMAND...: where the kernel has not.
 */
#include "drv.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "confine.h"
#include "mailboxes.h"
#include "profile.h"

#define SOCKET_FD 9
#define PARENT (-1000) /* its pid */
#define P(x) (long)(x)

static const struct sockaddr_in loopback = {
    .sin_family = AF_INET, .sin_port = 0x1900, .sin_addr = {0x0100007f}};
static const char *const words[] = {"true", NULL};
static char room[4096] __attribute__((aligned(4096)));

/* In the current folder: in/box/ is the profile's, outside/ is not, in/box/link
 * leads there. */
static const struct attempt {
	const char *name;
	long call, args[6];
} attempts[] = {
    {"read /etc/passwd", SYS_openat, {AT_FDCWD, P("/etc/passwd"), O_RDONLY}},
    {"read outside", SYS_openat, {AT_FDCWD, P("outside/secret"), O_RDONLY}},
    {"read box/../outside", SYS_openat,
	{AT_FDCWD, P("in/box/../../outside/secret"), O_RDONLY}},
    {"read through a link", SYS_openat,
	{AT_FDCWD, P("in/box/link/secret"), O_RDONLY}},
    {"read through /proc", SYS_openat,
	{AT_FDCWD, P("/proc/self/cwd/outside/secret"), O_RDONLY}},
    {"list outside", SYS_openat, {AT_FDCWD, P("outside"), O_RDONLY}},
    {"write outside", SYS_openat, {AT_FDCWD, P("outside/secret"), O_WRONLY}},
    {"make outside", SYS_openat,
	{AT_FDCWD, P("outside/new"), O_WRONLY | O_CREAT, 0600}},
    {"link into the box", SYS_linkat,
	{AT_FDCWD, P("outside/secret"), AT_FDCWD, P("in/box/new/got"), 0}},
    {"link out of the box", SYS_linkat,
	{AT_FDCWD, P("in/box/new/mail"), AT_FDCWD, P("outside/got"), 0}},
    {"rename", SYS_renameat,
	{AT_FDCWD, P("outside/secret"), AT_FDCWD, P("in/box/new/got")}},
    {"remove outside", SYS_unlinkat, {AT_FDCWD, P("outside/secret"), 0}},
    {"mkdir outside", SYS_mkdirat, {AT_FDCWD, P("outside/dir"), 0700}},
    {"symlink in the box", SYS_symlinkat,
	{P("/etc"), AT_FDCWD, P("in/box/new/etc")}},
    {"mknod in the box", SYS_mknodat,
	{AT_FDCWD, P("in/box/new/fifo"), S_IFIFO | 0600, 0}},
    {"chmod outside", SYS_fchmodat, {AT_FDCWD, P("outside/secret"), 0644}},
    {"chown outside", SYS_fchownat, {AT_FDCWD, P("outside/secret"), 8, 8, 0}},
    {"xattr outside", SYS_setxattr,
	{P("outside/secret"), P("user.x"), P("x"), 1, 0}},
    {"execve", SYS_execve, {P("/bin/true"), P(words), P(words + 1)}},
    {"execveat", SYS_execveat,
	{AT_FDCWD, P("/bin/true"), P(words), P(words + 1), 0}},
    {"clone", SYS_clone, {SIGCHLD, 0, 0, 0, 0}},
    {"clone3", SYS_clone3, {P(room), 64}},
    {"socket inet", SYS_socket, {AF_INET, SOCK_STREAM, 0}},
    {"socket unix", SYS_socket, {AF_UNIX, SOCK_STREAM, 0}},
    {"socket netlink", SYS_socket, {AF_NETLINK, SOCK_RAW, 0}},
    {"socketpair inet", SYS_socketpair, {AF_INET, SOCK_STREAM, 0, P(room)}},
    {"connect", SYS_connect, {SOCKET_FD, P(&loopback), sizeof loopback}},
    {"bind", SYS_bind, {SOCKET_FD, P(&loopback), sizeof loopback}},
    {"listen", SYS_listen, {SOCKET_FD, 1}},
    {"ptrace", SYS_ptrace, {16, PARENT, 0, 0}}, /* PTRACE_ATTACH */
    {"process_vm_readv", SYS_process_vm_readv, {PARENT, 0, 0, 0, 0, 0}},
    {"pidfd_open", SYS_pidfd_open, {PARENT, 0}},
    {"kill", SYS_kill, {PARENT, SIGCONT}},
    {"tgkill", SYS_tgkill, {PARENT, PARENT, SIGCONT}},
    {"F_SETOWN", SYS_fcntl, {SOCKET_FD, F_SETOWN, PARENT}},
    {"prctl", SYS_prctl, {PR_SET_DUMPABLE, 1, 0, 0, 0}},
    {"setuid", SYS_setuid, {0}},
    {"setresuid", SYS_setresuid, {0, 0, 0}},
    {"capset", SYS_capset, {0, 0}},
    {"mount", SYS_mount, {P("x"), P("outside"), P("tmpfs"), 0, 0}},
    {"umount", SYS_umount2, {P("outside"), 0}},
    {"chroot", SYS_chroot, {P("in/box")}},
    {"pivot_root", SYS_pivot_root, {P("in/box"), P("in/box")}},
    {"unshare", SYS_unshare, {0x10000000}}, /* CLONE_NEWUSER */
    {"setns", SYS_setns, {SOCKET_FD, 0}},
    {"personality", SYS_personality, {0x400000}}, /* READ_IMPLIES_EXEC */
    {"executable mmap", SYS_mmap,
	{0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}},
    {"executable mprotect", SYS_mprotect,
	{P(room), sizeof room, PROT_READ | PROT_EXEC}},
    {"memfd_create", SYS_memfd_create, {P("x"), 0}},
    {"io_uring_setup", SYS_io_uring_setup, {1, P(room)}},
    {"bpf", SYS_bpf, {0, P(room), sizeof room}},
    {"userfaultfd", SYS_userfaultfd, {1}},
    {"perf_event_open", SYS_perf_event_open, {P(room), 0, -1, -1, 0}},
    {"keyctl", SYS_keyctl, {0, 0, 0, 0, 0}},
    {"seccomp", SYS_seccomp, {SECCOMP_SET_MODE_FILTER, 0, 0}},
    {"landlock", 444, {0, 0, 1}},
    {"ioctl", SYS_ioctl, {SOCKET_FD, 0x8912, P(room)}}, /* SIOCGIFCONF */
    {"a call unknown as yet", 511, {0}},
    {"a call of x32", 0x40000000L + SYS_getpid, {0}},
    {"a call of i386", -1, {0}},
};

static int
enter(const char *profile, const char *arg)
{
	struct profile_smtp p = {.command = strcmp(profile, "command") == 0};
	struct mailboxes *t = NULL;
	struct queue queue;
	struct maildir box;
	struct reach reach;
	struct confine c;
	char why[256];

	if (strcmp(profile, "login") == 0)
		return profile_pop3_login();
	if (strcmp(profile, "pop3") == 0)
		return maildir_open(&box, arg, false) < 0 ? -1
							  : profile_pop3(&box);
	if (strcmp(profile, "relay") == 0) {
		confine_begin(&c);
		return confine_enter(&c, 0);
	}
	if (strcmp(profile, "mailboxes") == 0) {
		t = mailboxes_read(arg, NULL, why, sizeof why);
		if (!t)
			return -1;
		mailboxes_reach(t, &reach);
		p.mailboxes = &reach;
	}
	if (strcmp(profile, "spool") == 0) {
		if (queue_open(&queue, arg, true) < 0)
			return -1;
		p.queue = &queue;
	}
	return profile_smtp(&p);
}

static long
attempt(const struct attempt *a, pid_t parent)
{
	long x[6];

	for (int i = 0; i < 6; i++)
		x[i] = a->args[i] == PARENT ? parent : a->args[i];
	if (a->call >= 0)
		return syscall(a->call, x[0], x[1], x[2], x[3], x[4], x[5]);
#ifdef __x86_64__
	long r = 20; /* its getpid */
	__asm__ volatile("int $0x80" : "+a"(r)::"memory");
	return r;
#else
	raise(SIGSYS);
	return 0;
#endif
}

static void
try(const struct attempt *a, char **profile)
{
	pid_t parent = getpid(), pid;
	int status;
	long r;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		if (enter(profile[0], profile[1]) < 0)
			_exit(255);
		errno = 0;
		r = attempt(a, parent);
		_exit(r < 0 ? errno : 0);
	}
	waitpid(pid, &status, 0);
	printf("%s: %s\n", a->name,
	    WIFSIGNALED(status)              ? "killed"
		: WEXITSTATUS(status) == 255 ? "not confined"
		: WEXITSTATUS(status) ? strerrorname_np(WEXITSTATUS(status))
				      : "DONE");
}

static int
try_all(char **profile)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	dup2(fd, SOCKET_FD);
	confine_probe(true, false);
	for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++)
		try(&attempts[i], profile);
	return 0;
}

/* Runs the program as the kernel does, for the jumps and loads it is made of.
 */
static size_t
steps(const struct sock_filter *code, uint32_t number)
{
	uint32_t a = 0;
	size_t at = 0, n = 0;

	for (;; n++) {
		const struct sock_filter *i = &code[at++];

		if (BPF_CLASS(i->code) == BPF_RET)
			return n + 1;
		if (BPF_CLASS(i->code) == BPF_LD)
			a = i->k == offsetof(struct seccomp_data, nr) ? number
			    : i->k == offsetof(struct seccomp_data, arch)
			    ? code[1].k
			    : 0;
		else if (BPF_OP(i->code) == BPF_JGE)
			at += a >= i->k ? i->jt : i->jf;
		else if (BPF_OP(i->code) == BPF_JSET)
			at += a & i->k ? i->jt : i->jf;
		else
			at += a == i->k ? i->jt : i->jf;
	}
}

static int
tree(void)
{
	struct sock_filter code[FILTER_MAX];
	size_t most = 0, n = filter_build(code, ~0U, 1);

	for (uint32_t i = 0; i < 1024; i++)
		if (steps(code, i) > most)
			most = steps(code, i);
	printf("%zu instructions, %zu steps\n", n, most);
	return 0;
}

static int
without(const char *what, char **command)
{
	int landlock = strcmp(what, "seccomp") ? 444 : -1;
	int seccomp = strcmp(what, "landlock") ? SYS_seccomp : -1;
	struct sock_filter code[] = {
	    {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr)},
	    {BPF_JMP | BPF_JEQ | BPF_K, 1, 0, (uint32_t)landlock},
	    {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, (uint32_t)seccomp},
	    {BPF_RET, 0, 0, SECCOMP_RET_ERRNO | ENOSYS},
	    {BPF_RET, 0, 0, SECCOMP_RET_ALLOW},
	};
	struct sock_fprog program = {sizeof code / sizeof *code, code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		return 75;
	execvp(command[0], command);
	return 127;
}

int
main(int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[1], "try") == 0)
		return try_all(argv + 2);
	if (argc > 3 && strcmp(argv[1], "without") == 0)
		return without(argv[2], argv + 3);
	return argc == 2 && strcmp(argv[1], "tree") == 0 ? tree() : 64;
}
