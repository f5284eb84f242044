#include "imapwire.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

static void
sent(void *engine, size_t n)
{
	imap_sent(engine, n);
}

void
imapwire_ask(struct imapwire *w, enum imap_verb verb, uint32_t number,
    const char *arguments)
{
	size_t at = w->imap.out.len;

	imap_ask(&w->imap, verb, number, arguments);
	wire_show(
	    &w->line, "> ", w->imap.out.data + at, w->imap.out.len - at - 2);
	if (imap_waiting(&w->imap) == 1)
		wire_restart(&w->line);
}

static enum imap_event
read_event(struct imapwire *w)
{
	struct wire *l = &w->line;
	enum imap_event event;
	size_t taken;

	event =
	    imap_read(&w->imap, l->in + l->start, l->end - l->start, &taken);
	l->start += taken;
	if (event == IMAP_MORE || event == IMAP_DATA)
		return event;
	if (event != IMAP_BROKEN)
		wire_show(l, "< ", w->imap.line.data, w->imap.line.len - 2);
	if (event <= IMAP_BAD || event == IMAP_MESSAGE)
		wire_restart(l);
	return event;
}

int
imapwire_next(struct imapwire *w, int *code)
{
	enum imap_event event;
	int r;

	for (;;) {
		event = read_event(w);
		if (event == IMAP_BROKEN || event == IMAP_BYE) {
			snprintf(w->why, sizeof w->why, "server: %s",
			    w->imap.said.text);
			*code = event == IMAP_BYE ? EX_TEMPFAIL : EX_PROTOCOL;
			return -1;
		}
		if (event == IMAP_OTHER)
			continue;
		if (event != IMAP_MORE)
			return (int)event;
		r = wire_exchange(&w->line, &w->imap.out, sent, &w->imap);
		if (r > 0)
			continue;
		snprintf(w->why, sizeof w->why, "connection: %s",
		    r ? strerror(errno) : "closed by the server");
		*code = EX_TEMPFAIL;
		return -1;
	}
}

void
imapwire_close(struct imapwire *w)
{
	dial_close(w->line.dial);
	imap_free(&w->imap);
}
