/* trace [-c] RCPT... < message: what passes, or why not. -c: whether every cut
 * in two gives the same. */
#include "drv.h"

#include "trace.h"

static struct trace begin;

static void
pass(const char *a, size_t n, const char *b, size_t m, struct buf *out)
{
	struct trace t = begin;
	const char *why;

	if (trace_feed(&t, a, n, out, &why) != 0 ||
	    trace_feed(&t, b, m, out, &why) != 0 ||
	    trace_end(&t, out, &why) != 0) {
		buf_reset(out);
		buf_addf(out, "%s\n", why);
	}
	trace_free(&t);
}

int
main(int argc, char **argv)
{
	struct buf in = drv_input(), out = BUF_INIT;
	int cuts = argc > 1 && !strcmp(argv[1], "-c"), code = 0;

	begin.rcpts = (const char *const *)argv + 1 + cuts;
	begin.n = (size_t)(argc - 1 - cuts);
	if (cuts)
		code = drv_splits(&in, pass);
	else
		pass(in.data, in.len, "", 0, &out);
	drv_output(&out);
	buf_free(&in);
	buf_free(&out);
	return code;
}
