/* Activation (FORMATS 7): the same session code under inetd, xinetd,
 * tcpserver, systemd sockets and as its own super-server. */
#ifndef SERVE_H
#define SERVE_H

#include <stdbool.h>
#include <stddef.h>

#include "peer.h"

struct serve {
	const char *const *listen; /* ADDR:PORT, [ADDR]:PORT, :PORT or a path */
	size_t listens;
	bool becomes;      /* the sessions another user */
	unsigned max;      /* sessions at once, in all; 0: 200 */
	unsigned per_addr; /* from one IPv4 /32 or IPv6 /64 (Unix sockets
				are bounded by max alone); 0: 20 */
	/* What comes from one of these is counted against whom the session
	 * names by serve_claim, which all then call; NULL: none are. */
	const struct networks *proxies;
	/* Whether what sessions were begun with is out of date, so that none
	 * may go on with it. NULL: a process is for one session alone; else
	 * serve_next has more, and SIGPIPE is ignored. */
	bool (*outdated)(void *arg);
	const char *busy; /* the line sent beyond, with CRLF: "421 ..." */
	/* A connection on fds in and out, and, with serve_next, others behind
	 * it, in a process of its own under a listener; returns the exit
	 * status. */
	int (*session)(int in, int out, void *arg);
	void *arg;
};

/* Listens on what --listen says; else on or with LISTEN_PID's descriptors;
 * else on fd 0 if it listens; else fds 0 and 1 are the peer, and session runs
 * here. A listener says `event=listening address=...` once ready, before that
 * `event=root` if that is what its sessions run as, exits 0 on SIGTERM when its
 * sessions in progress are told (SIGTERM) and done, and accepts until then. The
 * session finds fd 0 and 1 to be the peer in every form; one that must finish
 * what it does blocks SIGTERM for that long. Under inetd's `wait' it goes on
 * until it is told. Returns the exit status; an address that cannot be had is
 * 71, one that is none 64. */
int serve(const struct serve *s);
/* In a session, before it serves: p has a share left. Where not, it says busy
 * and ends. */
bool serve_claim(const struct peer *p);
/* In a session that is over, and left nothing in this process that another
 * client of the address may not meet: the next connection from there, p, is on
 * fds 0 and 1; false: there is none. */
bool serve_next(struct peer *p);
/* The end of a process that served: what exit tears down piece by piece goes at
 * once, unless a leak checker wants to see it. */
_Noreturn void serve_end(int code);

#endif
