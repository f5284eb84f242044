/* crowd MAX PER_ADDR: lines "ADDRESS" ask for a place, "-" for one of nobody's,
 * "N leaves" gives it back, "N is ADDRESS" claims it in a process of its own,
 * "N rests", "N wakes" and "N ends" are of its process, "who ADDRESS" asks for
 * one that rests. */
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
	if (!strcmp(what, "leaves"))
		printf("%d leaves: %s\n", place,
		    crowd_leave(c, place + 100) == place ? "yes" : "no");
	else if (!strcmp(what, "rests"))
		crowd_rest(c, place);
	else if (!strcmp(what, "wakes"))
		printf("%d wakes: %s\n", place,
		    crowd_wake(c, place) ? "yes" : "no");
	else if (!strcmp(what, "ends"))
		crowd_dismiss(c, place);
	else
		return false;
	return true;
}

int
main(int argc, char *argv[])
{
	char line[100], addr[64];
	struct peer p;
	struct crowd c;
	int place;

	if (argc < 3 ||
	    crowd_begin(&c, (unsigned)atoi(argv[1]), (unsigned)atoi(argv[2]),
		true) != 0)
		return 1;
	while (fgets(line, sizeof line, stdin)) {
		if (sscanf(line, "%d is %63s", &place, addr) == 2)
			claim(&c, place, addr);
		else if (sscanf(line, "who %63s", addr) == 1) {
			peer_set(&p, addr, 0);
			printf("%s: %d rests\n", addr, crowd_resting(&c, &p));
		} else if (sscanf(line, "%d %63s", &place, addr) == 2 &&
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
