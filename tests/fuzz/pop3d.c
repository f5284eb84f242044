/* The POP3 server's dialogue from memory. The first octet chooses the settings
 * and the length of pieces; the rest comes from the client. In pieces and in
 * one the replies must be the same, no event may come before its state, and
 * nothing after the end. */
#include "fuzz.h"

#include "pop3d.h"

static enum pop3d_answer
act(const struct pop3d *p, enum pop3d_event event)
{
	must(p->in == (event != POP3D_LOGIN && event != POP3D_STLS));
	must(p->number <= POP3_MESSAGES);
	if (event == POP3D_STLS) {
		must(p->starttls && !p->tls);
		return POP3D_DONE;
	}
	if (event != POP3D_LOGIN)
		return (enum pop3d_answer)(p->number % (POP3D_CUT + 1));
	must((p->clear || p->tls) && *p->user && *p->password);
	must(strlen(p->user) + strlen(p->password) <= SASL_PAIR);
	return *p->password == 'y' ? POP3D_DONE : POP3D_DENIED;
}

static void
take_replies(struct pop3d *p, struct buf *said)
{
	buf_add(said, p->out.data, p->out.len);
	buf_reset(&p->out);
}

/* The handshake takes the next octet, whatever it is. */
static size_t
shake_hands(struct pop3d *p, const char *in, size_t n)
{
	enum pop3d_event event;

	must(pop3d_take(p, in, n, &event) == n && event == POP3D_MORE);
	pop3d_secure(p);
	must(p->out.len == 0);
	return n > 0;
}

static void
run(unsigned how, const char *in, size_t n, size_t piece, struct buf *said)
{
	enum pop3d_event event = POP3D_MORE;
	struct pop3d p = {.clear = how & 1, .starttls = how & 2};
	size_t at = 0;

	pop3d_begin(&p);
	take_replies(&p, said);
	while (event != POP3D_CLOSE && (at < n || event != POP3D_MORE)) {
		size_t left = n - at < piece ? n - at : piece;
		size_t taken = pop3d_take(&p, in + at, left, &event);

		must(taken <= left);
		must(event != POP3D_MORE || taken == left);
		must(event != POP3D_CLOSE || taken == 0);
		at += taken;
		if (event > POP3D_REPLIED && event < POP3D_CLOSE)
			pop3d_answer(&p, act(&p, event));
		if (event != POP3D_MORE)
			buf_addf(said, "%d ", (int)event);
		take_replies(&p, said);
		if (p.in_handshake)
			at += shake_hands(&p, in + at, n - at);
		must(p.errors <= POP3D_ERRORS && p.tries <= POP3D_TRIES);
	}
	pop3d_free(&p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf whole = BUF_INIT, pieces = BUF_INIT;

	if (n < 2)
		return 0;
	const char *in = (const char *)data + 1;
	run(data[0] & 3, in, n - 1, n, &whole);
	run(data[0] & 3, in, n - 1, 1 + (data[0] >> 2) % 17, &pieces);
	must_equal(&whole, &pieces);
	buf_free(&whole);
	buf_free(&pieces);
	return 0;
}
