/* The SMTP and LMTP client from memory. The first octet chooses the protocol
 * and the length of pieces, lines of the rest come from the server. Each
 * recipient has one result at most, each message one last event, done only with
 * a result, or with all but who may be put off, nothing comes after the end,
 * and pieces of a line say what the line says. */
#include "fuzz.h"

#include "smtp.h"

#define MESSAGES 3
#define RCPTS 3

struct run {
	struct smtp *s;
	struct smtp_message messages[MESSAGES];
	unsigned begun, results[MESSAGES][RCPTS], ended[MESSAGES], over;
	bool put_off; /* may some be: 452 or 552 is among what comes */
	struct buf said;
};

static void
end_message(struct run *r, size_t i, bool done)
{
	unsigned results = 0;

	must(!r->ended[i]++);
	for (size_t k = 0; k < RCPTS; k++)
		results += r->results[i][k];
	must(!done || results > (r->put_off ? 0 : RCPTS - 1));
}

static void
take(struct run *r, const struct smtp_event *e)
{
	size_t i = e->message ? (size_t)(e->message - r->messages) : 0;

	must(!r->over && i < MESSAGES);
	must(!e->message || (i < r->begun && !r->ended[i]));
	if (e->kind == SMTP_BODY) {
		must(smtp_body(r->s, "Hi\n.\nx", 6));
		must(smtp_body_end(r->s));
	} else if (e->kind == SMTP_RESULT) {
		must(e->rcpt < RCPTS && !r->results[i][e->rcpt]++);
		must(e->fate != BATCH_OK || e->reply->code / 100 == 2);
		must(e->fate != BATCH_PERM || e->reply->code / 100 == 5);
	} else if (e->kind == SMTP_OVER) {
		r->over++;
	} else {
		end_message(r, i, e->kind == SMTP_DONE);
	}
	buf_addf(&r->said, "%d %zu %zu %d %s\n", (int)e->kind, i, e->rcpt,
	    (int)e->fate, e->reply ? e->reply->text : "");
}

static void
drain(struct run *r)
{
	struct smtp_event e;

	for (;;) {
		for (smtp_next(r->s, &e); e.kind != SMTP_NONE;
		     smtp_next(r->s, &e))
			take(r, &e);
		if (r->begun == MESSAGES || !smtp_wants(r->s))
			break;
		smtp_begin(r->s, &r->messages[r->begun++]);
	}
	const struct buf *out = smtp_output(r->s);
	buf_add(&r->said, out->data, out->len);
	smtp_written(r->s, out->len);
}

static void
give(struct run *r, const char *in, size_t n, size_t piece)
{
	size_t at, len;

	for (at = 0; at < n; at += len) {
		const char *lf = memchr(in + at, '\n', n - at);
		size_t left = lf ? (size_t)(lf - in) + 1 - at : n - at;

		len = left < piece ? left : piece;
		smtp_input(r->s, in + at, len);
		drain(r);
	}
}

static void
run(unsigned how, const char *in, size_t n, size_t piece, struct buf *said)
{
	static char none[] = "", from[] = "s@x", ret[] = "RET=HDRS",
		    first[] = "a@y", notify[] = "NOTIFY=NEVER",
		    second[] = "b@y", third[] = "\xc3\xbc@y";
	const struct batch_path sender = {from, ret},
				rcpts[] = {{first, notify}, {second, none},
				    {third, none}};
	const struct esmtp_offer before = {.extensions = ESMTP_PIPELINING};
	struct smtp_options o = {.lmtp = how & 1,
	    .greeting = how & 2,
	    .hostname = "me",
	    .before = &before};
	struct run r = {.s = smtp_open(&o)};

	r.put_off = memmem(in, n, "452", 3) || memmem(in, n, "552", 3);
	for (size_t i = 0; i < MESSAGES; i++)
		r.messages[i] =
		    (struct smtp_message){&sender, rcpts, RCPTS, 10, i};
	drain(&r);
	give(&r, in, n, piece);
	if (how & 4)
		smtp_quit(r.s);
	drain(&r);
	smtp_lost(r.s, "lost");
	drain(&r);
	must(r.over == 1 && !smtp_oldest(r.s));
	for (size_t i = 0; i < r.begun; i++)
		must(r.ended[i] == 1);
	smtp_close(r.s);
	*said = r.said;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf whole, pieces;

	if (n < 2)
		return 0;
	char *in = fuzz_copy(data + 1, n - 1);
	run(data[0] & 7, in, n - 1, n, &whole);
	run(data[0] & 7, in, n - 1, 1 + (data[0] >> 3) % 17, &pieces);
	must_equal(&whole, &pieces);
	buf_free(&whole);
	buf_free(&pieces);
	free(in);
	return 0;
}
