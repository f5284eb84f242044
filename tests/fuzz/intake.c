/* What a user's message becomes, and what an answer takes from it. The first
 * octet chooses the settings and the length of pieces. In pieces and in one all
 * is the same; no Bcc stays, a second time nothing changes unless there is a
 * bare CR, and that is where the scan finds it. */
#include "fuzz.h"

#include <strings.h>

#include "intake.h"
#include "original.h"
#include "scan.h"

static uint64_t
take(unsigned how, const char *in, size_t n, size_t piece, struct buf *out,
    struct buf *said)
{
	struct intake i = {.keep_bcc = how & 1, .collect = how & 2};
	const char *what = NULL;
	uint64_t offense;

	for (size_t at = 0, len; at < n; at += len) {
		len = n - at < piece ? n - at : piece;
		intake(&i, in + at, len, out);
	}
	intake_end(&i, out);
	must(i.octets == n);
	must(i.collect || (i.to.len == 0 && i.resent.len == 0));
	offense = intake_offense(&i, &what);
	buf_addf(said, "%u%d%d%d%d %ju ", i.hops, i.has_date, i.has_id,
	    i.has_from, i.header_done, offense);
	buf_add(said, i.to.data, i.to.len);
	buf_add(said, i.resent.data, i.resent.len);
	buf_add(said, i.bad.data, i.bad.len);
	intake_free(&i);
	return offense;
}

static bool
is_bcc(const struct header *h)
{
	return (h->name_len == 3 && !strncasecmp(h->name, "Bcc", 3)) ||
	    (h->name_len == 10 && !strncasecmp(h->name, "Resent-Bcc", 10));
}

/* The first line is a From_ line only where it was before. */
static void
check_first(const char *in, size_t n, const struct buf *out)
{
	must(out->len < 5 || !header_is_from(out->data, out->len) ||
	    (n >= 5 && memcmp(in, out->data, 5) == 0));
}

static void
check_no_bcc(const struct buf *out)
{
	struct header h = {0};

	for (size_t at = 0, len; at < out->len; at += len) {
		const char *line = out->data + at;
		const char *lf = memchr(line, '\n', out->len - at);

		len = lf ? (size_t)(lf - line) + 1 : out->len - at;
		enum header_kind kind = header_next(&h, line, len);
		if (kind >= HEADER_END)
			return;
		must(kind != HEADER_FIELD || !is_bcc(&h));
	}
}

static void
check_scan(const char *in, size_t n, size_t piece)
{
	struct scan whole = {0}, pieces = {0};
	struct intake i = {0};
	struct buf out = BUF_INIT;
	const char *what = NULL;

	scan(&whole, in, n);
	scan_end(&whole);
	for (size_t at = 0, len; at < n; at += len) {
		len = n - at < piece ? n - at : piece;
		scan(&pieces, in + at, len);
	}
	scan_end(&pieces);
	must(whole.offset == pieces.offset && whole.what == pieces.what);
	must(whole.octets == n && pieces.lf == whole.lf);
	must(whole.offset || scan_wire(&whole) == scan_wire(&pieces));
	intake(&i, in, n, &out);
	intake_end(&i, &out);
	must(intake_offense(&i, &what) == whole.offset);
	intake_free(&i);
	buf_free(&out);
}

static void
check_original(const char *in, size_t n)
{
	struct original o = {.id = BUF_INIT};
	struct buf id = BUF_INIT, references = BUF_INIT;

	original_read(&o, in, n);
	original_references(&o, &id, &references);
	const struct buf *values[] = {&id, &references, &o.subject, &o.from};
	for (size_t i = 0; i < sizeof values / sizeof *values; i++)
		for (size_t k = 0; k < values[i]->len; k++)
			must((unsigned char)values[i]->data[k] >= ' ');
	buf_free(&id);
	buf_free(&references);
	original_free(&o);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf whole = BUF_INIT, pieces = BUF_INIT, again = BUF_INIT;
	struct buf said = BUF_INIT, told = BUF_INIT;

	if (n < 1)
		return 0;
	unsigned how = data[0] & 3, piece = 1 + (data[0] >> 2) % 17;
	char *in = fuzz_copy(data + 1, --n);
	bool bare = take(how, in, n, n + 1, &whole, &said);
	take(how, in, n, piece, &pieces, &told);
	must_equal(&whole, &pieces);
	must_equal(&said, &told);
	take(how, whole.data, whole.len, whole.len + 1, &again, &told);
	check_first(in, n, &whole);
	if (!(how & 1))
		check_no_bcc(&whole);
	if (!bare)
		must_equal(&whole, &again);
	check_scan(in, n, piece);
	check_original(in, n);
	buf_free(&whole);
	buf_free(&pieces);
	buf_free(&again);
	buf_free(&said);
	buf_free(&told);
	free(in);
	return 0;
}
