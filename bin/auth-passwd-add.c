/* auth-passwd --add: a line of the file, written so that its readers see the
 * old file or the new one, and two at once do not undo each other. */
#include "auth-passwd.h"

#include <crypt.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "atomic.h"
#include "buf.h"
#include "checker.h"
#include "lock.h"
#include "log.h"
#include "secret.h"

#define LOCK_SECONDS 30

static bool
is_name(const char *name)
{
	if (!*name || *name == '#')
		return false;
	for (; *name; name++)
		if (*name == ':' || *name == 127 || (*name >= 0 && *name < ' '))
			return false;
	return true;
}

/* Twice on a terminal, else one line. 0 or -1. */
static int
ask(const char *name, struct buf *password, char *why, size_t size)
{
	struct buf again = BUF_INIT;
	char text[CHECKER_OCTETS + 16];
	int r;

	if (!isatty(0))
		return secret_fd("0", password, why, size);
	snprintf(text, sizeof text, "%s, again", name);
	if ((r = secret_prompt(name, password, why, size)) == 0 &&
	    (r = secret_prompt(text, &again, why, size)) == 0 &&
	    strcmp(buf_str(password), buf_str(&again)) != 0) {
		snprintf(why, size, "the two are not the same");
		r = -1;
	}
	secret_free(&again);
	if (r > 0)
		snprintf(why, size, "no terminal to ask on");
	return r == 0 ? 0 : -1;
}

/* By the best scheme that the host knows. */
static int
hash(const char *password, struct buf *out)
{
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];
	static struct crypt_data data;
	const char *made = NULL;

	if (crypt_gensalt_rn(NULL, 0, NULL, 0, setting, sizeof setting))
		made = crypt_rn(password, setting, &data, sizeof data);
	if (made)
		buf_adds(out, made);
	explicit_bzero(&data, sizeof data);
	return made ? 0 : -1;
}

/* Opens and locks the file that path names once that is done: another --add
 * may have put a new one there meanwhile. */
static int
open_locked(const char *path)
{
	struct stat st, now;
	int fd;

	for (;;) {
		fd = open(path,
		    O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
		if (fd < 0)
			return -1;
		if (lock_wait(fd, 0, 0, LOCK_SECONDS) < 0 ||
		    fstat(fd, &st) < 0 || stat(path, &now) < 0)
			break;
		if (st.st_ino == now.st_ino && st.st_dev == now.st_dev)
			return fd;
		close(fd);
	}
	close(fd);
	return -1;
}

/* All of f with the line of name changed, or one more. Everything but the hash
 * stays. */
static int
rewrite(FILE *f, const char *name, const char *hashed, struct buf *out)
{
	char *text = NULL, *end;
	bool done = false;
	size_t room = 0;
	ssize_t n;

	while ((n = getline(&text, &room, f)) >= 0) {
		end = text;
		if (!done && is_line_of(text, name)) {
			end += strlen(name) + 1;
			end += strcspn(end, ":\n");
			buf_addf(out, "%s:%s", name, hashed);
			done = true;
		}
		buf_add(out, end, (size_t)(text + n - end));
	}
	free(text);
	/* A line may also lack the memory for it. */
	if (!feof(f))
		return -1;
	if (!done && out->len > 0 && out->data[out->len - 1] != '\n')
		buf_addc(out, '\n');
	if (!done)
		buf_addf(out, "%s:%s\n", name, hashed);
	return 0;
}

/* Owner and mode stay; what a killed --add has left goes. 0, or -1 with
 * errno. */
static int
replace(int dir, const char *base, const struct stat *st, const struct buf *b)
{
	struct buf tmp = BUF_INIT;
	struct atomic a;
	int r = -1;

	buf_addf(&tmp, ".%s.new", base);
	if (unlinkat(dir, buf_str(&tmp), 0) < 0 && errno != ENOENT)
		r = -1;
	else if (atomic_begin(&a, dir, buf_str(&tmp), 0600) == 0) {
		if (fchown(a.fd, st->st_uid, st->st_gid) == 0 &&
		    fchmod(a.fd, st->st_mode & 07777) == 0 &&
		    atomic_write(&a, b->data, b->len) == 0 &&
		    atomic_sync(&a) == 0) {
			atomic_aside(&a);
			r = renameat(dir, buf_str(&tmp), dir, base);
		} else
			atomic_abort(&a);
		if (r == 0)
			r = fsync(dir);
	}
	buf_free(&tmp);
	return r;
}

static int
change(const char *path, FILE *f, const char *name, const char *hashed)
{
	char *folder = xstrdup(path), *base = xstrdup(path);
	int dir = open(dirname(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct buf all = BUF_INIT;
	struct stat st;
	int r = -1;

	if (dir >= 0 && fstat(fileno(f), &st) == 0 &&
	    rewrite(f, name, hashed, &all) == 0)
		r = replace(dir, basename(base), &st, &all);
	if (r < 0)
		log_error("write %s: %s", path, strerror(errno));
	if (dir >= 0)
		close(dir);
	secret_free(&all);
	free(folder);
	free(base);
	return r == 0 ? RIGHT : TROUBLE;
}

int
add_user(const char *file, const char *name)
{
	struct buf password = BUF_INIT, hashed = BUF_INIT;
	char why[512], *path;
	int code = TROUBLE;
	FILE *f;

	if (!is_name(name))
		log_die(MISUSE, "`%s' can be no name", name);
	if (ask(name, &password, why, sizeof why) < 0)
		log_die(MISUSE, "%s", why);
	if (strlen(name) + password.len > CHECKER_PAIR)
		log_die(MISUSE, "name and password are over %d octets together",
		    CHECKER_PAIR);
	path = realpath(file, NULL);
	if (!path)
		path = xstrdup(file);
	atomic_on_term();
	f = open_passwords(open_locked(path), path);
	if (f && hash(buf_str(&password), &hashed) == 0)
		code = change(path, f, name, buf_str(&hashed));
	else if (f)
		log_error("no scheme of this host makes a hash of it");
	secret_free(&password);
	secret_free(&hashed);
	free(path);
	if (f)
		fclose(f);
	return code;
}
