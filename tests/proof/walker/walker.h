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
	bool told;          /* to end, by SIGTERM */
	int leaked, strays; /* descriptors at an exec; processes at the end */
	char where[256];
};

struct subject {
	char *name, *variant, *store, *expect;
	const struct world *world;
	char *argv[64];
};

/* The calls: calls.c. */
const char *call_name(int number);
const int *call_errors(int number); /* ends with 0 */
bool call_fits(int number, const struct point *p);
const char *error_name(int error);
void call_describe(pid_t pid, int number, const unsigned long long args[6],
    char *out, size_t room);

/* The points of a kind: points.c. Those of a sample are always the same ones; 0
 * takes all. Their number, and that of all; they are valid until the next call.
 */
size_t points_list(enum kind kind, const struct calls *c, long allocations,
    long sample, const struct point **out, size_t *all);

/* A run of argv in the world on descriptors in and out: launch.c, or traced:
 * trace.c. limit is in milliseconds. watch, where there is one, gets every
 * call. limit_passed says so of one that was told and idles on, too; pid is who
 * may be told, or 0. */
pid_t launch(char *const argv[], const int fds[2], bool traced);
void limit_set(int ms); /* 0: none */
bool limit_passed(pid_t pid, struct outcome *o);
void
plain_run(char *const argv[], const int fds[2], int limit, struct outcome *o);
void trace_run(char *const argv[], const int fds[2], const struct point *p,
    struct calls *watch, int limit, struct outcome *o);
extern const char *trace_world; /* a program that is none of the subject's */
/* What runs has no end of its own: once it idles it is told, unless it was, and
 * what it executes is the world's. */
extern bool run_endless;

#define RCPTS 3

struct seen {
	int count[8]; /* of each message, whole */
	int partial, left;
	int sent[RCPTS], bounced[RCPTS];
	int least, most; /* of what the first run is to bring */
	bool both;       /* one is sent and bounced, or bounced for nothing */
};

/* The world: world.c. */
extern char world_dir[PATH_MAX];
void world_begin(void);
void world_end(void);
/* The same in a signal handler. */
void world_abandon(void);
int world_port(void); /* of the server that programs talk to */
void world_size(size_t octets);
const struct world *world_named(const char *name);
bool subject_is(const struct subject *s, const char *world);
void world_reset(const struct subject *s);
void world_look(const struct subject *s, struct seen *seen);

/* Runs the subject, for the first time or again; true if what it is to do was
 * acknowledged. With p it is traced. */
bool world_run(const struct subject *s, bool again, const struct point *p,
    struct calls *watch, int limit, struct outcome *o);
/* Before it runs again: repeats what was not acknowledged, or brings more. */
void world_next(const struct subject *s, bool acked);
bool world_broke_word(const struct subject *s, const struct seen *seen);
int world_refusals(void); /* permanent ones that the last run gave */

/* walk.c: a subject at all its points. */
struct plan {
	long sample;
	bool wanted[KINDS];
	const char *preload, *clock;
	int held, failed;
};
void walk(struct plan *plan, const struct subject *s);

#endif
