#include "reuse.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conn.h"
#include "fdpass.h"

static int
count(const struct reuse *r)
{
	unsigned places = crowd_places(r->crowd);

	return places < REUSE_MAX ? (int)places : REUSE_MAX;
}

void
reuse_begin(struct reuse *r, struct crowd *c)
{
	r->crowd = c;
	for (size_t i = 0; i < REUSE_MAX; i++)
		r->places[i].says = r->places[i].takes = -1;
}

/* Nothing that a descriptor could come with is taken from the process: the last
 * close of one may take as long as whoever made it likes. */
static int
open_both(struct reuse_place *p, struct reuse_ends *ends)
{
	int pair[2], fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	if (shutdown(pair[0], SHUT_RD) < 0 ||
	    pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0) {
		close(pair[0]);
		close(pair[1]);
		return -1;
	}
	*p = (struct reuse_place){.says = fds[0], .takes = pair[0]};
	*ends = (struct reuse_ends){.says = fds[1], .takes = pair[1]};
	return 0;
}

struct reuse_ends
reuse_open(struct reuse *r, int place, const struct peer *p)
{
	struct reuse_ends ends = {-1, -1};

	if (place < REUSE_MAX && r->crowd->from[place] != 0 &&
	    open_both(&r->places[place], &ends) == 0)
		memcpy(r->places[place].addr, p->addr, sizeof p->addr);
	return ends;
}

void
reuse_close_ends(const struct reuse_ends *ends)
{
	if (ends->says < 0)
		return;
	close(ends->says);
	close(ends->takes);
}

/* Reads alone: the pages are the listener's. */
void
reuse_leave(const struct reuse *r)
{
	for (int i = 0; i < count(r); i++)
		reuse_close_ends(&(struct reuse_ends){
		    r->places[i].says, r->places[i].takes});
}

void
reuse_close(struct reuse *r, int place)
{
	struct reuse_place *p = &r->places[place];

	if (place >= REUSE_MAX)
		return;
	reuse_close_ends(&(struct reuse_ends){p->says, p->takes});
	p->says = p->takes = -1;
}

/* Until it is reaped it keeps its place. */
static void
let_go(struct reuse *r, int place)
{
	reuse_close(r, place);
	r->places[place].until = CONN_FOREVER;
	if (r->crowd->rests[place])
		kill(r->crowd->pids[place], SIGKILL);
}

int
reuse_find(const struct reuse *r, const struct peer *p)
{
	for (int i = 0; r->crowd->resting > 0 && i < count(r); i++)
		if (r->crowd->rests[i] && r->places[i].takes >= 0 &&
		    strcmp(r->places[i].addr, p->addr) == 0)
			return i;
	return -1;
}

bool
reuse_give(struct reuse *r, int place, const struct peer *p, int fd)
{
	if (!crowd_wake(r->crowd, place, p))
		return false;
	if (fdpass_send(r->places[place].takes, p, sizeof *p, &fd, 1) == 0)
		return true;
	crowd_rest(r->crowd, place);
	let_go(r, place);
	return false;
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
		if (r->places[i].says >= 0 && !r->crowd->rests[i])
			p[n++] = (struct pollfd){r->places[i].says, POLLIN, 0};
	return n;
}

/* One octet, once a session, is the word of one that is free; whatever else it
 * says is its last. */
static void
hear(struct reuse *r, int place)
{
	struct reuse_place *p = &r->places[place];
	char octets[2];

	if (read(p->says, octets, sizeof octets) == 1 &&
	    ++p->served < REUSE_TIMES && crowd_rest(r->crowd, place))
		p->until = conn_now() + REUSE_REST_MS;
	else
		reuse_close(r, place);
}

void
reuse_hear(struct reuse *r, const struct pollfd *p, size_t n)
{
	for (size_t k = 0; k < n; k++)
		for (int i = 0; p[k].revents != 0 && i < count(r); i++)
			if (r->places[i].says == p[k].fd)
				hear(r, i);
}

int
reuse_wait(const struct reuse *r)
{
	int64_t next = CONN_FOREVER, left;

	for (int i = 0; r->crowd->resting > 0 && i < count(r); i++)
		if (r->crowd->rests[i] && r->places[i].until < next)
			next = r->places[i].until;
	if (next == CONN_FOREVER)
		return -1;
	left = next - conn_now();
	return left > 0 ? (int)left : 0;
}

void
reuse_expire(struct reuse *r)
{
	for (int i = 0; r->crowd->resting > 0 && i < count(r); i++)
		if (r->crowd->rests[i] && r->places[i].until <= conn_now())
			let_go(r, i);
}

bool
reuse_next(const struct reuse_ends *ends, struct peer *p)
{
	int fds[FDPASS_MAX];

	if (ends->says < 0 || write(ends->says, "", 1) != 1)
		return false;
	close(0);
	close(1);
	if (fdpass_recv(ends->takes, p, sizeof *p, fds) != 0 ||
	    dup2(fds[0], 0) < 0 || dup2(fds[0], 1) < 0)
		return false;
	if (fds[0] > 1)
		close(fds[0]);
	return true;
}
