/* What the drivers share: all of standard input, and cutting it. */
#ifndef DRV_H
#define DRV_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"

static inline struct buf
drv_input(void)
{
	struct buf b = BUF_INIT;
	ssize_t n;

	while ((n = read(0, buf_room(&b, 65536), 65536)) > 0)
		b.len += (size_t)n;
	if (n < 0)
		exit(1);
	return b;
}

static inline void
drv_output(const struct buf *b)
{
	if (b->len)
		fwrite(b->data, 1, b->len, stdout);
}

/* Runs run over the input cut in two at each position and says whether all
 * give what the whole gives: "same for N cuts". run gets malloc'd copies, so
 * that a sanitizer sees a read behind a piece. */
static inline int
drv_splits(const struct buf *in,
    void (*run)(
	const char *a, size_t n, const char *b, size_t m, struct buf *out))
{
	struct buf whole = BUF_INIT, parts = BUF_INIT;

	run(in->data, in->len, "", 0, &whole);
	for (size_t cut = 0; cut <= in->len; cut++) {
		char *a = xrealloc(NULL, cut), *b;

		b = xrealloc(NULL, in->len - cut);
		if (cut)
			memcpy(a, in->data, cut);
		if (cut < in->len)
			memcpy(b, in->data + cut, in->len - cut);
		buf_reset(&parts);
		run(a, cut, b, in->len - cut, &parts);
		free(a);
		free(b);
		if (parts.len != whole.len ||
		    (whole.len && memcmp(parts.data, whole.data, whole.len))) {
			printf("differs when cut at %zu\n", cut);
			return 1;
		}
	}
	printf("same for %zu cuts\n", in->len + 1);
	buf_free(&whole);
	buf_free(&parts);
	return 0;
}

#endif
