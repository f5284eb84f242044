#include "crowd.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "buf.h"

#define V4 0xffffffff00000000 /* of multicast, which calls nobody */

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

unsigned
crowd_places(const struct crowd *c)
{
	return c->max + CROWD_RESTING;
}

static unsigned
count(const struct crowd *c, uint64_t who)
{
	unsigned n = 0;

	for (unsigned i = 0; i < crowd_places(c); i++)
		n += c->from[i] == who;
	return n;
}

int
crowd_begin(struct crowd *c, unsigned max, unsigned per_addr, bool shared)
{
	size_t places = (size_t)max + CROWD_RESTING;
	void *from =
	    mmap(NULL, places * sizeof *c->from, PROT_READ | PROT_WRITE,
		MAP_ANONYMOUS | (shared ? MAP_SHARED : MAP_PRIVATE), -1, 0);

	if (from == MAP_FAILED)
		return -1;
	*c = (struct crowd){.max = max,
	    .per_addr = per_addr,
	    .pids = xrealloc(NULL, places * sizeof *c->pids),
	    .from = from,
	    .rests = xrealloc(NULL, places * sizeof *c->rests),
	    .shared = shared};
	memset(c->pids, 0, places * sizeof *c->pids);
	memset(c->rests, 0, places * sizeof *c->rests);
	return 0;
}

void
crowd_end(struct crowd *c)
{
	if (c->from)
		munmap(c->from, crowd_places(c) * sizeof *c->from);
	free(c->pids);
	free(c->rests);
	*c = (struct crowd){.max = 0};
}

/* It counts itself first: of two at once for the last place both may be turned
 * away, never both let in. */
static bool
claim(struct crowd *c, int place, const struct peer *p)
{
	uint64_t who = p ? number(p->addr) : 0;

	c->from[place] = who;
	if (who == 0 || count(c, who) <= c->per_addr)
		return true;
	c->from[place] = 0;
	return false;
}

int
crowd_place(struct crowd *c, const struct peer *p)
{
	int i = 0;

	if (c->running >= c->max)
		return -1;
	while (c->pids[i] != 0)
		i++;
	return claim(c, i, p) ? i : -1;
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
crowd_find(const struct crowd *c, pid_t pid)
{
	for (unsigned i = 0; i < crowd_places(c); i++)
		if (c->pids[i] == pid)
			return (int)i;
	return -1;
}

void
crowd_leave(struct crowd *c, int place)
{
	if (c->rests[place])
		c->resting--;
	else
		c->running--;
	c->pids[place] = 0;
	c->from[place] = 0;
	c->rests[place] = false;
}

bool
crowd_rest(struct crowd *c, int place)
{
	if (c->resting >= CROWD_RESTING)
		return false;
	c->from[place] = 0;
	c->rests[place] = true;
	c->running--;
	c->resting++;
	return true;
}

bool
crowd_wake(struct crowd *c, int place, const struct peer *p)
{
	if (c->running >= c->max || !claim(c, place, p))
		return false;
	c->rests[place] = false;
	c->running++;
	c->resting--;
	return true;
}

bool
crowd_claim(struct crowd *c, int place, const struct peer *p)
{
	bool ok = claim(c, place, p);

	crowd_end(c);
	return ok;
}
