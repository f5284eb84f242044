#include "crowd.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "buf.h"

/* Both are of multicast, which calls nobody. */
#define V4 0xffffffff00000000
#define NOBODY 0xfffffffe00000000

/* An IPv4 address or the first half of an IPv6 one as a number. */
static uint64_t
number(const char *addr)
{
	unsigned char a[16];
	uint64_t n = 0;
	int i;

	if (inet_pton(AF_INET, addr, a) == 1) {
		for (i = 0; i < 4; i++)
			n = n << 8 | a[i];
		return V4 | n;
	}
	if (inet_pton(AF_INET6, addr, a) != 1)
		return 0;
	for (i = 0; i < 8; i++)
		n = n << 8 | a[i];
	return n ? n : 1; /* ::1 is somebody */
}

static unsigned
count(const struct crowd *c, uint64_t who)
{
	unsigned n = 0;

	for (unsigned i = 0; i < c->max; i++)
		n += c->from[i] == who;
	return n;
}

static bool
is_full(const struct crowd *c, uint64_t who)
{
	return c->running >= c->max || (who && count(c, who) >= c->per_addr);
}

int
crowd_begin(struct crowd *c, unsigned max, unsigned per_addr, bool shared)
{
	void *from = mmap(NULL, max * sizeof *c->from, PROT_READ | PROT_WRITE,
	    MAP_ANONYMOUS | (shared ? MAP_SHARED : MAP_PRIVATE), -1, 0);

	if (from == MAP_FAILED)
		return -1;
	*c = (struct crowd){.max = max,
	    .per_addr = per_addr,
	    .pids = xrealloc(NULL, max * sizeof *c->pids),
	    .from = from,
	    .kept = xrealloc(NULL, max * sizeof *c->kept),
	    .shared = shared};
	memset(c->pids, 0, max * sizeof *c->pids);
	memset(c->kept, 0, max * sizeof *c->kept);
	return 0;
}

void
crowd_end(struct crowd *c)
{
	if (c->from)
		munmap(c->from, c->max * sizeof *c->from);
	free(c->pids);
	free(c->kept);
	*c = (struct crowd){.max = 0};
}

int
crowd_place(struct crowd *c, const struct peer *p)
{
	uint64_t who = p ? number(p->addr) : 0;
	unsigned i = 0;

	if (is_full(c, who))
		return -1;
	while (i < c->max && c->pids[i] != 0)
		i++;
	if (i == c->max)
		return -1;
	c->from[i] = who;
	return (int)i;
}

void
crowd_fill(struct crowd *c, int place, pid_t pid)
{
	if (pid < 0) {
		c->from[place] = 0;
		return;
	}
	c->pids[place] = pid;
	c->running++;
}

int
crowd_leave(struct crowd *c, pid_t pid)
{
	unsigned i = 0;

	while (i < c->max && c->pids[i] != pid)
		i++;
	if (i == c->max)
		return -1;
	if (c->kept[i])
		c->resting--;
	else
		c->running--;
	c->pids[i] = 0;
	c->from[i] = 0;
	c->kept[i] = 0;
	return (int)i;
}

void
crowd_rest(struct crowd *c, int place)
{
	c->kept[place] = c->from[place];
	c->from[place] = 0;
	c->running--;
	c->resting++;
}

int
crowd_resting(const struct crowd *c, const struct peer *p)
{
	uint64_t who = c->resting > 0 ? number(p->addr) : 0;

	for (unsigned i = 0; who && i < c->max; i++)
		if (c->kept[i] == who)
			return (int)i;
	return -1;
}

void
crowd_dismiss(struct crowd *c, int place)
{
	c->kept[place] = NOBODY;
}

bool
crowd_wake(struct crowd *c, int place)
{
	if (is_full(c, c->kept[place]))
		return false;
	c->from[place] = c->kept[place];
	c->kept[place] = 0;
	c->running++;
	c->resting--;
	return true;
}

/* It counts itself first: of two at once for the last place both may be turned
 * away, never both let in. */
bool
crowd_claim(struct crowd *c, int place, const struct peer *p)
{
	uint64_t who = number(p->addr);
	bool ok;

	c->from[place] = who;
	ok = who == 0 || count(c, who) <= c->per_addr;
	if (!ok)
		c->from[place] = 0;
	crowd_end(c);
	return ok;
}
