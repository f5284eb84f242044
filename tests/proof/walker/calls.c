#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "walker.h"

/* What the argument is that a reader wants to see. */
enum shows { NOTHING, FD, PATH, AT_PATH };

#define READS              \
	{                  \
		EIO, EINTR \
	}
#define WRITES                             \
	{                                  \
		ENOSPC, EIO, EDQUOT, EINTR \
	}
#define SYNCS                       \
	{                           \
		EIO, ENOSPC, EDQUOT \
	}
#define OPENS                                                     \
	{                                                         \
		EMFILE, ENOMEM, ENOSPC, EDQUOT, EROFS, EIO, EINTR \
	}
#define NAMES                                      \
	{                                          \
		ENOSPC, EDQUOT, EROFS, ENOMEM, EIO \
	}
#define LOOKS               \
	{                   \
		EIO, ENOMEM \
	}
#define MEMORY         \
	{              \
		ENOMEM \
	}
#define HANDLES                \
	{                      \
		EMFILE, ENOMEM \
	}
#define WAITS         \
	{             \
		EINTR \
	}

/* clang-format off */
static const struct call {
	int number;
	const char *name;
	enum shows shows;
	int errors[8];
} table[] = {
#define CALL(name, shows, ...) {SYS_##name, #name, shows, __VA_ARGS__}
	CALL(read, FD, READS), CALL(pread64, FD, READS),
	CALL(recvfrom, FD, READS), CALL(recvmsg, FD, READS),
	CALL(getdents64, FD, LOOKS), CALL(readv, FD, READS),
	CALL(write, FD, WRITES), CALL(pwrite64, FD, WRITES),
	CALL(writev, FD, WRITES), CALL(sendto, FD, {EIO, EINTR}),
	CALL(sendmsg, FD, {EIO, EINTR}), CALL(sendfile, NOTHING, WRITES),
	CALL(copy_file_range, FD, WRITES), CALL(ftruncate, FD, WRITES),
	CALL(fallocate, FD, WRITES), CALL(fsync, FD, SYNCS),
	CALL(fdatasync, FD, SYNCS), CALL(syncfs, FD, SYNCS),
	CALL(close, FD, {EIO}), CALL(lseek, FD, {EIO}),
	CALL(open, PATH, OPENS), CALL(openat, AT_PATH, OPENS),
	CALL(creat, PATH, OPENS),
	CALL(link, PATH, NAMES), CALL(linkat, AT_PATH, NAMES),
	CALL(rename, PATH, NAMES), CALL(renameat, AT_PATH, NAMES),
	CALL(renameat2, AT_PATH, NAMES), CALL(symlink, PATH, NAMES),
	CALL(unlink, PATH, {EIO, EROFS}), CALL(unlinkat, AT_PATH, {EIO, EROFS}),
	CALL(mkdir, PATH, NAMES), CALL(mkdirat, AT_PATH, NAMES),
	CALL(stat, PATH, LOOKS), CALL(lstat, PATH, LOOKS),
	CALL(fstat, FD, {EIO}), CALL(newfstatat, AT_PATH, LOOKS),
	CALL(access, PATH, LOOKS), CALL(readlink, PATH, LOOKS),
	CALL(readlinkat, AT_PATH, LOOKS), CALL(utimensat, AT_PATH, LOOKS),
	CALL(mmap, NOTHING, MEMORY),
	CALL(mremap, NOTHING, MEMORY), CALL(clone, NOTHING, MEMORY),
	CALL(clone3, NOTHING, MEMORY), CALL(fork, NOTHING, MEMORY),
	CALL(vfork, NOTHING, MEMORY), CALL(execve, PATH, LOOKS),
	CALL(dup, FD, HANDLES), CALL(pipe2, NOTHING, HANDLES),
	CALL(pipe, NOTHING, HANDLES), CALL(socket, NOTHING, HANDLES),
	CALL(socketpair, NOTHING, HANDLES), CALL(fcntl, FD, {EINTR, ENOMEM}),
	CALL(flock, FD, {EINTR, ENOMEM}), CALL(getrandom, NOTHING, WAITS),
	CALL(poll, NOTHING, WAITS), CALL(ppoll, NOTHING, WAITS),
	CALL(select, NOTHING, WAITS), CALL(wait4, NOTHING, WAITS),
	CALL(connect, FD, WAITS), CALL(chdir, PATH, LOOKS),
	CALL(inotify_init1, NOTHING, HANDLES),
	CALL(inotify_add_watch, AT_PATH, {ENOSPC, ENOMEM}),
};
/* clang-format on */

static const struct call *
find(int number)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		if (table[i].number == number)
			return &table[i];
	return NULL;
}

const char *
call_name(int number)
{
	static char text[32];
	const struct call *c = find(number);

	snprintf(text, sizeof(text), "call %d", number);
	return c ? c->name : text;
}

const int *
call_errors(int number)
{
	static const int none[1] = {0};
	const struct call *c = find(number);

	return c ? c->errors : none;
}

static bool
transfers(int number)
{
	static const int list[] = {SYS_read, SYS_pread64, SYS_recvfrom,
	    SYS_write, SYS_pwrite64, SYS_sendto};

	for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++)
		if (list[i] == number)
			return true;
	return false;
}

bool
call_fits(int number, const struct point *p)
{
	const int *e = call_errors(number);

	if (p->kind == SHORT)
		return transfers(number);
	if (p->kind != ERRNO)
		return true;
	while (*e && *e != p->error)
		e++;
	return *e != 0;
}

const char *
error_name(int error)
{
	return strerrorname_np(error);
}

static void
peek(pid_t pid, unsigned long long address, char *out, size_t room)
{
	struct iovec here = {out, room - 1};
	struct iovec there = {(void *)(size_t)address, room - 1};
	ssize_t n;

	/* A page that ends behind the string makes the read short. */
	if ((address & 4095) + there.iov_len > 4096)
		there.iov_len = 4096 - (address & 4095);
	n = process_vm_readv(pid, &here, 1, &there, 1, 0);
	out[n < 0 ? 0 : n] = '\0';
}

void
call_describe(pid_t pid, int number, const unsigned long long args[6],
    char *out, size_t room)
{
	const struct call *c = find(number);
	enum shows shows = c ? c->shows : NOTHING;
	char text[160] = "", link[64];
	ssize_t n;

	if (shows == PATH || shows == AT_PATH)
		peek(pid, args[shows == AT_PATH], text, sizeof(text));
	if (shows == FD) {
		snprintf(
		    link, sizeof(link), "/proc/%d/fd/%d", pid, (int)args[0]);
		n = readlink(link, text, sizeof(text) - 1);
		text[n < 0 ? 0 : n] = '\0';
	}
	snprintf(out, room, "%s(%s)", call_name(number), text);
}
