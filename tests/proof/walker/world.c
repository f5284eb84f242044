#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "world.h"

/* What a subject finds on its descriptors, and what is an acknowledgement. */
enum input {
	NOTHING,
	MESSAGE,
	SMTP_CLIENT,
	BDAT_CLIENT,
	LMTP_CLIENT,
	POP3_CLIENT
};
enum word { EXIT_0, NOTED, EMPTY_DROP, SETTLED, EMPTY_QUEUE };

struct world {
	const char *name;
	enum input input;
	enum word word;
	enum protocol protocol;
	const char *top; /* of the message on its input */
};

static const struct world worlds[] = {
    {"stdin", MESSAGE, EXIT_0, SMTP, ""},
    {"user", MESSAGE, EXIT_0, SMTP,
	"To: bob@example.org\nBcc: carl@example.org\n"},
    {"smtp", SMTP_CLIENT, NOTED, SMTP, ""},
    {"smtp-bdat", BDAT_CLIENT, NOTED, SMTP, ""},
    {"smtp-lmtp", LMTP_CLIENT, NOTED, SMTP, ""},
    {"pop3", POP3_CLIENT, NOTED, POP3, ""},
    {"queue", NOTHING, SETTLED, SMTP, ""},
    {"queue-watch", NOTHING, EMPTY_QUEUE, SMTP, ""},
    {"pop3-drop", NOTHING, EMPTY_DROP, POP3, ""},
    {"imap-drop", NOTHING, EMPTY_DROP, IMAP, ""},
};

char world_dir[PATH_MAX];

const struct world *
world_named(const char *name)
{
	for (size_t i = 0; i < sizeof(worlds) / sizeof(*worlds); i++)
		if (strcmp(worlds[i].name, name) == 0)
			return &worlds[i];
	fprintf(stderr, "%s: no such world\n", name);
	exit(64);
}

bool
subject_is(const struct subject *s, const char *world)
{
	return strstr(s->world->name, world) != NULL;
}

/* --- folders and files --- */

const char *
in_world(const char *name)
{
	static char path[PATH_MAX + 300];

	snprintf(path, sizeof(path), "%s/%s", world_dir, name);
	return path;
}

void
put(const char *name, const char *data)
{
	int fd = open(
	    in_world(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	size_t n = strlen(data);

	if (fd < 0 || write(fd, data, n) != (ssize_t)n || close(fd) != 0) {
		perror(name);
		exit(75);
	}
}

void
world_begin(void)
{
	const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

	snprintf(world_dir, sizeof(world_dir), "%s/walk.%d.XXXXXX", base,
	    (int)getpid());
	state = mmap(NULL, sizeof(*state), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!mkdtemp(world_dir) || state == MAP_FAILED) {
		perror(world_dir);
		exit(75);
	}
}

static int
drop(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st;
	(void)type;
	if (f->level > 0)
		remove(path);
	return 0;
}

static void
clear(void)
{
	nftw(world_dir, drop, 16, FTW_DEPTH | FTW_PHYS);
}

void
world_end(void)
{
	clear();
	rmdir(world_dir);
}

void
world_abandon(void)
{
	pid_t pid = _Fork();

	if (pid == 0) {
		execl("/bin/rm", "rm", "-rf", world_dir, (char *)NULL);
		_exit(127);
	}
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static void
make_folders(const struct subject *s)
{
	static const char *const dirs[] = {"home", "sent", "box", "box/tmp",
	    "box/new", "box/cur", "spool", "spool/queue", "spool/tmp",
	    "spool/dead", "spool/corrupt"};
	/* Whoever adds makes the spool. */
	size_t n = subject_is(s, "queue")    ? 11
	    : strcmp(s->store, "spool") == 0 ? 7
					     : 6;

	for (size_t i = 0; i < n; i++)
		mkdir(in_world(dirs[i]), 0700);
}

static void
put_settings(const struct subject *s)
{
	char text[2 * PATH_MAX + 300];

	snprintf(text, sizeof(text),
	    "bob@example.org %s/%s\ncarl@example.org %s/box/\n", world_dir,
	    strcmp(s->store, "mbox") == 0 ? "mbox" : "box/", world_dir);
	put("mailboxes", text);
	snprintf(text, sizeof(text), "to %s/box\n", world_dir);
	put("maildroprc", text);
	put("password", "secret\n");
	put("home/.netrc", "machine 127.0.0.1 login ann password secret\n");
	snprintf(text, sizeof(text),
	    "poll 127.0.0.1 protocol pop3 service %d uidl user ann password "
	    "secret sslproto '' no rewrite no keep mda \"mdeliver %s/box\"\n",
	    world_port(), world_dir);
	put("home/.fetchmailrc", text);
	snprintf(text, sizeof(text), "* relay smtp://127.0.0.1:%d --tls=off\n",
	    world_port());
	if (subject_is(s, "queue"))
		put("spool/routes", text);
}

static void
put_message(const struct subject *s, int text, const char *name)
{
	char *whole;

	if (asprintf(&whole, "%s%s", s->world->top, state->text[text]) < 0)
		exit(75);
	put(name, whole);
	free(whole);
}

/* --- the world as a run finds it, and the one behind it --- */

static void
fill_drop(void)
{
	for (int m = 0; m < TEXTS; m++) {
		state->held[m] = m == FIRST || m >= SECOND;
		state->told[m] = false;
	}
}

static void
put_old(const struct subject *s)
{
	/* A peer waits a second for a mailbox that somebody has just read. */
	static const struct timespec long_ago[2] = {{1, 0}, {2, 0}};
	char *old;

	if (s->world->input == POP3_CLIENT) {
		put("box/new/1.old", state->text[OLD]);
		put("box/new/2.first", state->text[FIRST]);
	}
	if (strcmp(s->store, "mbox") != 0)
		return;
	if (asprintf(&old,
		"From ann@example.org Mon Nov  2 06:30:12 2026\n%s\n",
		state->text[OLD]) < 0)
		exit(75);
	put("mbox", old);
	utimensat(AT_FDCWD, in_world("mbox"), long_ago, 0);
	free(old);
}

void
world_reset(const struct subject *s)
{
	clear();
	state->protocol = s->world->protocol;
	state->taken = state->marked = state->quit = 0;
	for (int r = 0; r < RCPTS; r++)
		state->noted[r] = false;
	make_folders(s);
	put_settings(s);
	fill_drop();
	put_old(s);
	if (s->world->input == MESSAGE) {
		put_message(s, FIRST, "m1");
		put_message(s, NEXT, "m2");
	}
	if (subject_is(s, "queue"))
		queue_fill();
}

static bool next_is_another;

void
world_next(const struct subject *s, bool acked)
{
	next_is_another = acked;
	state->held[NEXT] = acked;
	if (subject_is(s, "queue"))
		queue_next(acked);
}

/* --- a run --- */

static pid_t
client(const struct subject *s, const int pair[2], const char *text)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	close(pair[0]);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (s->world->input == POP3_CLIENT)
		client_pop3(pair[1], text);
	if (s->world->input == BDAT_CLIENT)
		client_bdat(pair[1], text);
	if (s->world->input == LMTP_CLIENT)
		client_lmtp(pair[1], text);
	client_smtp(pair[1], text);
}

static void
run(const struct subject *s, const int fds[2], const struct point *p,
    struct calls *watch, int limit, struct outcome *o)
{
	run_endless = subject_is(s, "watch");
	if (p && p->kind != MALLOC)
		trace_run(s->argv, fds, p, watch, limit, o);
	else
		plain_run(s->argv, fds, limit, o);
	run_endless = false;
}

static bool
is_acked(const struct subject *s, const struct outcome *o)
{
	switch (s->world->word) {
	case NOTED:
		return state->accepted > 0;
	case EMPTY_DROP:
		return !o->hung && !state->held[FIRST] &&
		    !state->held[SECOND] && !state->held[THIRD] &&
		    !state->held[NEXT];
	case SETTLED:
		return !o->hung && queue_is_settled();
	case EMPTY_QUEUE:
		return !o->hung && queue_is_empty();
	default:
		return !o->hung && o->status == 0;
	}
}

bool
world_run(const struct subject *s, bool again, const struct point *p,
    struct calls *watch, int limit, struct outcome *o)
{
	bool next = again && next_is_another, talks;
	int pair[2], fds[2] = {-1, -1};
	pid_t pid;

	state->accepted = state->refused = 0;
	talks = s->world->input >= SMTP_CLIENT;
	if (s->world->input == MESSAGE)
		fds[0] =
		    open(in_world(next ? "m2" : "m1"), O_RDONLY | O_CLOEXEC);
	if (!talks) {
		run(s, fds, p, watch, limit, o);
		server_settle();
		return is_acked(s, o);
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		exit(75);
	pid = client(s, pair, state->text[next ? NEXT : FIRST]);
	close(pair[1]);
	fds[0] = fds[1] = pair[0];
	run(s, fds, p, watch, limit, o);
	/* It ends with its connection; the tracer may have seen that. */
	waitpid(pid, NULL, 0);
	return is_acked(s, o);
}

int
world_refusals(void)
{
	return state->refused;
}

/* Of a removal: what goes is what was marked, at QUIT, and what was confirmed
 * is gone. */
static bool
broke_removal(const struct seen *seen)
{
	bool may = state->marked && state->quit;

	return seen->count[OLD] != 1 || (!may && seen->count[FIRST] == 0) ||
	    (may && state->accepted && seen->count[FIRST] > 0);
}

/* What was noted for a recipient who does not have it. */
static bool
broke_reply(const struct seen *seen)
{
	for (int r = 0; r < EACH; r++)
		if (state->noted[r] && !seen->sent[r])
			return true;
	return false;
}

/* What was to be forgotten and nobody has; what was there and is not. */
bool
world_broke_word(const struct subject *s, const struct seen *seen)
{
	if (s->world->input == POP3_CLIENT)
		return broke_removal(seen);
	if (s->world->input == LMTP_CLIENT)
		return broke_reply(seen);
	for (int m = 0; subject_is(s, "drop") && m < TEXTS; m++)
		if (state->told[m] && !seen->count[m])
			return true;
	return strcmp(s->store, "mbox") == 0 && seen->count[OLD] != 1;
}
