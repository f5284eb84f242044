/* lock try|wait|hold FILE OFFSET LENGTH [SECONDS], lock dot|dothold NAME
 * SECONDS: says what came of it; the holding ones keep it until stdin ends. */
#include "drv.h"

#include <errno.h>
#include <fcntl.h>

#include "lock.h"

static int
say(int r)
{
	puts(r < 0 ? strerrorname_np(errno) : "locked");
	fflush(stdout);
	return r;
}

static void
wait_for_end(void)
{
	struct buf b = drv_input();

	buf_free(&b);
}

int
main(int argc, char *argv[])
{
	off_t offset, length;
	int fd;

	if (!strncmp(argv[1], "dot", 3)) {
		if (say(lock_dot(AT_FDCWD, argv[2], (unsigned)atoi(argv[3]))) ==
		    0) {
			if (!strcmp(argv[1], "dothold"))
				wait_for_end();
			lock_undot(AT_FDCWD, argv[2]);
		}
		return 0;
	}
	fd = open(argv[2], O_RDWR | O_CREAT, 0600);
	offset = atoi(argv[3]);
	length = atoi(argv[4]);
	if (!strcmp(argv[1], "wait")) {
		say(lock_wait(fd, offset, length,
		    argc > 5 ? (unsigned)atoi(argv[5]) : 0));
	} else if (say(lock_try(fd, offset, length)) == 0 &&
	    !strcmp(argv[1], "hold")) {
		wait_for_end();
		lock_drop(fd, offset, length);
		puts("dropped");
		fflush(stdout);
		sleep(argc > 5 ? (unsigned)atoi(argv[5]) : 0);
	}
	return 0;
}
