#include "confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "log.h"

/* linux/landlock.h of the oldest system we build on knows neither all of these
 * nor, on a still older one, any. */
#define CREATE_RULESET 444
#define ADD_RULE 445
#define RESTRICT_SELF 446
#define VERSION_FLAG 1
#define PATH_BENEATH 1

#define FS_EXECUTE (1U << 0)
#define FS_WRITE_FILE (1U << 1)
#define FS_READ_FILE (1U << 2)
#define FS_READ_DIR (1U << 3)
#define FS_REMOVE_FILE (1U << 5)
#define FS_MAKE_DIR (1U << 7)
#define FS_MAKE_REG (1U << 8)
#define FS_REFER (1U << 13)
#define FS_TRUNCATE (1U << 14)
#define NET_ALL 3   /* bind and connect of TCP */
#define SCOPE_ALL 3 /* abstract Unix sockets, signals */

struct ruleset {
	uint64_t fs, net, scope;
};

struct beneath {
	uint64_t rights;
	int32_t fd;
} __attribute__((packed));

/* What each version of landlock can forbid, and how much of struct ruleset it
 * knows. */
static const struct version {
	uint32_t fs;
	size_t size;
} versions[] = {
    {0x1fff, 8},  /* 1: Linux 5.13 */
    {0x3fff, 8},  /* 2: 5.19, links between folders */
    {0x7fff, 8},  /* 3: 6.2, truncation */
    {0x7fff, 16}, /* 4: 6.7, TCP */
    {0xffff, 16}, /* 5: 6.10, ioctl of devices */
    {0xffff, 24}, /* 6: 6.12, scopes */
};
#define VERSIONS ((int)(sizeof versions / sizeof *versions))

static const struct version *landlock;
static bool seccomp;

#if defined __SANITIZE_ADDRESS__
#define SANITIZED 1
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

void
confine_probe(bool links, bool quiet)
{
	long version = syscall(CREATE_RULESET, NULL, 0, VERSION_FLAG);
	uint32_t errnos = SECCOMP_RET_ERRNO;

	if (version > VERSIONS)
		version = VERSIONS;
	if (version > (links ? 1 : 0))
		landlock = &versions[version - 1];
	seccomp = filter_known() &&
	    syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &errnos) == 0;
	if (!quiet && (!landlock || !seccomp))
		log_event("unconfined", "missing",
		    landlock      ? "seccomp"
			: seccomp ? "landlock"
				  : "landlock and seccomp",
		    NULL);
}

void
confine_begin(struct confine *c)
{
	struct ruleset r = {0, NET_ALL, SCOPE_ALL};

	*c = (struct confine){.ruleset = -1};
	if (!landlock)
		return;
	r.fs = landlock->fs;
	c->ruleset = (int)syscall(CREATE_RULESET, &r, landlock->size, 0);
	if (c->ruleset < 0)
		c->error = errno;
}

static uint32_t
access_of(unsigned rights)
{
	uint32_t fs = 0;

	if (rights & CONFINE_LIST)
		fs |= FS_READ_DIR;
	if (rights & CONFINE_READ)
		fs |= FS_READ_FILE;
	if (rights & CONFINE_WRITE)
		fs |= FS_WRITE_FILE | FS_MAKE_REG | FS_TRUNCATE;
	if (rights & CONFINE_REMOVE)
		fs |= FS_REMOVE_FILE;
	if (rights & CONFINE_LINK)
		fs |= FS_REFER;
	if (rights & CONFINE_FOLDERS)
		fs |= FS_MAKE_DIR;
	return fs & landlock->fs;
}

void
confine_open_folder(struct confine *c, int fd, unsigned rights)
{
	struct beneath b;

	if (c->ruleset < 0)
		return;
	b = (struct beneath){access_of(rights), fd};
	if (syscall(ADD_RULE, c->ruleset, PATH_BENEATH, &b, 0) < 0)
		c->error = errno;
}

static void
allow(struct confine *c, const char *path, int flags, unsigned rights)
{
	int fd;

	if (c->ruleset < 0)
		return;
	fd = open(path, O_PATH | O_CLOEXEC | flags);
	if (fd < 0)
		return;
	confine_open_folder(c, fd, rights);
	close(fd);
}

void
confine_folder(struct confine *c, const char *path, unsigned rights)
{
	allow(c, path, O_DIRECTORY, rights);
}

void
confine_file(struct confine *c, const char *path, unsigned rights)
{
	allow(c, path, 0, rights);
}

/* The leak checker reads /proc, and traces us from a thread. */
static int
load_filter(unsigned calls)
{
	struct sock_filter code[FILTER_MAX];
	struct sock_fprog program = {.filter = code};

	if (!seccomp || SANITIZED)
		return 0;
	program.len = (unsigned short)filter_build(code, calls, getpid());
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

/* seccomp comes last: it forbids what leads here. */
int
confine_enter(struct confine *c, unsigned calls)
{
	log_connect();
	if (SANITIZED)
		confine_folder(c, "/proc", CONFINE_LIST | CONFINE_READ);
	if (c->error == 0 &&
	    (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		(c->ruleset >= 0 && syscall(RESTRICT_SELF, c->ruleset, 0) < 0)))
		c->error = errno;
	if (c->ruleset >= 0)
		close(c->ruleset);
	if (c->error == 0 && load_filter(calls) < 0)
		c->error = errno;
	errno = c->error;
	return c->error ? -1 : 0;
}
