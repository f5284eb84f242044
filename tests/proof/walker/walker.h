/* What the parts of the fault walker share: a point, what a run at it came to,
 * the world that a subject lives in and what its readers see. */
#ifndef WALKER_H
#define WALKER_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum kind { NONE, KILL, ERRNO, SHORT, MALLOC, TERM, KINDS };

/* One fault: at the call (or allocation) number at, counted from 1 over the
 * whole tree from the first exec on. */
struct point {
	enum kind kind;
	long at;
	bool at_exit; /* KILL: behind the call */
	bool onward;  /* each call that it fits from then on */
	int error;    /* ERRNO */
	long cut;     /* SHORT: octets */
};

struct calls {
	long n, room;
	int *list; /* the number of each system call */
};

/* status as from waitpid. where says call, argument and fault. */
struct outcome {
	int status;
	bool hung, reached, loading;
	int leaked, strays; /* descriptors at an exec; processes at the end */
	char where[256];
};

/* The calls: calls.c. */
const char *call_name(int number);
const int *call_errors(int number); /* ends with 0 */
bool call_fits(int number, const struct point *p);
const char *error_name(int error);
void call_describe(pid_t pid, int number, const unsigned long long args[6],
    char *out, size_t room);

/* The points of a kind: points.c. Those of a sample are always the same ones; 0
 * takes all. Their number; they are valid until the next call. */
size_t points_list(enum kind kind, const struct calls *c, long allocations,
    long sample, const struct point **out);

/* The tracer: trace.c. Both run argv in the world on descriptors in and out;
 * limit is in milliseconds. watch, where there is one, gets every call. */
void trace_run(char *const argv[], const int fds[2], const struct point *p,
    struct calls *watch, int limit, struct outcome *o);
void
plain_run(char *const argv[], const int fds[2], int limit, struct outcome *o);
extern const char *trace_world; /* a program that is none of the subject's */

/* The world: world.c. */
struct seen {
	int whole[3], partial, left;
};

struct note {
	volatile int accepted, refused;
};

struct subject {
	char *name, *variant, *world, *store, *expect;
	char *argv[64];
};

extern char world_dir[PATH_MAX];
void world_begin(void);
void world_end(void);
void world_size(size_t octets);
void world_reset(const struct subject *s);
void world_look(const struct subject *s, struct seen *seen);

/* Runs the subject with message 1 or 2; true if it was acknowledged. */
bool world_run(const struct subject *s, int message, const struct point *p,
    struct calls *watch, int limit, struct outcome *o);
int world_refusals(void); /* permanent ones that the last run gave */

#endif
