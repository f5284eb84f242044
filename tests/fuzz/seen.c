/* The fetch journal. The first octet chooses its kind; the rest is what a crash
 * left behind the head. Whatever it is, what is added is there, also when the
 * journal is read again, and survives compacting. */
#include "fuzz.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "seen.h"

static char folder[] = "/dev/shm/fuzz.XXXXXX";
static char *path;

static void
clean_up(void)
{
	char *end;

	unlink(path);
	while (
	    (end = strrchr(path, '/')) && strlen(path) > strlen("/dev/shm/x")) {
		*end = '\0';
		rmdir(path);
	}
	free(path);
}

static struct seen *
again(enum seen_kind kind)
{
	char *p;
	struct seen *s = seen_open(kind, "pop3 a@b:110", "/sink", &p);

	if (!path) {
		path = p;
		atexit(clean_up);
	} else {
		free(p);
	}
	return s;
}

static bool
exists(const char *name, void *arg)
{
	must(*name && !arg);
	return name[0] & 1;
}

static void
begin(const uint8_t *data, size_t n)
{
	if (!path) {
		must(mkdtemp(folder) &&
		    setenv("XDG_STATE_HOME", folder, 1) == 0);
	} else {
		unlink(path);
	}
	struct seen *s = again(SEEN_TOKENS);
	must(s && seen_close(s) == 0);
	int fd = open(path, O_WRONLY | O_APPEND);
	must(fd >= 0 && write(fd, data, n) == (ssize_t)n && close(fd) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (n < 1)
		return 0;
	enum seen_kind kind = data[0] & 1 ? SEEN_NUMBERS : SEEN_TOKENS;
	begin(data + 1, n - 1);
	struct seen *s = again(kind);
	must(s);
	must(seen_settle(s, exists, NULL) == 0);
	must(seen_add(s, "77", 2, NULL) == 0);
	must(kind == SEEN_NUMBERS || seen_has(s, "77", 2));
	must(kind == SEEN_TOKENS || ranges_has(seen_uids(s), 77));
	must(seen_compact(s) == 0 && seen_close(s) == 0);
	s = again(kind);
	must(s);
	must(kind == SEEN_NUMBERS || seen_has(s, "77", 2));
	must(kind == SEEN_TOKENS || ranges_has(seen_uids(s), 77));
	must(seen_close(s) == 0);
	return 0;
}
