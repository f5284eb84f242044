/* auth-passwd: the checkpassword interface over a file. Reads `NAME NUL
 * PASSWORD NUL [TIMESTAMP] NUL` on fd 3 and executes COMMAND as the user of
 * the matching line, with USER and HOME set. Exit 1: wrong; 2: not called as
 * it should be; 111: it could not tell. An unknown name costs as much time as
 * a known one. With --add it writes a line of the file instead. */
#include "auth-passwd.h"

#include <crypt.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "checker.h"
#include "child.h"
#include "log.h"
#include "options.h"
#include "parse.h"
#include "secret.h"

#define PAIR_FD 3
#define FILE_MAX (64 << 20)

static const char *file, *add;

static const char usage[] =
    "usage: auth-passwd --file FILE COMMAND [ARG...] 3< pair\n"
    "       auth-passwd --file FILE --add NAME\n"
    "Checks a name and a password (checkpassword interface, descriptor 3).\n"
    "\n"
    "  --file FILE    lines `name:crypt[:uid:gid::home]'; a # starts a "
    "comment\n"
    "  --add NAME     ask for a password, and add or replace NAME's line\n"
    "  --config FILE  long options, one a line\n"
    "  -h, --help   -V, --version\n"
    "\n"
    "Exit status: COMMAND's if the password is right, 1 if it is wrong, 2 for\n"
    "misuse, 111 for trouble.\n";

enum { KEY_FILE = 0x200, KEY_ADD };

static const struct option_def options[] = {
    {"file", KEY_FILE, true},
    {"add", KEY_ADD, true},
    {NULL, 0, false},
};

/* Who a line says the user is. */
struct user {
	const char *name;
	bool is_known; /* uid and gid are */
	bool is_system;
	uid_t uid;
	gid_t gid;
	const char *home, *shell; /* or NULL */
};

static int
set(int key, const char *value, char *why, size_t size)
{
	(void)why;
	(void)size;
	*(key == KEY_FILE ? &file : &add) = value;
	return 0;
}

FILE *
open_passwords(int fd, const char *name)
{
	struct stat st;
	FILE *f = NULL;

	if (fd < 0 || fstat(fd, &st) < 0)
		log_error("%s: %s", name, strerror(errno));
	else if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX)
		log_error("%s: no file of at most 64 MiB", name);
	else if (st.st_mode & (S_IRWXO | S_IWGRP))
		log_error("%s: others may read or write it (mode %04o)", name,
		    (unsigned)st.st_mode & 07777);
	else if (!(f = fdopen(fd, "r")))
		log_error("%s: %s", name, strerror(errno));
	if (!f && fd >= 0)
		close(fd);
	return f;
}

bool
is_line_of(const char *line, const char *name)
{
	size_t n = strlen(name);

	return n > 0 && line[0] != '#' && strncmp(line, name, n) == 0 &&
	    line[n] == ':';
}

/* The next field of *at, cut off; NULL when there is none. */
static char *
field(char **at)
{
	return strsep(at, ":");
}

/* Old and cheap schemes are the file's business. */
static bool
is_usable(const char *hash)
{
	int known;

	if (!hash || !*hash || *hash == '*' || *hash == '!')
		return false;
	known = crypt_checksalt(hash);
	return known != CRYPT_SALT_INVALID &&
	    known != CRYPT_SALT_METHOD_DISABLED;
}

/* Reads all of the file, wherever the name is in it. line: the first one that
 * is the name's, "" without one; dummy: the first hash that is one. 0 or -1. */
static int
find(FILE *f, const char *name, struct buf *line, struct buf *dummy)
{
	char *text = NULL, *at, *hash;
	size_t room = 0;
	ssize_t n;

	while ((n = getline(&text, &room, f)) >= 0) {
		if (memchr(text, '\0', (size_t)n))
			continue;
		if (text[n - 1] == '\n')
			text[n - 1] = '\0';
		if (line->len == 0 && is_line_of(text, name))
			buf_adds(line, text);
		at = text;
		if (dummy->len == 0 && text[0] != '#' && field(&at) &&
		    (hash = field(&at)) && is_usable(hash))
			buf_adds(dummy, hash);
	}
	free(text);
	return feof(f) ? 0 : -1;
}

/* hash NULL or not usable: the same work, for nothing. */
static bool
is_right(const char *password, const char *hash, const struct buf *dummy)
{
	static struct crypt_data data;
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];
	const char *made = NULL;
	bool right = false;

	if (is_usable(hash))
		made = crypt_rn(password, hash, &data, sizeof data);
	if (made)
		right = secret_equals(hash, made);
	else if (dummy->len > 0)
		crypt_rn(password, dummy->data, &data, sizeof data);
	else if (crypt_gensalt_rn(NULL, 0, NULL, 0, setting, sizeof setting))
		crypt_rn(password, setting, &data, sizeof data);
	explicit_bzero(&data, sizeof data);
	return right;
}

/* A system's user of that name; 0 also when there is none. */
static int
look_up(struct user *u)
{
	struct passwd *pw;

	errno = 0;
	pw = getpwnam(u->name);
	if (!pw)
		return errno == 0 || errno == ENOENT || errno == ESRCH ? 0 : -1;
	u->is_known = u->is_system = true;
	u->uid = pw->pw_uid;
	u->gid = pw->pw_gid;
	u->shell = pw->pw_shell;
	if (!u->home)
		u->home = pw->pw_dir;
	return 0;
}

/* What follows the hash: uid, gid, gecos, home. 0, or -1 with the reason
 * said. */
static int
read_user(struct user *u, char *at)
{
	char *uid = field(&at), *gid = field(&at), *home;
	uint64_t n, m;

	field(&at);
	home = field(&at);
	if (home && *home)
		u->home = home;
	if ((!uid || !*uid) && (!gid || !*gid)) {
		if (look_up(u) == 0)
			return 0;
		log_error("look up user %s: %s", u->name, strerror(errno));
		return -1;
	}
	if (!gid || parse_number(uid, UINT32_MAX - 1, &n) < 0 ||
	    parse_number(gid, UINT32_MAX - 1, &m) < 0) {
		log_error(
		    "%s: user %s: uid and gid are no numbers", file, u->name);
		return -1;
	}
	u->is_known = true;
	u->uid = (uid_t)n;
	u->gid = (gid_t)m;
	return 0;
}

/* Only root becomes another. */
static int
become(const struct user *u)
{
	if (!u->is_known || geteuid() != 0)
		return 0;
	if (u->uid == 0 || u->gid == 0) {
		log_error("user %s: nobody becomes root", u->name);
		return -1;
	}
	if ((u->is_system ? initgroups(u->name, u->gid) : setgroups(0, NULL)) <
		0 ||
	    setgid(u->gid) < 0 || setuid(u->uid) < 0) {
		log_error("become user %s: %s", u->name, strerror(errno));
		return -1;
	}
	return 0;
}

static void
set_or_unset(const char *name, const char *value)
{
	if (value)
		setenv(name, value, 1);
	else
		unsetenv(name);
}

/* userdb_ and EXTRA are for Dovecot, whose checker has no rights to change its
 * user. HOME of whoever runs us is nobody's. */
static void
set_environment(const struct user *u)
{
	char number[24];

	setenv("USER", u->name, 1);
	set_or_unset("HOME", u->home);
	if (u->shell)
		setenv("SHELL", u->shell, 1);
	if (!u->is_known)
		return;
	snprintf(number, sizeof number, "%ju", (uintmax_t)u->uid);
	setenv("userdb_uid", number, 1);
	snprintf(number, sizeof number, "%ju", (uintmax_t)u->gid);
	setenv("userdb_gid", number, 1);
	setenv("EXTRA", "userdb_uid userdb_gid", 1);
}

static int
run_as(const struct user *u, char *command[])
{
	if (become(u) < 0)
		return TROUBLE;
	set_environment(u);
	if (u->home && chdir(u->home) < 0)
		errno = 0; /* not every COMMAND needs it */
	child_path();
	alarm(0);
	execvp(command[0], command);
	log_error("execute %s: %s", command[0], strerror(errno));
	return TROUBLE;
}

static void
out_of_time(int signal)
{
	(void)signal;
	_exit(TROUBLE);
}

/* text gets what is on fd 3, NUL behind; *password points into it. 0 or an
 * exit code. */
static int
read_pair(char text[CHECKER_OCTETS + 2], const char **password)
{
	size_t n = 0;
	ssize_t r;
	char *nul;

	do {
		r = read(PAIR_FD, text + n, CHECKER_OCTETS + 1 - n);
		if (r > 0)
			n += (size_t)r;
	} while ((r > 0 && n <= CHECKER_OCTETS) || (r < 0 && errno == EINTR));
	if (r < 0) {
		log_error("read descriptor 3: %s", strerror(errno));
		return MISUSE;
	}
	close(PAIR_FD);
	if (n > CHECKER_OCTETS)
		return WRONG;
	nul = memchr(text, '\0', n);
	*password = nul ? nul + 1 : NULL;
	if (!nul || !memchr(nul + 1, '\0', (size_t)(text + n - (nul + 1)))) {
		log_error("descriptor 3: no name and password, each with NUL");
		return MISUSE;
	}
	return 0;
}

/* Whose file it is says who may log in, and as whom. */
static bool
is_ours(FILE *f)
{
	struct stat st;

	if (fstat(fileno(f), &st) == 0 &&
	    (st.st_uid == 0 || st.st_uid == geteuid()))
		return true;
	log_error("%s: it is another user's", file);
	return false;
}

/* line: the name's, or "". */
static int
check_line(const char *name, const char *password, struct buf *line,
    struct buf *dummy, char *command[])
{
	struct user user = {.name = name};
	char *at = NULL, *hash = NULL;

	if (line->len > 0) {
		at = buf_str(line);
		field(&at);
		hash = field(&at);
	}
	if (!is_right(password, hash, dummy))
		return WRONG;
	return read_user(&user, at) < 0 ? TROUBLE : run_as(&user, command);
}

static int
check(const char *name, const char *password, char *command[])
{
	struct buf line = BUF_INIT, dummy = BUF_INIT;
	int code = TROUBLE;
	FILE *f = open_passwords(
	    open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), file);

	if (!f || !is_ours(f))
		return TROUBLE;
	if (find(f, name, &line, &dummy) < 0)
		log_error("read %s: %s", file, strerror(errno));
	else {
		buf_str(&dummy);
		code = check_line(name, password, &line, &dummy, command);
	}
	fclose(f);
	buf_free(&line);
	buf_free(&dummy);
	return code;
}

static int
check_pair(char *command[])
{
	char text[CHECKER_OCTETS + 2] = "", name[CHECKER_OCTETS + 1];
	const char *password;
	int code;

	signal(SIGALRM, out_of_time);
	alarm(CHECKER_SECONDS);
	code = read_pair(text, &password);
	if (code == 0) {
		strcpy(name, text);
		code = check(name, password, command);
	}
	explicit_bzero(text, sizeof text);
	return code;
}

int
main(int argc, char *argv[])
{
	const struct options o = {.defs = options,
	    .set = set,
	    .usage = usage,
	    .program = "auth-passwd",
	    .misuse = MISUSE};
	int first;

	log_open("auth-passwd", LOG_TO_STDERR);
	first = options_parse(&o, argc, argv);
	if (!file)
		log_die(MISUSE, "--file is needed");
	if (add ? argv[first] != NULL : argv[first] == NULL)
		log_die(MISUSE, "either --add NAME or COMMAND; see --help");
	return add ? add_user(file, add) : check_pair(argv + first);
}
