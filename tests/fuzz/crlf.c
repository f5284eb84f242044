/* Line ends and the DATA decoder, cut at every place. Nothing but CR LF . CR LF
 * ends data, what is put on the wire comes back, and content keeps its limits.
 */
#include "fuzz.h"

#include "content.h"
#include "crlf.h"

static void
decode(const char *in, size_t n, size_t cut, struct buf *said)
{
	struct crlf_data d = {0};
	bool end = false;
	size_t taken = crlf_data(&d, in, cut, said, &end);

	must(taken == cut || end);
	if (!end)
		taken += crlf_data(&d, in + cut, n - cut, said, &end);
	must(taken == n || end);
	if (end)
		must(taken >= 3 && !memcmp(in + taken - 3, ".\r\n", 3) &&
		    (taken == 3 ||
			(taken > 4 && in[taken - 4] == '\n' &&
			    in[taken - 5] == '\r')));
	buf_addf(said, "%zu %d%d%d%d", taken, end, d.nul, d.bare_cr, d.bare_lf);
}

static void
take_either(const char *in, size_t n, size_t cut, bool chunks, struct buf *said)
{
	struct content c = {0};
	bool end = false;

	content_begin(&c, 200, false, chunks);
	content_chunk(&c, n, true);
	size_t taken = content_take(&c, in, cut, &end);
	if (!end)
		taken += content_take(&c, in + cut, n - cut, &end);
	must(!chunks || (end && taken == n));
	const char *fault = content_end(&c);
	must(fault || (c.size <= 200 && c.body.len == c.size));
	must(!fault || (c.body.len == 0 && *fault == '5'));
	buf_addf(said, "%zu %d %s", taken, end, fault ? fault : "");
	buf_add(said, c.body.data, c.body.len);
	content_free(&c);
}

static void
take(const char *in, size_t n, size_t cut, struct buf *said)
{
	take_either(in, n, cut, false, said);
}

static void
take_chunks(const char *in, size_t n, size_t cut, struct buf *said)
{
	take_either(in, n, cut, true, said);
}

/* What has LF line ends, and neither NUL nor CR, comes back whole. */
static void
round_trip(const char *in, size_t n)
{
	struct crlf_wire w = {.bol = true, .stuff = true};
	struct buf wire = BUF_INIT, back = BUF_INIT, want = BUF_INIT;
	struct crlf_data d = {0};
	bool end;

	if (memchr(in, '\r', n) || memchr(in, '\0', n))
		return;
	crlf_wire(&w, in, n, &wire);
	crlf_wire_end(&w, &wire);
	buf_adds(&wire, ".\r\n");
	must(crlf_data(&d, wire.data, wire.len, &back, &end) == wire.len);
	must(end && !d.nul && !d.bare_cr && !d.bare_lf);
	buf_add(&want, in, n);
	if (n && in[n - 1] != '\n')
		buf_addc(&want, '\n');
	must_equal(&want, &back);
	buf_free(&wire);
	buf_free(&back);
	buf_free(&want);
}

static void
text(const char *in, size_t n, size_t cut, struct buf *said)
{
	struct crlf_wire w = {.bol = true, .stuff = true};
	struct crlf_text t = {0};

	crlf_text(&t, in, cut, said);
	crlf_text(&t, in + cut, n - cut, said);
	crlf_text_end(&t, said);
	must(t.offset == n && t.nul <= n && t.bare_cr <= n);
	buf_addf(said, "%ju %ju", t.nul, t.bare_cr);
	crlf_wire(&w, in, cut, said);
	crlf_wire(&w, in + cut, n - cut, said);
	crlf_wire_end(&w, said);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	void (*const runs[])(const char *, size_t, size_t, struct buf *) = {
	    decode, take, take_chunks, text};
	struct buf whole = BUF_INIT, cut = BUF_INIT;
	char *in = fuzz_copy(data, n);

	for (size_t k = 0; k < 4; k++) {
		buf_reset(&whole);
		runs[k](in, n, n, &whole);
		for (size_t i = 0; i < n; i += 1 + n / 64) {
			buf_reset(&cut);
			runs[k](in, n, i, &cut);
			must_equal(&whole, &cut);
		}
	}
	round_trip(in, n);
	buf_free(&whole);
	buf_free(&cut);
	free(in);
	return 0;
}
