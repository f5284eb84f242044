/* A growing byte string. Running out of memory ends the program with 75. */
#ifndef BUF_H
#define BUF_H

#include <stddef.h>

struct buf {
	char *data; /* NULL until the first addition */
	size_t len;
	size_t cap;
};

#define BUF_INIT           \
	{                  \
		NULL, 0, 0 \
	}

void buf_add(struct buf *b, const void *data, size_t n);
void buf_addc(struct buf *b, char c);
void buf_adds(struct buf *b, const char *s);
void buf_addf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Makes room for n more bytes and returns where they go; len is unchanged. */
char *buf_room(struct buf *b, size_t n);
/* Drops the first n bytes. */
void buf_cut(struct buf *b, size_t n);
/* The contents with a NUL behind them, valid until the next change. */
char *buf_str(struct buf *b) __attribute__((returns_nonnull));
/* Empties and keeps the memory; buf_free gives that back too. */
void buf_reset(struct buf *b);
void buf_free(struct buf *b);
/* Says so and ends the program with 75; for what a library could not have. */
_Noreturn void out_of_memory(void);
/* malloc, realloc and strdup that do so when memory is out. The caller frees.
 */
void *xrealloc(void *p, size_t n) __attribute__((returns_nonnull));
char *xstrdup(const char *s) __attribute__((returns_nonnull));

#endif
