/* crowd MAX PER_ADDR: lines "ADDRESS" ask for a place, "-" for one of nobody's,
 * "N leaves" gives it back, "N is ADDRESS" claims it in a process of its own,
 * "N rests" and "N wakes for ADDRESS" are of its process. */
#include "drv.h"

#include <sys/wait.h>

#include "crowd.h"

static void
claim(struct crowd *c, int place, const char *addr)
{
	struct peer p;
	pid_t pid;
	int status;

	fflush(stdout);
	pid = fork();
	peer_set(&p, addr, 0);
	if (pid == 0)
		_exit(crowd_claim(c, place, &p) ? 0 : 1);
	waitpid(pid, &status, 0);
	printf("%d is %s: %s\n", place, addr, status == 0 ? "yes" : "no");
}

static void
come(struct crowd *c, const char *addr)
{
	struct peer p;
	int place;

	peer_set(&p, addr, 0);
	place = crowd_place(c, *addr == '-' ? NULL : &p);
	if (place < 0) {
		printf("%s: full\n", addr);
		return;
	}
	crowd_fill(c, place, place + 100);
	printf("%s: %d\n", addr, place);
}

/* What is said of a place; false: that is none of these. */
static bool
move(struct crowd *c, int place, const char *what)
{
	if (!strcmp(what, "leaves")) {
		place = crowd_find(c, place + 100);
		if (place >= 0)
			crowd_leave(c, place);
	} else if (!strcmp(what, "rests"))
		place = crowd_rest(c, place) ? place : -1;
	else
		return false;
	printf("%s: %s\n", what, place >= 0 ? "yes" : "no");
	return true;
}

static void
wake(struct crowd *c, int place, const char *addr)
{
	struct peer p;

	peer_set(&p, addr, 0);
	printf("%d wakes for %s: %s\n", place, addr,
	    crowd_wake(c, place, &p) ? "yes" : "no");
}

int
main(int argc, char *argv[])
{
	char line[100], addr[64];
	struct crowd c;
	int place;

	if (argc < 3 ||
	    crowd_begin(&c, (unsigned)atoi(argv[1]), (unsigned)atoi(argv[2]),
		true) != 0)
		return 1;
	while (fgets(line, sizeof line, stdin)) {
		if (sscanf(line, "%d is %63s", &place, addr) == 2)
			claim(&c, place, addr);
		else if (sscanf(line, "%d wakes for %63s", &place, addr) == 2)
			wake(&c, place, addr);
		else if (sscanf(line, "%d %63s", &place, addr) == 2 &&
		    move(&c, place, addr))
			;
		else if (sscanf(line, "%63s", addr) == 1)
			come(&c, addr);
	}
	printf("%u are here", c.running);
	if (c.resting > 0)
		printf(", %u rest", c.resting);
	printf("\n");
	crowd_end(&c);
	return 0;
}
