#include "sink.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "mbox.h"

#define BLOCK 65536
#define COMMAND_SECONDS 600
#define NOBODY "MAILER-DAEMON"

int
sink_open(struct sink *s)
{
	s->scratch = -1;
	s->n = 0;
	for (size_t i = 0; i <= SINK_BATCH; i++)
		s->files[i].fd = -1;
	if (s->kind == SINK_MAILDIR) {
		if (maildir_open(&s->box, s->path, true) < 0)
			return EX_TEMPFAIL;
		return 0;
	}
	s->scratch = atomic_scratch();
	return s->scratch < 0 ? EX_TEMPFAIL : 0;
}

/* The folder's real path and the last part, which need not exist yet. */
static char *
absolute(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *copy = xstrdup(path), *dir, *out;
	struct buf b = BUF_INIT;

	if (slash)
		copy[slash == path ? 1 : slash - path] = 0;
	dir = realpath(slash ? copy : ".", NULL);
	free(copy);
	if (!dir)
		return NULL;
	buf_addf(&b, "%s/%s", strcmp(dir, "/") == 0 ? "" : dir,
	    slash ? slash + 1 : path);
	free(dir);
	out = xstrdup(buf_str(&b));
	buf_free(&b);
	return out;
}

char *
sink_name(const struct sink *s)
{
	struct buf b = BUF_INIT;

	switch (s->kind) {
	case SINK_MAILDIR:
		return realpath(s->path, NULL);
	case SINK_MBOX:
		return absolute(s->path);
	case SINK_STDOUT:
		return xstrdup("stdout");
	default:
		buf_adds(&b, "command");
		for (char *const *word = s->command; *word; word++)
			buf_addf(&b, " %s", *word);
		return buf_str(&b);
	}
}

size_t
sink_batch(const struct sink *s)
{
	return s->kind == SINK_MAILDIR ? SINK_BATCH : 1;
}

bool
sink_is_durable(const struct sink *s)
{
	struct stat st;

	return s->kind != SINK_STDOUT ||
	    (fstat(STDOUT_FILENO, &st) == 0 && S_ISREG(st.st_mode));
}

int
sink_begin(struct sink *s)
{
	s->size = 0;
	if (s->kind == SINK_MAILDIR)
		return maildir_begin(&s->box, &s->files[s->n]) < 0 ? EX_TEMPFAIL
								   : 0;
	if (ftruncate(s->scratch, 0) < 0 || lseek(s->scratch, 0, SEEK_SET) < 0)
		return EX_TEMPFAIL;
	return 0;
}

static int
write_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t w = write(fd, p, n);

		if (w < 0 && errno != EINTR)
			return -1;
		if (w > 0) {
			p += w;
			n -= (size_t)w;
		}
	}
	return 0;
}

int
sink_write(struct sink *s, const void *data, size_t n)
{
	int r = s->kind == SINK_MAILDIR ? atomic_write(&s->files[s->n], data, n)
					: write_all(s->scratch, data, n);

	if (r == 0) {
		s->size += n;
		return 0;
	}
	r = EX_TEMPFAIL;
	sink_abort(s);
	return r;
}

static int
append(struct sink *s, time_t arrived)
{
	const struct buf top = BUF_INIT;
	struct mbox m;
	int r;

	if (mbox_open(&m, s->path) < 0)
		return EX_TEMPFAIL;
	r = mbox_append(&m, NOBODY, arrived, &top, s->scratch) < 0 ? EX_TEMPFAIL
								   : 0;
	mbox_close(&m);
	return r;
}

static int
print(struct sink *s, time_t arrived)
{
	static char block[BLOCK];
	struct mbox_quote q = {0};
	struct buf out = BUF_INIT;
	ssize_t n;
	int r = 0;

	mbox_begin(&q, NOBODY, arrived, &out);
	for (off_t at = 0; r == 0; at += n) {
		n = pread(s->scratch, block, sizeof block, at);
		if (n <= 0)
			break;
		mbox_feed(&q, block, (size_t)n, &out);
		r = write_all(STDOUT_FILENO, out.data, out.len);
		buf_reset(&out);
	}
	mbox_end(&q, &out);
	if (r == 0)
		r = n < 0 ? -1 : write_all(STDOUT_FILENO, out.data, out.len);
	r = r < 0 ? EX_TEMPFAIL : 0;
	buf_free(&out);
	return r;
}

static int
run(struct sink *s)
{
	char size[40];
	const char *const env[] = {size, NULL};
	struct child c = {.argv = s->command,
	    .in = s->scratch,
	    .out = -1,
	    .env = env,
	    .seconds = COMMAND_SECONDS};
	int r;

	snprintf(size, sizeof size, "MAIL_SIZE=%" PRIu64, s->size);
	if (lseek(s->scratch, 0, SEEK_SET) < 0)
		return EX_TEMPFAIL;
	r = child_run(&c, NULL);
	errno = 0;
	return r;
}

/* Where the label does not fit, the message counts more. */
static int
set_name(struct sink *s, const struct sink_label *l)
{
	struct atomic *a = &s->files[s->n];
	struct timespec times[2] = {{.tv_nsec = UTIME_NOW}};
	char *name = s->names[s->n].name;

	strcpy(name, a->tmpname);
	s->names[s->n].flags[0] = 0;
	if (!l)
		return 0;
	memcpy(s->names[s->n].flags, l->flags, sizeof l->flags);
	if (l->uid)
		snprintf(name + strlen(name), ATOMIC_NAME - strlen(name),
		    ",U=%" PRIu32, l->uid);
	times[1].tv_sec = l->arrived;
	return l->arrived ? futimens(a->fd, times) : 0;
}

static int
keep(struct sink *s, const struct sink_label *l, const char **name)
{
	if (set_name(s, l) < 0) {
		sink_abort(s);
		return EX_TEMPFAIL;
	}
	*name = s->names[s->n++].name;
	return 0;
}

int
sink_commit(struct sink *s, const struct sink_label *l, const char **name)
{
	time_t arrived = l && l->arrived ? l->arrived : time(NULL);

	*name = NULL;
	switch (s->kind) {
	case SINK_MAILDIR:
		return keep(s, l, name);
	case SINK_MBOX:
		return append(s, arrived);
	case SINK_STDOUT:
		return print(s, arrived);
	default:
		return run(s);
	}
}

void
sink_abort(struct sink *s)
{
	if (s->kind == SINK_MAILDIR)
		atomic_abort(&s->files[s->n]);
}

/* From Linux 5.8 on syncfs(2) tells of write errors. */
static bool
can_syncfs(void)
{
	static int can = -1;
	unsigned major = 0, minor = 0;
	struct utsname u;

	if (can < 0)
		can = uname(&u) == 0 &&
		    sscanf(u.release, "%u.%u", &major, &minor) == 2 &&
		    (major > 5 || (major == 5 && minor >= 8));
	return can;
}

int
sink_sync(struct sink *s)
{
	if (s->kind == SINK_STDOUT && sink_is_durable(s))
		return fsync(STDOUT_FILENO) < 0 ? EX_TEMPFAIL : 0;
	if (s->kind != SINK_MAILDIR)
		return 0;
	if (s->n > 1 && can_syncfs())
		return syncfs(s->box.tmp) < 0 ? EX_TEMPFAIL : 0;
	for (size_t i = 0; i < s->n; i++)
		if (atomic_sync(&s->files[i]) < 0)
			return EX_TEMPFAIL;
	return 0;
}

static int
place(struct sink *s, size_t i)
{
	const char *flags = s->names[i].flags;
	char name[ATOMIC_NAME + 16];

	if (!*flags)
		return atomic_place(&s->files[i], s->box.new, s->names[i].name);
	snprintf(name, sizeof name, "%s:2,%s", s->names[i].name, flags);
	return atomic_place(&s->files[i], s->box.cur, name);
}

int
sink_publish(struct sink *s)
{
	bool in_new = false, in_cur = false;
	struct atomic last;
	size_t i;

	if (s->kind != SINK_MAILDIR || !s->n)
		return 0;
	for (i = 0; i < s->n; i++) {
		if (place(s, i) < 0)
			return EX_TEMPFAIL;
		*(*s->names[i].flags ? &in_cur : &in_new) = true;
	}
	if ((in_new && fsync(s->box.new) < 0) ||
	    (in_cur && fsync(s->box.cur) < 0))
		return EX_TEMPFAIL;
	last = s->files[s->n];
	s->files[s->n].fd = -1;
	s->files[0] = last;
	s->n = 0;
	return 0;
}

static int
look(struct sink *s)
{
	return s->kind != SINK_MAILDIR || s->there
	    ? 0
	    : maildir_list(&s->box, &s->there, &s->n_there);
}

bool
sink_has(struct sink *s, const char *name)
{
	bool alone;

	return look(s) == 0 &&
	    maildir_find(s->there, s->n_there, name, strlen(name), &alone);
}

int
sink_each(struct sink *s, void (*tell)(const char *name, void *arg), void *arg)
{
	if (look(s) < 0)
		return -1;
	for (size_t i = 0; i < s->n_there; i++)
		tell(s->there[i].name, arg);
	return 0;
}

void
sink_close(struct sink *s)
{
	if (s->kind == SINK_MAILDIR) {
		for (size_t i = 0; i <= SINK_BATCH; i++)
			atomic_abort(&s->files[i]);
		maildir_close(&s->box);
	} else if (s->scratch >= 0)
		close(s->scratch);
	maildir_list_free(s->there, s->n_there);
	s->there = NULL;
}
