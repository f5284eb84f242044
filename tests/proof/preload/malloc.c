/* LD_PRELOAD: fails the allocation whose number WALK_ALLOC's file names, over
 * all processes that map it; with onward set, all from then on. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct plan {
	atomic_long count;
	long at;
	long onward;
};

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t n);

static struct plan *plan;

__attribute__((constructor)) static void
start(void)
{
	const char *path = getenv("WALK_ALLOC");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *map;

	if (fd < 0)
		return;
	map = mmap(
	    NULL, sizeof(*plan), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	plan = map == MAP_FAILED ? NULL : map;
}

static int
fails(void)
{
	long n;

	if (!plan)
		return 0;
	n = atomic_fetch_add(&plan->count, 1) + 1;
	if (!plan->at || n < plan->at || (n > plan->at && !plan->onward))
		return 0;
	errno = ENOMEM;
	return 1;
}

void *
malloc(size_t n)
{
	return fails() ? NULL : __libc_malloc(n);
}

void *
calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

void *
realloc(void *old, size_t n)
{
	return fails() ? NULL : __libc_realloc(old, n);
}
