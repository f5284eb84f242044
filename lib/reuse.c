#include "reuse.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conn.h"
#include "fdpass.h"

static int
count(const struct reuse *r)
{
	return r->crowd->max < REUSE_MAX ? (int)r->crowd->max : REUSE_MAX;
}

static bool
rests(const struct reuse *r, int place)
{
	return r->crowd->kept[place] != 0;
}

void
reuse_begin(struct reuse *r, struct crowd *c)
{
	r->crowd = c;
	for (size_t i = 0; i < REUSE_MAX; i++)
		r->places[i].channel = -1;
}

int
reuse_open(struct reuse *r, int place)
{
	int pair[2];

	if (place >= REUSE_MAX || r->crowd->from[place] == 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	r->places[place] = (struct reuse_place){.channel = pair[0]};
	return pair[1];
}

void
reuse_close(struct reuse *r, int place)
{
	if (place >= REUSE_MAX || r->places[place].channel < 0)
		return;
	close(r->places[place].channel);
	r->places[place].channel = -1;
}

void
reuse_leave(struct reuse *r)
{
	for (int i = 0; i < count(r); i++)
		reuse_close(r, i);
}

/* Who rests hears it by the end of the channel. */
static void
let_go(struct reuse *r, int place)
{
	reuse_close(r, place);
	if (!rests(r, place))
		return;
	crowd_dismiss(r->crowd, place);
	r->places[place].until = conn_now() + REUSE_LEAVE_MS;
}

bool
reuse_give(struct reuse *r, const struct peer *p, int fd)
{
	int place = crowd_resting(r->crowd, p);

	if (place < 0 || !crowd_wake(r->crowd, place))
		return false;
	if (fdpass_send(r->places[place].channel, p, sizeof *p, &fd, 1) == 0)
		return true;
	crowd_rest(r->crowd, place);
	let_go(r, place);
	return false;
}

/* It has nothing to lose, and its place is needed now. */
void
reuse_make_room(struct reuse *r)
{
	struct crowd *c = r->crowd;
	int oldest = -1;
	pid_t pid;

	if (c->resting == 0 || c->running + c->resting < c->max)
		return;
	for (int i = 0; i < count(r); i++)
		if (rests(r, i) &&
		    (oldest < 0 ||
			r->places[i].until < r->places[oldest].until))
			oldest = i;
	pid = c->pids[oldest];
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	reuse_close(r, crowd_leave(c, pid));
}

void
reuse_retire(struct reuse *r)
{
	for (int i = 0; i < count(r); i++)
		let_go(r, i);
}

size_t
reuse_poll(const struct reuse *r, struct pollfd *p)
{
	size_t n = 0;

	for (int i = 0; i < count(r); i++)
		if (r->places[i].channel >= 0 && !rests(r, i))
			p[n++] =
			    (struct pollfd){r->places[i].channel, POLLIN, 0};
	return n;
}

/* What is not the word of one that is free is the end of its channel. */
static void
hear(struct reuse *r, int place)
{
	struct reuse_place *p = &r->places[place];
	char octet;

	if (recv(p->channel, &octet, 1, MSG_DONTWAIT) != 1 ||
	    ++p->served >= REUSE_TIMES) {
		reuse_close(r, place);
		return;
	}
	p->until = conn_now() + REUSE_REST_MS;
	crowd_rest(r->crowd, place);
}

void
reuse_hear(struct reuse *r, const struct pollfd *p, size_t n)
{
	for (size_t k = 0; k < n; k++)
		for (int i = 0; p[k].revents != 0 && i < count(r); i++)
			if (r->places[i].channel == p[k].fd)
				hear(r, i);
}

int
reuse_wait(const struct reuse *r)
{
	int64_t next = CONN_FOREVER, left;

	if (r->crowd->resting == 0)
		return -1;
	for (int i = 0; i < count(r); i++)
		if (rests(r, i) && r->places[i].until < next)
			next = r->places[i].until;
	left = next - conn_now();
	return left > REUSE_REST_MS ? REUSE_REST_MS : left > 0 ? (int)left : 0;
}

void
reuse_expire(struct reuse *r)
{
	for (int i = 0; r->crowd->resting > 0 && i < count(r); i++) {
		struct reuse_place *p = &r->places[i];

		if (!rests(r, i) || conn_now() < p->until)
			continue;
		if (p->channel < 0)
			kill(r->crowd->pids[i], SIGKILL);
		let_go(r, i);
	}
}

bool
reuse_next(int channel, struct peer *p)
{
	int fds[FDPASS_MAX];

	if (send(channel, "", 1, MSG_NOSIGNAL) != 1)
		return false;
	close(0);
	close(1);
	if (fdpass_recv(channel, p, sizeof *p, fds) != 0 ||
	    dup2(fds[0], 0) < 0 || dup2(fds[0], 1) < 0)
		return false;
	if (fds[0] > 1)
		close(fds[0]);
	return true;
}
