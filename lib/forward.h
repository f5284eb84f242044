/* The forwards of one message: a single entry of the spool. Sequence: begin,
 * write..., commit or abort, close. */
#ifndef FORWARD_H
#define FORWARD_H

#include <stdbool.h>
#include <stddef.h>

#include "queue.h"
#include "target.h"

struct forward {
	bool open;
	struct queue queue;
	struct queue_add add;
};

/* Takes what is a forward among n targets; their Delivered-To fields go on top.
 * spool NULL: the default. Each 0, or -1 with errno. */
int forward_begin(struct forward *f, const char *spool, const char *sender,
    const char *mail_id, const struct target *targets, size_t n);
int forward_write(struct forward *f, const void *data, size_t n);
int forward_commit(struct forward *f);
/* Both are fine when nothing was begun or all is done. */
void forward_abort(struct forward *f);
void forward_close(struct forward *f);

#endif
