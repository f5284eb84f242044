/* What the fuzz targets share: an invariant, what two runs said, a file. */
#ifndef FUZZ_H
#define FUZZ_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static inline void
must(bool what)
{
	if (!what)
		abort();
}

static inline void
must_equal(const struct buf *a, const struct buf *b)
{
	must(a->len == b->len);
	must(a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

/* A copy of its own, so that the sanitizer sees a read behind it. */
static inline char *
fuzz_copy(const void *data, size_t n)
{
	char *copy = xrealloc(NULL, n + (n == 0));

	if (n)
		memcpy(copy, data, n);
	return copy;
}

/* n octets as a string, up to the first NUL. The caller frees. */
static inline char *
fuzz_string(const void *data, size_t n)
{
	return strndup(data, n);
}

/* A file with n octets: what its path is until the next call. */
static inline const char *
fuzz_file(const void *data, size_t n)
{
	static char path[40];
	static int fd = -1;

	if (fd < 0)
		fd = memfd_create("fuzz", 0);
	must(fd >= 0 && fchmod(fd, 0600) == 0 && ftruncate(fd, 0) == 0);
	must(pwrite(fd, data, n, 0) == (ssize_t)n);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return path;
}

#endif
