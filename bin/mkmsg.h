/* What the parts of mkmsg share: mkmsg.c with the options and the way out,
 * mkmsg-header.c and mkmsg-body.c. Each function ends the program with a line
 * on stderr when it fails. */
#ifndef MKMSG_H
#define MKMSG_H

#include <stddef.h>

#include "buf.h"
#include "mime.h"

#define BLOCK 65536

struct values {
	const char **v;
	size_t n;
};

/* The message as the options describe it; NULL and empty where they do not. */
struct draft {
	const char *from, *subject;
	struct values to, cc, bcc, extra;
	const char *html, *reply, *forward; /* files, as are the next */
	struct values attached, inlined;
};

/* Writes the header but for the Content- fields to head, the envelope's sender
 * to sender and its recipients, a NUL behind each, to rcpts. */
void draft_header(const struct draft *d, struct buf *head, struct buf *sender,
    struct buf *rcpts);
/* The body: standard input and the files. The caller frees it. */
struct mime *draft_body(const struct draft *d);

/* Whether value is text that may be in a header; object is where it is from. */
void check_text(const char *object, const char *value);
int open_file(const char *path);
/* An unlinked temporary file. */
int scratch(void);
/* The next octets of fd, which is the file called name; 0 at its end. */
size_t take(int fd, const char *name, char block[BLOCK]);
void put_all(int fd, const char *name, const char *data, size_t n);

#endif
