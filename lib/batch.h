/* Lines of a batch (FORMATS 2): jobs for a transport on its standard input,
 * results from it on its standard output. */
#ifndef BATCH_H
#define BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

#define BATCH_ID 128         /* octets of an ID at most */
#define BATCH_LINE (1 << 20) /* of a job line */
#define BATCH_RESULT 500     /* of a result line, its LF included */
#define BATCH_WINDOW 64      /* jobs a caller keeps unanswered */
/* The text of an `ok' starts so where NOTIFY=SUCCESS was asked for and the
 * server does not offer DSN: the caller owes a report of action `relayed' (RFC
 * 3461 5.2.2). */
#define BATCH_NO_DSN "no DSN: "

struct batch_path {
	char *address; /* without <> */
	char *params;  /* "NOTIFY=NEVER ORCPT=..." or "" */
};

struct batch_job {
	char *id;
	char *path;      /* of the file that holds the message */
	uint64_t offset; /* where it starts there */
	uint64_t size;   /* octets; UINT64_MAX: the whole file ("-") */
	struct batch_path sender;
	struct batch_path *rcpts;
	size_t n;
};

/* Reads a job of n octets, without its LF (a NUL takes its place), changing
 * line, which the job then points into; only rcpts is allocated:
 * batch_job_free. 0, or -1 with the reason in *why, and *j needs no freeing. */
int
batch_job_parse(struct batch_job *j, char *line, size_t n, const char **why);
void batch_job_free(struct batch_job *j);
/* Adds the line of a job with its LF. -1 (and nothing added) when a field has
 * a TAB, CR, LF or NUL or the line is too long; errno is EINVAL. */
int batch_job_write(const struct batch_job *j, struct buf *out);

/* The enhanced code of a result without a reply: this host is set up wrong
 * (RFC 3463), which the caller has to say. */
#define BATCH_OURS "4.3.5"

enum batch_fate { BATCH_OK, BATCH_TEMP, BATCH_PERM, BATCH_UNSURE };

struct batch_result {
	const char *id;
	const char *rcpt; /* without <> */
	enum batch_fate fate;
	int code;             /* 0: none ("000") */
	const char *enhanced; /* "": none ("-") */
	const char *text;
};

/* Adds the line of a result with its LF: controls escaped, the text cut so
 * that it has BATCH_RESULT octets at most where id and rcpt leave room. */
void batch_result_write(const struct batch_result *r, struct buf *out);
/* Reads a result of n octets, without its LF (a NUL takes its place),
 * changing line, which it then points into. 0, or -1 for what is no result. */
int batch_result_parse(struct batch_result *r, char *line, size_t n);
/* "ok", "temp", "perm" or "unsure". */
const char *batch_fate_name(enum batch_fate f);

#endif
