/* The POP3 client's engine from memory. The first octet chooses the length of
 * pieces and what was asked first; the rest comes from the server, to a window
 * of all the commands. In pieces and in one the events must be the same. */
#include "fuzz.h"

#include "pop3.h"

static void
note(const struct pop3 *p, enum pop3_event event, struct buf *said)
{
	if (event == POP3_DATA) {
		buf_add(said, p->data.data, p->data.len);
		return;
	}
	buf_addf(said, "<%d %d %u>", (int)event, (int)p->verb, p->number);
	if (event == POP3_ITEM)
		buf_addf(said, "%u %s", p->item, p->text);
	must(strlen(p->text) == p->text_len && p->text_len <= POP3_LINE);
	must(event != POP3_ITEM || (p->item > 0 && p->item <= POP3_MESSAGES));
}

static void
run(const char *in, size_t n, size_t piece, unsigned verb, struct buf *said)
{
	enum pop3_event event = POP3_MORE;
	struct pop3 p = {.waiting = 0};
	size_t at = 0, taken;

	for (unsigned k = 0; k <= POP3_QUIT; k++, verb++)
		for (uint32_t i = 1; i <= 3; i++)
			pop3_ask(
			    &p, (enum pop3_verb)(verb % (POP3_QUIT + 1)), i);
	pop3_sent(&p, p.out.len);
	while (event != POP3_BROKEN && (at < n || event != POP3_MORE)) {
		size_t left = n - at < piece ? n - at : piece;

		event = pop3_read(&p, in + at, left, &taken);
		must(taken <= left);
		must(event != POP3_MORE || taken == left);
		at += taken;
		if (event != POP3_MORE)
			note(&p, event, said);
		must(p.line.len <= POP3_LINE);
	}
	pop3_free(&p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf whole = BUF_INIT, pieces = BUF_INIT;

	if (n < 2)
		return 0;
	const char *in = (const char *)data + 1;
	run(in, n - 1, n, data[0] / 17, &whole);
	run(in, n - 1, 1 + data[0] % 17, data[0] / 17, &pieces);
	must_equal(&whole, &pieces);
	buf_free(&whole);
	buf_free(&pieces);
	return 0;
}
