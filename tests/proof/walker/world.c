#include <dirent.h>
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

#include "walker.h"

char world_dir[PATH_MAX];

/* Message 0 is in an mbox from the start. */
static char *text[3];
static struct note *note;

static void
put(const char *name, const char *data, size_t n)
{
	char path[PATH_MAX + 64];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", world_dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || write(fd, data, n) != (ssize_t)n || close(fd) != 0) {
		perror(path);
		exit(75);
	}
}

void
world_begin(void)
{
	const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

	snprintf(world_dir, sizeof(world_dir), "%s/walk.%d.XXXXXX", base,
	    (int)getpid());
	note = mmap(NULL, sizeof(*note), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!mkdtemp(world_dir) || note == MAP_FAILED) {
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

void
world_end(void)
{
	nftw(world_dir, drop, 16, FTW_DEPTH | FTW_PHYS);
	rmdir(world_dir);
}

/* Numbered lines, so that a part of a message is like no other. */
void
world_size(size_t octets)
{
	for (int m = 0; m < 3; m++) {
		size_t n;

		free(text[m]);
		text[m] = malloc(octets + 256);
		if (!text[m])
			exit(75);
		n = (size_t)sprintf(text[m],
		    "From: ann@example.org\nSubject: number %d\n"
		    "Message-ID: <%d@example.org>\n"
		    "Date: Mon, 2 Nov 2026 06:30:12 +0000\n\n",
		    m, m);
		for (int i = 0; n < octets; i++)
			n += (size_t)sprintf(
			    text[m] + n, "message %d line %06d\n", m, i);
	}
}

void
world_reset(const struct subject *s)
{
	static const char *const dirs[] = {
	    "box", "box/tmp", "box/new", "box/cur", "spool", "home"};
	char path[PATH_MAX + 64];

	nftw(world_dir, drop, 16, FTW_DEPTH | FTW_PHYS);
	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) {
		snprintf(path, sizeof(path), "%s/%s", world_dir, dirs[i]);
		if (strncmp(dirs[i], "spool", 5) != 0 ||
		    strcmp(s->store, "spool") == 0)
			mkdir(path, 0700);
	}
	snprintf(path, sizeof(path), "bob@example.org %s/%s\n", world_dir,
	    strcmp(s->store, "mbox") == 0 ? "mbox" : "box/");
	put("mailboxes", path, strlen(path));
	snprintf(path, sizeof(path), "to %s/box\n", world_dir);
	put("maildroprc", path, strlen(path));
	put("m1", text[1], strlen(text[1]));
	put("m2", text[2], strlen(text[2]));
	if (strcmp(s->store, "mbox") == 0) {
		char *old = NULL;
		int n = asprintf(&old,
		    "From ann@example.org Mon Nov  2 06:30:12 2026\n%s\n",
		    text[0]);

		put("mbox", old, (size_t)n);
		free(old);
	}
}

/* Header fields on top, and line ends that a peer adds, leave it whole. */
static void
judge(const char *data, size_t n, struct seen *seen)
{
	while (n > 1 && data[n - 1] == '\n' && data[n - 2] == '\n')
		n--;
	for (int m = 0; m < 3; m++) {
		size_t len = strlen(text[m]);

		if (n >= len && memcmp(data + n - len, text[m], len) == 0 &&
		    (n == len || data[n - len - 1] == '\n')) {
			seen->whole[m]++;
			return;
		}
	}
	seen->partial++;
}

static char *
slurp(const char *path, size_t *n)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_NONBLOCK);
	char *data = NULL;

	*n = 0;
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    (data = malloc((size_t)st.st_size + 1))) {
		*n = (size_t)read(fd, data, (size_t)st.st_size);
		data[*n] = '\0';
	}
	if (fd >= 0)
		close(fd);
	return data;
}

/* look_in counts the files of a folder, and judges them for readers. */
static void
look_in(const char *dir, struct seen *seen)
{
	char path[PATH_MAX + 300];
	struct dirent *e;
	char *data;
	size_t n;
	DIR *d;

	snprintf(path, sizeof(path), "%s/%s", world_dir, dir);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		if (strstr(dir, "tmp")) {
			seen->left++;
			continue;
		}
		snprintf(
		    path, sizeof(path), "%s/%s/%s", world_dir, dir, e->d_name);
		data = slurp(path, &n);
		if (data)
			judge(data, n, seen);
		free(data);
	}
	if (d)
		closedir(d);
}

/* From_ lines are those at the start and behind an empty line. */
static void
look_in_mbox(struct seen *seen)
{
	char path[PATH_MAX + 64];
	size_t n;
	char *data, *start, *next;

	snprintf(path, sizeof(path), "%s/mbox", world_dir);
	data = slurp(path, &n);
	for (start = data; start && *start; start = next) {
		char *body = strchr(start, '\n');

		next = strstr(start, "\n\nFrom ");
		next = next ? next + 2 : data + n;
		if (body && body < next && strncmp(start, "From ", 5) == 0)
			judge(body + 1, (size_t)(next - body - 1), seen);
		else
			seen->partial++;
	}
	free(data);
}

void
world_look(const struct subject *s, struct seen *seen)
{
	*seen = (struct seen){0};
	look_in("box/tmp", seen);
	look_in("spool/tmp", seen);
	if (strcmp(s->store, "mbox") == 0) {
		look_in_mbox(seen);
		return;
	}
	look_in("box/new", seen);
	look_in("box/cur", seen);
	look_in("spool/queue", seen);
	look_in("spool/corrupt", seen);
}

/* The client: notes the 250 for the message, and replies that are final. */
static void
say(FILE *f, const char *line)
{
	fputs(line, f);
	fflush(f);
}

static int
heard(FILE *f)
{
	char line[1024];

	do
		if (!fgets(line, sizeof(line), f))
			_exit(0);
	while (line[3] == '-');
	if (line[0] == '5')
		note->refused++;
	return line[0];
}

static void
send_message(FILE *f, const char *data)
{
	static const char *const before[] = {"EHLO client.example\r\n",
	    "MAIL FROM:<ann@example.org>\r\n", "RCPT TO:<bob@example.org>\r\n",
	    "DATA\r\n"};

	heard(f);
	for (size_t i = 0; i < 4; i++) {
		say(f, before[i]);
		if (heard(f) > '3') {
			say(f, "QUIT\r\n");
			heard(f);
			_exit(0);
		}
	}
	for (; *data; data++) {
		if (*data == '\n')
			putc('\r', f);
		putc(*data, f);
	}
	say(f, ".\r\n");
	if (heard(f) == '2')
		note->accepted++;
	say(f, "QUIT\r\n");
	heard(f);
	_exit(0);
}

static pid_t
client(int fd, int other, const char *data)
{
	pid_t pid = fork();
	FILE *in, *out;

	if (pid != 0)
		return pid;
	close(other);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	in = fdopen(fd, "r+");
	out = in;
	if (!out)
		_exit(75);
	/* One stream in both directions must not seek. */
	setvbuf(in, NULL, _IOFBF, 8192);
	send_message(in, data);
	_exit(0);
}

static void
run(const struct subject *s, const int fds[2], const struct point *p,
    struct calls *watch, int limit, struct outcome *o)
{
	if (p && p->kind != MALLOC)
		trace_run(s->argv, fds, p, watch, limit, o);
	else
		plain_run(s->argv, fds, limit, o);
}

bool
world_run(const struct subject *s, int message, const struct point *p,
    struct calls *watch, int limit, struct outcome *o)
{
	char path[PATH_MAX + 8];
	int pair[2], fds[2] = {-1, -1};
	pid_t pid;

	*note = (struct note){0, 0};
	if (strcmp(s->world, "smtp") != 0) {
		snprintf(path, sizeof(path), "%s/m%d", world_dir, message);
		fds[0] = open(path, O_RDONLY | O_CLOEXEC);
		run(s, fds, p, watch, limit, o);
		close(fds[0]);
		return !o->hung && o->status == 0;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		exit(75);
	pid = client(pair[1], pair[0], text[message]);
	close(pair[1]);
	fds[0] = fds[1] = pair[0];
	run(s, fds, p, watch, limit, o);
	close(pair[0]);
	/* It ends with its connection; the tracer may have seen that. */
	waitpid(pid, NULL, 0);
	return note->accepted > 0;
}

int
world_refusals(void)
{
	return note->refused;
}
