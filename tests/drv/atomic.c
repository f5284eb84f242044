/* atomic commit TMP DIR NAME | abort TMP | hold TMP COUNT (until a signal) |
 * many TMP DIR COUNT | sweep DIR | scratch: stdin is the file. Says what went
 * wrong and where the file is. */
#include "drv.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <time.h>

#include "atomic.h"

static int
folder(const char *path)
{
	return open(path, O_RDONLY | O_DIRECTORY);
}

static int
say(const char *what, int r)
{
	printf("%s %s\n", what, r < 0 ? strerrorname_np(errno) : "done");
	return 0;
}

static int
do_commit(char *argv[])
{
	struct buf b = drv_input();
	struct atomic a;
	int dir = folder(argv[1]);

	if (atomic_begin(&a, folder(argv[0]), "new", 0600) < 0)
		say("begin", -1);
	else if (atomic_write(&a, b.data, b.len) < 0)
		say("write", -1);
	else
		say("commit", atomic_commit(&a, dir, argv[2]));
	buf_free(&b);
	atomic_abort(&a);
	return 0;
}

static void
begin_many(struct atomic *a, int tmp, int count)
{
	char name[16];

	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof name, "f%d", i);
		if (atomic_begin(&a[i], tmp, name, 0600) < 0 ||
		    atomic_write(&a[i], name, strlen(name)) < 0)
			exit(say("begin", -1));
	}
}

static int
do_many(char *argv[])
{
	int count = atoi(argv[2]), dir = folder(argv[1]);
	struct atomic *a = xrealloc(NULL, (size_t)count * sizeof *a);
	char name[ATOMIC_NAME];

	begin_many(a, folder(argv[0]), count);
	for (int i = 0; i < count; i++)
		if (atomic_sync(&a[i]) < 0)
			return say("sync", -1);
	for (int i = 0; i < count; i++) {
		strcpy(name, a[i].tmpname);
		if (atomic_link(&a[i], dir, name) < 0)
			return say("link", -1);
	}
	free(a);
	return say("many", 0);
}

static int
do_hold(char *argv[])
{
	int count = atoi(argv[1]), tmp = folder(argv[0]);
	struct atomic *a = xrealloc(NULL, (size_t)count * sizeof *a);

	atomic_on_term();
	begin_many(a, tmp, count);
	/* The second is kept: it is committed. */
	if (atomic_commit(&a[1], tmp, "kept") < 0)
		return say("commit", -1);
	/* A fork's child must remove nothing. */
	if (fork() == 0)
		return raise(SIGTERM);
	say("holding", 0);
	fflush(stdout);
	for (;;)
		pause();
}

int
main(int argc, char *argv[])
{
	struct atomic a;
	int fd;

	(void)argc;
	if (!strcmp(argv[1], "commit"))
		return do_commit(argv + 2);
	if (!strcmp(argv[1], "many"))
		return do_many(argv + 2);
	if (!strcmp(argv[1], "hold"))
		return do_hold(argv + 2);
	if (!strcmp(argv[1], "abort")) {
		say("begin", atomic_begin(&a, folder(argv[2]), "new", 0600));
		atomic_abort(&a);
		atomic_abort(&a);
		return 0;
	}
	if (!strcmp(argv[1], "sweep")) {
		atomic_sweep(folder(argv[2]), time(NULL));
		return 0;
	}
	fd = atomic_scratch();
	return say("scratch", fd < 0 ? -1 : (int)write(fd, "x", 1));
}
