/* The IMAP client's engine from memory. The first octet chooses the length of
 * pieces, the second what was asked first; the rest comes from the server, to
 * a window of commands. In pieces and in one the events must be the same. */
#include "fuzz.h"

#include "imap.h"

static void
note(struct imap *i, enum imap_event event, struct buf *said)
{
	if (event == IMAP_DATA) {
		buf_add(said, i->said.data.data, i->said.data.len);
		return;
	}
	buf_addf(
	    said, "<%d %d %u>", (int)event, (int)i->said.verb, i->said.number);
	if (event == IMAP_MAILBOX || event == IMAP_COUNTS)
		buf_add(said, i->said.name.data, i->said.name.len);
	if (event == IMAP_MESSAGE) {
		must(strlen(i->said.flags) < IMAP_FLAGS);
		must(!i->said.has_body || i->said.uid);
		buf_addf(said, "%u %s", i->said.uid, i->said.flags);
	}
	must(strlen(i->said.text) <= IMAP_TEXT &&
	    strlen(i->said.code) < sizeof i->said.code);
}

static void
run(const char *in, size_t n, size_t piece, int verb, struct buf *said)
{
	enum imap_event event = IMAP_MORE;
	struct imap i = {.waiting = 0};
	size_t at = 0, taken;

	for (int k = 0; k < 12; k++)
		imap_ask(&i, (enum imap_verb)((verb + k) % (IMAP_LOGOUT + 1)),
		    (uint32_t)k, NULL);
	imap_sent(&i, i.out.len);
	while (event != IMAP_BROKEN && (at < n || event != IMAP_MORE)) {
		size_t left = n - at < piece ? n - at : piece;

		event = imap_read(&i, in + at, left, &taken);
		must(taken <= left);
		must(event != IMAP_MORE || taken == left);
		at += taken;
		if (event != IMAP_MORE)
			note(&i, event, said);
		must(i.line.len <= IMAP_LINE);
	}
	imap_free(&i);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf whole = BUF_INIT, pieces = BUF_INIT;

	if (n < 3)
		return 0;
	run((const char *)data + 2, n - 2, n, data[1], &whole);
	run((const char *)data + 2, n - 2, 1 + data[0] % 17, data[1], &pieces);
	must_equal(&whole, &pieces);
	buf_free(&whole);
	buf_free(&pieces);
	return 0;
}
