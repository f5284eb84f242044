/* walk-broken FAULT MAILDIR: a deliverer with one fault, which the walker must
 * find. Without the fault each step is as it should be. */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *fault, *written;

static bool
is(const char *name)
{
	return strcmp(fault, name) == 0;
}

static int
fail(void)
{
	if (!is("dirty"))
		unlink(written);
	unlink("lock");
	return is("exit-1") ? 1 : 75;
}

static int
copy(int fd)
{
	char block[4096];
	ssize_t n;

	while ((n = read(0, block, sizeof(block))) > 0)
		for (ssize_t done = 0, w; done < n; done += w) {
			w = write(fd, block + done, (size_t)(n - done));
			if (w < 0 && is("no-write-check"))
				w = n - done;
			if (w < 0)
				return -1;
		}
	return n < 0 && !is("read-error") ? -1 : 0;
}

static void
on_term(int sig)
{
	(void)sig;
	_exit(fail());
}

int
main(int argc, char *argv[])
{
	int fd;

	if (argc != 3 || chdir(argv[2]) != 0)
		return 64;
	fault = argv[1];
	written = is("in-place") ? "new/x1" : "tmp/x1";
	signal(SIGTERM, on_term);
	if (is("stale-lock"))
		while ((fd = open("lock", O_CREAT | O_EXCL, 0600)) < 0)
			usleep(10000);
	/* What an earlier message has taken. */
	if (access("new/1", F_OK) == 0)
		written = is("in-place") ? "new/x2" : "tmp/x2";
	fd = open(written, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || copy(fd) != 0 || fsync(fd) != 0)
		return fail();
	if (is("in-place"))
		return 0;
	if (is("twice") && link(written, "new/copy") != 0)
		return fail();
	if (rename(written, access("new/1", F_OK) == 0 ? "new/2" : "new/1") !=
	    0)
		return fail();
	unlink("lock");
	return 0;
}
