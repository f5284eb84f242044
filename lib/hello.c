#include "hello.h"

#include <stdio.h>

static void
say(struct hello *h, struct pipeline *p, enum verb verb)
{
	struct buf line = BUF_INIT;

	buf_addf(&line, "%s %s",
	    verb == HELO  ? "HELO"
		: h->lmtp ? "LHLO"
			  : "EHLO",
	    h->hostname);
	pipeline_command(p, verb, NULL, 0, &line);
}

void
hello_begin(
    struct hello *h, struct pipeline *p, const char *hostname, bool greeting)
{
	h->greeted = !greeting;
	snprintf(h->hostname, sizeof h->hostname, "%s", hostname);
	if (greeting)
		pipeline_expect(p, GREETING, NULL, 0);
	else
		say(h, p, EHLO);
}

static int
ready(struct hello *h, struct pipeline *p)
{
	if (h->no_chunks)
		p->offer.extensions &= ~ESMTP_CHUNKING;
	h->ready = true;
	return 1;
}

int
hello_reply(struct hello *h, struct pipeline *p, enum verb verb)
{
	int code = p->reply.code;

	if (code / 100 == 2 && verb != GREETING)
		return ready(h, p);
	if (code == 503 && h->greeted) {
		/* OpenSMTPD and others take one EHLO only, and it was not
		 * ours: what they said to it holds. */
		p->offer = h->before;
		return ready(h, p);
	}
	if (verb == GREETING && code / 100 == 2) {
		say(h, p, EHLO);
		return 0;
	}
	if (verb == EHLO && code / 100 == 5 && !h->lmtp) {
		p->offer = (struct esmtp_offer){0};
		say(h, p, HELO);
		return 0;
	}
	return -1;
}
