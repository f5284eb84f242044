/* crlf text|wire|stuff|data|chunks [SIZE|splits]: feeds standard input in
 * pieces of SIZE octets, writes what comes out, and on stderr what was noted.
 */
#include "drv.h"

#include "crlf.h"

static const char *mode;

static void
feed_text(
    const char *in, size_t n, size_t size, struct buf *out, struct buf *notes)
{
	struct crlf_text t = {0};

	for (size_t i = 0; i < n; i += size)
		crlf_text(&t, in + i, n - i < size ? n - i : size, out);
	crlf_text_end(&t, out);
	buf_addf(notes, "offset=%ju nul=%ju bare_cr=%ju\n", t.offset, t.nul,
	    t.bare_cr);
}

static void
feed_wire(const char *in, size_t n, size_t size, struct buf *out)
{
	struct crlf_wire w = {.bol = true, .stuff = *mode == 's'};

	for (size_t i = 0; i < n; i += size)
		crlf_wire(&w, in + i, n - i < size ? n - i : size, out);
	crlf_wire_end(&w, out);
}

static void
feed_data(
    const char *in, size_t n, size_t size, struct buf *out, struct buf *notes)
{
	struct crlf_data d = {.chunks = *mode == 'c'};
	bool end = false;
	size_t taken = 0;

	while (taken < n && !end) {
		size_t piece = n - taken < size ? n - taken : size;

		taken += crlf_data(&d, in + taken, piece, out, &end);
	}
	crlf_data_end(&d);
	buf_addf(notes, "taken=%zu end=%d nul=%d bare_cr=%d bare_lf=%d\n",
	    taken, end, d.nul, d.bare_cr, d.bare_lf);
}

static void
feed(const char *in, size_t n, size_t size, struct buf *out, struct buf *notes)
{
	if (*mode == 't')
		feed_text(in, n, size, out, notes);
	else if (*mode == 'd' || *mode == 'c')
		feed_data(in, n, size, out, notes);
	else
		feed_wire(in, n, size, out);
}

static void
cut_text(const char *a, size_t n, const char *b, size_t m, struct buf *out)
{
	struct crlf_text t = {0};

	crlf_text(&t, a, n, out);
	crlf_text(&t, b, m, out);
	crlf_text_end(&t, out);
	buf_addf(out, "%ju %ju %ju", t.offset, t.nul, t.bare_cr);
}

static void
cut_wire(const char *a, size_t n, const char *b, size_t m, struct buf *out)
{
	struct crlf_wire w = {.bol = true, .stuff = *mode == 's'};

	crlf_wire(&w, a, n, out);
	crlf_wire(&w, b, m, out);
	crlf_wire_end(&w, out);
}

static void
cut_data(const char *a, size_t n, const char *b, size_t m, struct buf *out)
{
	struct crlf_data d = {.chunks = *mode == 'c'};
	bool end;
	size_t taken = crlf_data(&d, a, n, out, &end);

	if (!end)
		taken += crlf_data(&d, b, m, out, &end);
	crlf_data_end(&d);
	buf_addf(
	    out, "%zu %d %d %d %d", taken, end, d.nul, d.bare_cr, d.bare_lf);
}

int
main(int argc, char **argv)
{
	struct buf in = drv_input(), out = BUF_INIT, notes = BUF_INIT;
	const char *how = argc > 2 ? argv[2] : "1000000";
	int status = 0;

	mode = argv[1];
	if (!strcmp(how, "splits")) {
		status = drv_splits(&in,
		    *mode == 't'                       ? cut_text
			: *mode == 'd' || *mode == 'c' ? cut_data
						       : cut_wire);
	} else {
		feed(in.data, in.len, strtoul(how, NULL, 10), &out, &notes);
		drv_output(&out);
		fputs(buf_str(&notes), stderr);
	}
	buf_free(&in);
	buf_free(&out);
	buf_free(&notes);
	return status;
}
