/* What the parts of spool share: spool.c with the commands, spool-options.c
 * with what options say, and sendmail.c, the program under its other name. */
#ifndef SPOOL_H
#define SPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "log.h"
#include "options.h"
#include "queue.h"
#include "runner.h"
#include "submit.h"

struct said {
	const char *dir; /* NULL: the default */
	enum log_target log;
	bool log_given;
	const char *sender; /* NULL: the default */
	struct submission mail;
	struct runner_options runs;
	bool json;
	uint64_t older;
};

extern struct said said;

/* The options of the commands; all are for said_set, which keeps them. */
extern const struct option_def common_defs[], add_defs[], run_defs[],
    list_defs[], health_defs[], sendmail_defs[];
int said_set(int key, const char *value, char *why, size_t size);
/* What reports are wanted: N, R or V, as sendmail has it; said again, the last
 * one counts. 0, or -1 where it is none. */
int said_wish(char what, const char *value);

/* False where there is none and none is to be made; other trouble ends the
 * program. */
bool open_queue(struct queue *q, bool create);
/* 0, or it ends the program. */
int close_stdout(void);

/* All of the program under that name: returns the exit status. */
int sendmail(int argc, char *argv[]);

#endif
