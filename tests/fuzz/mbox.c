/* mboxrd: cut anywhere the same; one From_ line alone, and less one '>' what
 * went in comes out. */
#include "fuzz.h"

#include "mbox.h"

static void
quote(const char *in, size_t n, size_t cut, struct buf *out)
{
	struct mbox_quote q;

	mbox_begin(&q, "a b\n", 0, out);
	mbox_feed(&q, in, cut, out);
	mbox_feed(&q, in + cut, n - cut, out);
	mbox_end(&q, out);
}

static bool
is_from(const char *line, size_t n)
{
	return n >= 5 && !memcmp(line, "From ", 5);
}

static void
unquote(const struct buf *box, struct buf *out)
{
	size_t at = 0, n;

	for (unsigned number = 0; at < box->len; at += n, number++) {
		const char *line = box->data + at;
		const char *lf = memchr(line, '\n', box->len - at);
		size_t marks = 0;

		must(lf);
		n = (size_t)(lf - line) + 1;
		must(is_from(line, n) == (number == 0));
		while (line[marks] == '>')
			marks++;
		marks = marks && is_from(line + marks, n - marks);
		if (number)
			buf_add(out, line + marks, n - marks);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf whole = BUF_INIT, cut = BUF_INIT, want = BUF_INIT;
	char *in = fuzz_copy(data, n);

	quote(in, n, n, &whole);
	for (size_t i = 0; i < n; i += 1 + n / 64) {
		buf_reset(&cut);
		quote(in, n, i, &cut);
		must_equal(&whole, &cut);
	}
	buf_reset(&cut);
	unquote(&whole, &cut);
	buf_add(&want, in, n);
	buf_adds(&want, !n || in[n - 1] == '\n' ? "\n" : "\n\n");
	must_equal(&want, &cut);
	buf_free(&whole);
	buf_free(&cut);
	buf_free(&want);
	free(in);
	return 0;
}
