#include "outgoing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"

/* The block from at on: 0, or -1 where the file ends early or with errno. */
static int
read_block(struct outgoing *o, uint64_t at)
{
	uint64_t left = o->size - at;
	size_t want = left < OUTGOING_BLOCK ? (size_t)left : OUTGOING_BLOCK;
	ssize_t n;

	if (o->n && o->at == at)
		return 0;
	if (!o->block)
		o->block = xrealloc(NULL, want);
	do {
		errno = 0;
		n = pread(o->fd, o->block, want, (off_t)(o->offset + at));
	} while (n < 0 && errno == EINTR);
	o->at = at;
	o->n = n > 0 ? (size_t)n : 0;
	return n > 0 ? 0 : -1;
}

static __attribute__((format(printf, 3, 4))) int
refuse(struct reply *why, int code, const char *fmt, ...)
{
	va_list ap;

	*why = (struct reply){.code = code};
	if (code)
		strcpy(why->enhanced, "5.6.0");
	va_start(ap, fmt);
	vsnprintf(why->text, sizeof why->text, fmt, ap);
	va_end(ap);
	return -1;
}

static int
check(struct outgoing *o, const char *path, struct reply *why)
{
	struct scan *s = &o->checked;

	while (s->octets < o->size && read_block(o, s->octets) == 0)
		scan(s, o->block, o->n);
	if (s->octets < o->size && errno)
		return refuse(why, 0, "read %s: %s", path, strerror(errno));
	scan_end(s);
	if (s->what)
		return refuse(why, 554, "%s at octet %llu of the message",
		    s->what, (unsigned long long)s->offset - 1);
	if (s->octets < o->size)
		return refuse(why, 0, "read %s: shorter than %llu octets", path,
		    (unsigned long long)o->size);
	return 0;
}

int
outgoing_open(struct outgoing *o, int fd, const char *path, uint64_t offset,
    uint64_t size, struct reply *why)
{
	struct stat st;

	*o = (struct outgoing){.fd = fd, .offset = offset, .size = size};
	if (fd < 0)
		o->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (o->fd < 0 || fstat(o->fd, &st) < 0)
		return refuse(why, 0, "open %s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return refuse(why, 0, "read %s: not a regular file", path);
	if (size == UINT64_MAX)
		o->size = (uint64_t)st.st_size;
	return check(o, path, why);
}

void
outgoing_rewind(struct outgoing *o)
{
	o->sent = (struct scan){0};
}

ssize_t
outgoing_next(struct outgoing *o, const char **data)
{
	if (o->sent.octets == o->size)
		return 0;
	if (read_block(o, o->sent.octets) < 0)
		return -1;
	scan(&o->sent, o->block, o->n);
	if (o->sent.octets == o->size)
		scan_end(&o->sent);
	*data = o->block;
	return o->sent.what ? -1 : (ssize_t)o->n;
}

void
outgoing_rest(struct outgoing *o)
{
	free(o->block);
	o->block = NULL;
	o->n = 0;
}

void
outgoing_close(struct outgoing *o)
{
	if (o->fd >= 0)
		close(o->fd);
	o->fd = -1;
	outgoing_rest(o);
}
