#include "contact.h"

#include <errno.h>
#include <string.h>

#include "conn.h"

int
contact_open(struct contact *k, struct url *place,
    const struct dial_options *options, bool lmtp, struct buf *trace,
    struct reply *why, int *exit_code)
{
	struct smtp_options o = {.lmtp = lmtp,
	    .greeting = lmtp,
	    .no_chunks = k->no_chunks,
	    .hostname = options->hostname,
	    .trace = trace};

	*k = (struct contact){.no_chunks = k->no_chunks,
	    .dial = dial_open(place, options, why, exit_code)};
	if (!k->dial)
		return -1;
	o.before = dial_offer(k->dial);
	k->smtp = smtp_open(&o);
	k->since = conn_now();
	return 0;
}

void
contact_close(struct contact *k)
{
	bool none = k->no_chunks || (k->smtp && smtp_lacks_chunks(k->smtp));

	smtp_close(k->smtp);
	dial_close(k->dial);
	*k = (struct contact){.no_chunks = none};
}

void
contact_lose(struct contact *k, const char *why)
{
	k->lost = true;
	smtp_lost(k->smtp, why);
}

void
contact_receive(struct contact *k)
{
	char data[16384];
	ssize_t n = 0;

	k->more = false;
	for (int i = 0; k->smtp && !k->lost && i < 4; i++) {
		n = dial_recv(k->dial, data, sizeof data);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0)
			contact_lose(k,
			    n == 0 ? "server closed the connection"
				   : "connection lost");
		else
			smtp_input(k->smtp, data, (size_t)n);
	}
	k->more = n > 0;
}

void
contact_flush(struct contact *k)
{
	const struct buf *out;

	while (k->smtp && !k->lost && (out = smtp_output(k->smtp))->len) {
		ssize_t n = dial_send(k->dial, out->data, out->len);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			contact_receive(k);
			contact_lose(k, "connection lost while sending");
			return;
		}
		smtp_written(k->smtp, (size_t)n);
		k->since = conn_now();
	}
}

bool
contact_is_full(const struct contact *k)
{
	return k->smtp && smtp_output(k->smtp)->len >= CONTACT_BLOCK;
}

void
contact_took_all(struct contact *k)
{
	if (k->replies != smtp_replies(k->smtp))
		k->since = conn_now();
	k->replies = smtp_replies(k->smtp);
}

int64_t
contact_left(
    const struct contact *k, const struct dial_options *options, unsigned idle)
{
	unsigned limit = smtp_seconds(k->smtp);

	if (options->timeout && options->timeout < limit)
		limit = options->timeout;
	if (idle)
		limit = idle;
	if (!limit)
		return CONN_FOREVER;
	return k->since + limit * INT64_C(1000) - conn_now();
}
