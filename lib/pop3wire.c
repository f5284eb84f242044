#include "pop3wire.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

static void
sent(void *engine, size_t n)
{
	pop3_sent(engine, n);
}

void
pop3wire_ask(struct pop3wire *w, enum pop3_verb verb, uint32_t number)
{
	size_t at = w->pop.out.len;

	pop3_ask(&w->pop, verb, number);
	wire_show(
	    &w->line, "> ", w->pop.out.data + at, w->pop.out.len - at - 2);
	if (pop3_waiting(&w->pop) == 1)
		wire_restart(&w->line);
}

int
pop3wire_next(struct pop3wire *w, int *code)
{
	enum pop3_event event;
	size_t taken;
	int r;

	for (;;) {
		event = pop3_read(&w->pop, w->line.in + w->line.start,
		    w->line.end - w->line.start, &taken);
		w->line.start += taken;
		if (event == POP3_OK)
			wire_show(
			    &w->line, "< +OK ", w->pop.text, w->pop.text_len);
		else if (event == POP3_ERR)
			wire_show(
			    &w->line, "< -ERR ", w->pop.text, w->pop.text_len);
		if (event == POP3_OK || event == POP3_ERR || event == POP3_END)
			wire_restart(&w->line);
		if (event == POP3_BROKEN) {
			snprintf(
			    w->why, sizeof w->why, "server: %s", w->pop.text);
			*code = EX_PROTOCOL;
			return -1;
		}
		if (event != POP3_MORE)
			return (int)event;
		r = wire_exchange(&w->line, &w->pop.out, sent, &w->pop);
		if (r > 0)
			continue;
		snprintf(w->why, sizeof w->why, "connection: %s",
		    r ? strerror(errno) : "closed by the server");
		*code = EX_TEMPFAIL;
		return -1;
	}
}

void
pop3wire_close(struct pop3wire *w)
{
	dial_close(w->line.dial);
	pop3_free(&w->pop);
}
