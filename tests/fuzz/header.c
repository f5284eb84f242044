/* The walk of a header, in lines. Kinds come in the order that a message has,
 * a name is within its piece, and fields on top are set apart where they must
 * be. Then trace, in pieces and in one. */
#include "fuzz.h"

#include "header.h"
#include "trace.h"

static void
walk(const char *in, size_t n)
{
	enum header_kind last = HEADER_FROM;
	struct header h = {0};
	size_t at = 0, len;

	for (; at < n; at += len) {
		const char *lf = memchr(in + at, '\n', n - at);

		len = lf ? (size_t)(lf - in) + 1 - at : n - at;
		enum header_kind kind = header_next(&h, in + at, len);
		must(kind != HEADER_FROM || at == 0);
		must(last < HEADER_END || kind == HEADER_BODY);
		must(kind != HEADER_FOLD || last <= HEADER_FOLD);
		if (kind == HEADER_FIELD) {
			must(h.name == in + at && h.name_len > 0);
			must(h.name_len < h.value && h.value <= len);
			must(!memchr(h.name, ':', h.name_len));
		}
		if (at == 0)
			must(
			    header_needs_gap(in, len) == (kind == HEADER_BODY));
		last = kind;
	}
}

/* Fields on top and nothing else: what comes out ends in what went in. */
static void
trace(const char *in, size_t n, size_t piece, struct buf *said)
{
	static const char *const rcpts[] = {"a@b"};
	struct trace t = {.rcpts = rcpts, .n = 1};
	const char *why = NULL;
	int bad = 0;

	for (size_t at = 0; at < n && !bad; at += piece)
		bad = trace_feed(
		    &t, in + at, n - at < piece ? n - at : piece, said, &why);
	bad = bad || trace_end(&t, said, &why);
	must(!bad == !why);
	must(bad || (said->len >= n && said->len <= n + 1));
	must(bad || !n || !memcmp(said->data + said->len - n, in, n));
	if (bad) {
		buf_reset(said);
		buf_adds(said, why);
	}
	trace_free(&t);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf whole = BUF_INIT, pieces = BUF_INIT;

	if (n < 2)
		return 0;
	char *in = fuzz_copy(data + 1, n - 1);
	walk(in, n - 1);
	trace(in, n - 1, n, &whole);
	trace(in, n - 1, 1 + data[0] % 17, &pieces);
	must_equal(&whole, &pieces);
	buf_free(&whole);
	buf_free(&pieces);
	free(in);
	return 0;
}
