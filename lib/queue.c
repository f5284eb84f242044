#include "queue.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "address.h"
#include "owner.h"
#include "parse.h"
#include "qname.h"
#include "reply.h"

#define SIZE_AT 26 /* of SIZE in the first line */
#define LOCK_MODE 0600

static int
fail(int err)
{
	errno = err;
	return -1;
}

/* --- the folder --- */

void
queue_default_path(struct buf *out)
{
	const char *s = getenv("MAILPIPE_SPOOL");

	if (s && *s) {
		buf_adds(out, s);
		return;
	}
	if (geteuid() == 0) {
		buf_adds(out, "/var/spool/mailpipe");
		return;
	}
	s = getenv("XDG_STATE_HOME");
	if (s && *s == '/') {
		buf_adds(out, s);
	} else {
		s = getenv("HOME");
		buf_adds(out, s && *s ? s : "/");
		buf_adds(out, "/.local/state");
	}
	buf_adds(out, "/mailpipe/spool");
}

static int
become_owner(int dir)
{
	struct owner owner;

	if (geteuid() != 0)
		return 0;
	return owner_of_fd(dir, &owner) ? -1 : owner_become(&owner);
}

static int
open_dir(int at, const char *name)
{
	return openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int
open_spool(const char *path, bool create)
{
	int fd = open_dir(AT_FDCWD, path);

	if (fd >= 0 || errno != ENOENT || !create)
		return fd;
	if (mkdir(path, 0700) && errno != EEXIST)
		return -1;
	if (atomic_sync_parent(path))
		return -1;
	return open_dir(AT_FDCWD, path);
}

static int
open_made(int dir, const char *name)
{
	int fd = open_dir(dir, name);

	if (fd >= 0 || errno != ENOENT)
		return fd;
	if ((mkdirat(dir, name, 0700) && errno != EEXIST) || fsync(dir))
		return -1;
	return open_dir(dir, name);
}

static int
open_parts(struct queue *q, bool create)
{
	if (!create) {
		q->queue = open_dir(q->dir, "queue");
		return q->queue < 0 ? -1 : 0;
	}
	q->tmp = open_dir(q->dir, "tmp");
	if (q->tmp < 0 &&
	    (queue_dead(q, true) < 0 || queue_corrupt(q) < 0 ||
		(q->tmp = open_made(q->dir, "tmp")) < 0))
		return -1;
	q->queue = open_made(q->dir, "queue");
	return q->queue < 0 ? -1 : 0;
}

int
queue_open(struct queue *q, const char *path, bool create)
{
	struct buf standard = BUF_INIT;
	int made = 0, saved;

	*q = (struct queue){-1, -1, -1, -1, -1, -1};
	if (!path) {
		queue_default_path(&standard);
		path = buf_str(&standard);
		if (create && !getenv("MAILPIPE_SPOOL") && access(path, F_OK))
			made = atomic_make_parents(standard.data);
	}
	if (made == 0)
		q->dir = open_spool(path, create);
	buf_free(&standard);
	if (q->dir >= 0 && !become_owner(q->dir) && !open_parts(q, create))
		return 0;
	saved = errno;
	queue_close(q);
	return fail(saved);
}

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void
queue_close(struct queue *q)
{
	close_fd(&q->dir);
	close_fd(&q->tmp);
	close_fd(&q->queue);
	close_fd(&q->dead);
	close_fd(&q->corrupt);
	close_fd(&q->lock);
}

/* A runner writes to it: it must be no other file's second name. */
int
queue_locks(struct queue *q)
{
	struct stat st;
	int fd = openat(q->dir, "lock",
	    O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, LOCK_MODE);

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_nlink == 1) {
		q->lock = fd;
		return 0;
	}
	if (fd >= 0)
		close(fd);
	return fd < 0 ? -1 : fail(EPERM);
}

int
queue_dead(struct queue *q, bool create)
{
	if (q->dead < 0)
		q->dead = create ? open_made(q->dir, "dead")
				 : open_dir(q->dir, "dead");
	return q->dead;
}

int
queue_corrupt(struct queue *q)
{
	if (q->corrupt < 0)
		q->corrupt = open_made(q->dir, "corrupt");
	return q->corrupt;
}

/* --- adding --- */

static bool
is_clean(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 127)
			return false;
	return true;
}

static int
add_path(struct buf *b, const char *path, const char *params, int forms)
{
	struct address a;

	if (address_parse(&a, path, strlen(path), forms) ||
	    (params && !is_clean(params)))
		return fail(EINVAL);
	buf_addf(b, "<%s>", path);
	if (params && *params)
		buf_addf(b, " %s", params);
	buf_addc(b, '\n');
	return 0;
}

static int
write_head(struct queue_add *a, const struct envelope *e,
    const struct queue_options *o, time_t now)
{
	struct buf *b = &a->room;
	char origin[512], digits[9];
	size_t i;

	buf_addf(b, "mailpipe-queue 1 %08d %016d\n", 0, 0);
	buf_addf(b, "created %011lld\n", (long long)now);
	buf_addf(b, "expires %011lld\n",
	    (long long)a->due + (long long)(o->life ? o->life : QUEUE_LIFE));
	buf_addf(b, "tries %05d\ntrace %s", 0, o->mail_id ? o->mail_id : a->id);
	if (o->origin) {
		reply_escape(
		    o->origin, strlen(o->origin), origin, sizeof origin);
		buf_addf(b, " %s", origin);
	}
	buf_adds(b, "\nF ");
	if (add_path(b, e->sender ? e->sender : "", e->params,
		ADDRESS_NULL | ADDRESS_BARE | ADDRESS_UTF8))
		return -1;
	for (i = 0; i < e->n; i++) {
		buf_addf(b, "R . 000 %*s ", QUEUE_TEXT, "");
		if (add_path(b, e->rcpts[i].address, e->rcpts[i].params,
			ADDRESS_BARE | ADDRESS_UTF8))
			return -1;
	}
	buf_addc(b, '\n');
	a->offset = b->len;
	if (a->offset > 99999999)
		return fail(EINVAL);
	snprintf(digits, sizeof digits, "%08u", (unsigned)a->offset);
	memcpy(b->data + SIZE_AT - 9, digits, 8);
	return 0;
}

int
queue_begin(struct queue *q, struct queue_add *a, const struct envelope *e,
    const struct queue_options *o)
{
	time_t now = time(NULL);

	*a = (struct queue_add){.q = q,
	    .file = {.fd = -1},
	    .due = o->due ? o->due : now,
	    .held = o->held};
	envelope_mail_id(a->id);
	if (e->n == 0 || (o->mail_id && !parse_is_mail_id(o->mail_id)))
		return fail(EINVAL);
	if (write_head(a, e, o, now) ||
	    atomic_begin(&a->file, q->tmp, a->id, 0600)) {
		int saved = errno;

		buf_free(&a->room);
		return fail(saved);
	}
	return 0;
}

int
queue_write(struct queue_add *a, const void *data, size_t n)
{
	a->size += n;
	return atomic_gather(&a->file, &a->room, data, n);
}

/* A message that never left the buffer gets its size there, in one write. */
static int
write_size(struct queue_add *a)
{
	char digits[17];

	snprintf(digits, sizeof digits, "%016llu", (unsigned long long)a->size);
	if (a->room.len == a->offset + a->size) {
		memcpy(a->room.data + SIZE_AT, digits, 16);
		return atomic_spill(&a->file, &a->room);
	}
	if (atomic_spill(&a->file, &a->room))
		return -1;
	return pwrite(a->file.fd, digits, 16, SIZE_AT) == 16 ? 0 : -1;
}

int
queue_commit(struct queue_add *a)
{
	struct qname n = {.due = a->due, .state = a->held ? 'h' : 'q'};
	char name[QNAME];
	int saved;

	memcpy(n.id, a->id, sizeof n.id);
	qname_write(&n, name);
	if (!write_size(a) && !atomic_commit(&a->file, a->q->queue, name)) {
		buf_free(&a->room);
		return 0;
	}
	saved = errno;
	queue_abort(a);
	return fail(saved);
}

void
queue_abort(struct queue_add *a)
{
	atomic_abort(&a->file);
	buf_free(&a->room);
}

int
queue_set_aside(struct queue *q, const char *file)
{
	char id[QNAME_ID], name[256];

	if (queue_corrupt(q) < 0)
		return -1;
	if (renameat2(q->queue, file, q->corrupt, file, RENAME_NOREPLACE)) {
		if (errno != EEXIST && errno != EINVAL)
			return -1;
		envelope_mail_id(id);
		snprintf(name, sizeof name, "%.200s.%s", file, id);
		if (renameat(q->queue, file, q->corrupt, name))
			return -1;
	}
	return fsync(q->corrupt) || fsync(q->queue) ? -1 : 0;
}
