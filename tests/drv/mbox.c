/* mbox quote SENDER < message: in mboxrd form, with the date @0. "cuts" SENDER:
 * whether every cut in two gives the same. "append" FILE SENDER: appends what
 * stdin, a file, holds. */
#include <errno.h>

#include "drv.h"

#include "mbox.h"

static const char *sender;

static void
quote(const char *a, size_t n, const char *b, size_t m, struct buf *out)
{
	struct mbox_quote q;

	mbox_begin(&q, sender, 0, out);
	mbox_feed(&q, a, n, out);
	mbox_feed(&q, b, m, out);
	mbox_end(&q, out);
}

static int
append(const char *path)
{
	struct mbox m;
	int code;

	if (mbox_open(&m, path) != 0) {
		puts(strerror(errno));
		return 1;
	}
	code = mbox_append(&m, sender, 0, NULL, 0);
	mbox_close(&m);
	return code ? 1 : 0;
}

int
main(int argc, char **argv)
{
	struct buf in, out = BUF_INIT;
	int code = 0;

	if (argc < 3)
		return 2;
	sender = argv[argc - 1];
	if (!strcmp(argv[1], "append"))
		return append(argv[2]);
	in = drv_input();
	if (!strcmp(argv[1], "cuts"))
		code = drv_splits(&in, quote);
	else
		quote(in.data, in.len, "", 0, &out);
	drv_output(&out);
	buf_free(&in);
	buf_free(&out);
	return code;
}
