#include "transport.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "child.h"
#include "lda.h"

#define LINE_LIMIT 65536

struct words {
	char **v;
	size_t n;
};

static void
add_word(struct words *w, const char *word)
{
	w->v = xrealloc(w->v, (w->n + 2) * sizeof *w->v);
	w->v[w->n++] = (char *)word;
	w->v[w->n] = NULL;
}

static void
add_target(struct words *w, const struct route *r, const char *const *own)
{
	if (r->kind != ROUTE_MX) {
		add_word(w, r->kind == ROUTE_LMTP ? "--lmtp" : "--relay");
		add_word(w, r->target);
		return;
	}
	add_word(w, "--mx");
	add_word(w, "--hostname");
	add_word(w, *own);
	while (*++own) {
		add_word(w, "--local");
		add_word(w, *own);
	}
}

static pid_t
start_command(const struct route *r, const char *const *own,
    const char *command, int in, int out, int lock)
{
	struct words w = {0};
	struct child c = {.in = in, .out = out, .keep = lock};
	char **shell = NULL;
	pid_t pid;

	add_word(&w, "smtp-send");
	add_word(&w, "--batch");
	add_target(&w, r, own);
	for (size_t i = 0; r->words[i]; i++)
		add_word(&w, r->words[i]);
	if (command)
		shell = child_shell(command, w.v + 1);
	c.argv = shell ? shell : w.v;
	pid = child_start(&c);
	free(shell);
	free(w.v);
	return pid;
}

/* Only the queue's descriptors may stay: a pipe of another transport would
 * never see its end. */
static _Noreturn void
become_lda(struct queue *q, const char *command, int in, int out)
{
	static const int reset[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD};
	sigset_t none;
	size_t i;
	int lock, queue;

	sigemptyset(&none);
	for (i = 0; i < sizeof reset / sizeof *reset; i++)
		signal(reset[i], SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setpgid(0, 0);
	lock = fcntl(q->lock, F_DUPFD_CLOEXEC, 100);
	queue = fcntl(q->queue, F_DUPFD_CLOEXEC, 100);
	if (lock < 0 || queue < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 ||
	    dup2(lock, 3) < 0 || dup2(queue, 4) < 0 ||
	    close_range(5, ~0U, 0) < 0)
		_exit(EX_TEMPFAIL);
	(void)fcntl(4, F_SETFD, FD_CLOEXEC);
	*q = (struct queue){-1, -1, 4, -1, -1, 3};
	_exit(lda_run(q, command));
}

static pid_t
start_lda(struct queue *q, const char *command, int in, int out)
{
	pid_t pid = fork();

	if (pid == 0)
		become_lda(q, command, in, out);
	return pid;
}

int
transport_start(struct transport *t, struct queue *q, const struct route *r,
    const char *const *own, const char *command)
{
	int jobs[2] = {-1, -1}, results[2] = {-1, -1}, saved;

	*t = (struct transport){.pid = -1, .in = -1, .out = -1};
	if (!pipe2(jobs, O_CLOEXEC) && !pipe2(results, O_CLOEXEC) &&
	    !fcntl(jobs[1], F_SETFL, O_NONBLOCK) &&
	    !fcntl(results[0], F_SETFL, O_NONBLOCK))
		t->pid = r->kind == ROUTE_DELIVER
		    ? start_lda(q, r->target, jobs[0], results[1])
		    : start_command(
			  r, own, command, jobs[0], results[1], q->lock);
	saved = errno;
	if (jobs[0] >= 0)
		close(jobs[0]);
	if (results[1] >= 0)
		close(results[1]);
	t->in = jobs[1];
	t->out = results[0];
	if (t->pid > 0)
		return 0;
	transport_close(t);
	errno = saved;
	return -1;
}

void
transport_put(struct transport *t, const struct buf *job)
{
	buf_add(&t->to, job->data, job->len);
	t->queued += job->len;
}

void
transport_flush(struct transport *t)
{
	ssize_t n;

	while (t->in >= 0 && t->to.len > 0) {
		n = write(t->in, t->to.data, t->to.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			transport_end(t);
			return;
		}
		t->written += (uint64_t)n;
		buf_cut(&t->to, (size_t)n);
	}
}

void
transport_end(struct transport *t)
{
	if (t->in >= 0)
		close(t->in);
	t->in = -1;
}

int
transport_fill(struct transport *t)
{
	ssize_t n = read(t->out, buf_room(&t->from, 16384), 16384);

	if (n > 0) {
		t->from.len += (size_t)n;
		return 1;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 1;
	close(t->out);
	t->out = -1;
	return 0;
}

char *
transport_line(struct transport *t, size_t *n)
{
	char *lf;

	buf_cut(&t->from, t->taken);
	t->taken = 0;
	if (t->from.len == 0)
		return NULL;
	lf = memchr(t->from.data, '\n', t->from.len);
	if (!lf) {
		if (t->from.len > LINE_LIMIT)
			buf_reset(&t->from);
		return NULL;
	}
	*lf = '\0';
	*n = (size_t)(lf - t->from.data);
	t->taken = *n + 1;
	return t->from.data;
}

void
transport_kill(struct transport *t)
{
	if (t->pid > 0)
		kill(-t->pid, SIGKILL);
}

bool
transport_ended(struct transport *t, int *status)
{
	pid_t pid;

	/* Another SIGCHLD would not come. */
	do
		pid = waitpid(t->pid, status, WNOHANG);
	while (pid < 0 && errno == EINTR);
	if (pid != t->pid)
		return false;
	t->pid = -1;
	return true;
}

void
transport_close(struct transport *t)
{
	transport_end(t);
	if (t->out >= 0)
		close(t->out);
	t->out = -1;
	buf_free(&t->to);
	buf_free(&t->from);
}
