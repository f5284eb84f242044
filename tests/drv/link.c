/* link PORT MILLISECONDS: a link to 127.0.0.1:PORT whose round trip takes so
 * long, at any rate: what came, and the end, goes half of that time later, in
 * order. Prints its own port. What is under way is bounded. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"
#include "listener.h"

#define WAYS 64 /* two for each connection */
#define PIECES 4096
#define ROOM 4194304
#define SECOND INT64_C(1000000000)

/* From one socket to the other, 0 when there is none. On their way are pieces
 * first to next - 1; one that never had octets is the end. */
static struct way {
	int from, to;
	unsigned first, next;
	size_t held;
	struct piece {
		int64_t due;
		struct buf data;
	} pieces[PIECES];
} ways[WAYS];
static struct sockaddr_in far = {.sin_family = AF_INET};
static int64_t delay;

static int64_t
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * SECOND + t.tv_nsec;
}

static void
take(struct way *w)
{
	struct piece *p = &w->pieces[w->next++ % PIECES];
	static char data[262144];
	ssize_t n = recv(w->from, data, sizeof data, 0);

	*p = (struct piece){.due = now() + delay};
	if (n > 0)
		buf_add(&p->data, data, (size_t)n);
	else
		w->from = close(w->from);
	w->held += p->data.len;
}

/* Sends what is due, or loses it where nobody takes it any more. Returns when
 * the first piece that stays is due. */
static int64_t
pass(struct way *w, int64_t at)
{
	while (w->first != w->next) {
		struct piece *p = &w->pieces[w->first % PIECES];
		if (p->due > at)
			return p->due;
		ssize_t n = send(w->to, p->data.data, p->data.len,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN)
			return p->due;
		size_t gone = n < 0 ? p->data.len : (size_t)n;
		if (!p->data.data) {
			shutdown(w->to, SHUT_WR);
			w->to = close(w->to);
		}
		w->held -= gone;
		buf_cut(&p->data, gone);
		if (p->data.len)
			continue;
		buf_free(&p->data);
		w->first++;
	}
	return INT64_MAX;
}

static void
begin(struct way *w, int listener)
{
	int near = accept(listener, NULL, NULL), on = 1;
	int to = socket(AF_INET, SOCK_STREAM, 0);

	connect(to, (struct sockaddr *)&far, sizeof far);
	setsockopt(near, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	setsockopt(to, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	w[0] = (struct way){.from = near, .to = to};
	w[1] = (struct way){.from = dup(to), .to = dup(near)};
}

static void
serve(int listener)
{
	static struct pollfd p[2 * WAYS + 1];
	int64_t at = now(), next = INT64_MAX;
	struct way *vacant = NULL;

	for (int i = 0; i < WAYS; i++) {
		struct way *w = &ways[i];
		int64_t due = pass(w, at);
		int room = w->held < ROOM && w->next - w->first < PIECES;
		p[2 * i].fd = room && w->from ? w->from : -1;
		p[2 * i].events = POLLIN;
		p[2 * i + 1].fd = due <= at ? w->to : -1;
		p[2 * i + 1].events = POLLOUT;
		next = due > at && due < next ? due : next;
		if (!w->to && !ways[i ^ 1].to)
			vacant = &ways[i & ~1];
	}
	p[2 * WAYS] = (struct pollfd){vacant ? listener : -1, POLLIN, 0};
	at = next > now() ? next - now() : 0;
	ppoll(p, 2 * WAYS + 1, &(struct timespec){at / SECOND, at % SECOND},
	    NULL);
	for (int i = 0; i < WAYS; i++)
		if (p[2 * i].revents)
			take(&ways[i]);
	if (p[2 * WAYS].revents)
		begin(vacant, listener);
}

int
main(int argc, char *argv[])
{
	int listener = listener_open("127.0.0.1:0");
	char name[128];

	if (argc != 3 || listener < 0)
		return 64;
	far.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	far.sin_port = htons((uint16_t)atoi(argv[1]));
	delay = atoi(argv[2]) * (SECOND / 2000);
	listener_name(listener, name);
	printf("%s\n", strrchr(name, ':') + 1);
	fflush(stdout);
	for (;;)
		serve(listener);
}
