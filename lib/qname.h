/* The names of queued messages, DUE.ID.S, from which alone one knows what is
 * due (FORMATS 1, mailpipe-queue(5)). */
#ifndef QNAME_H
#define QNAME_H

#define QNAME 64    /* a file name with its NUL */
#define QNAME_ID 21 /* an ID with its NUL */

struct qname {
	long long due;
	char id[QNAME_ID];
	char state; /* 'q' queued or 'h' held */
};

/* "DUE.ID.S" to its parts; -1 for a foreign name. */
int qname_parse(const char *file, struct qname *n);
void qname_write(const struct qname *n, char out[QNAME]);
/* Calls each for every file in a folder of the queue, in no order; n is NULL
 * for a foreign name. Stops when it returns non-zero and returns that; -1 with
 * errno when the folder cannot be read. */
int qname_each(int folder,
    int (*each)(const char *file, const struct qname *n, void *arg), void *arg);
/* Finds the current name of an ID. 0, or -1 with errno (ENOENT). */
int qname_find(int folder, const char *id, struct qname *n);

#endif
