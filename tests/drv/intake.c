/* intake [-k] [-t] [-s SIZE | splits]: the message as it comes in, from
 * standard input; on stderr what was found. -k keeps Bcc. */
#include "drv.h"

#include "intake.h"

static bool keep, collect;

static void
add_list(struct buf *notes, const char *name, const struct buf *list)
{
	for (size_t i = 0; i < list->len; i += strlen(list->data + i) + 1)
		buf_addf(notes, "%s %s\n", name, list->data + i);
}

static void
add_notes(struct intake *i, struct buf *notes)
{
	const char *what;
	uint64_t at = intake_offense(i, &what);

	buf_addf(notes, "octets %ju, hops %u%s%s%s%s\n", i->octets, i->hops,
	    i->has_date ? ", Date" : "", i->has_id ? ", Message-ID" : "",
	    i->has_from ? ", From" : "", i->header_done ? "" : ", unfinished");
	if (at)
		buf_addf(notes, "%s at %ju\n", what, at - 1);
	add_list(notes, "to", &i->to);
	add_list(notes, "resent", &i->resent);
	if (i->bad.len)
		buf_addf(notes, "bad %s\n", buf_str(&i->bad));
}

static void
cut(const char *a, size_t n, const char *b, size_t m, struct buf *out)
{
	struct intake i = {.keep_bcc = keep, .collect = collect};

	intake(&i, a, n, out);
	intake(&i, b, m, out);
	intake_end(&i, out);
	add_notes(&i, out);
	intake_free(&i);
}

static void
feed(const struct buf *in, size_t size, struct buf *out, struct buf *notes)
{
	struct intake i = {.keep_bcc = keep, .collect = collect};

	for (size_t at = 0; at < in->len; at += size)
		intake(&i, in->data + at,
		    in->len - at < size ? in->len - at : size, out);
	intake_end(&i, out);
	add_notes(&i, notes);
	intake_free(&i);
}

int
main(int argc, char **argv)
{
	struct buf in = drv_input(), out = BUF_INIT, notes = BUF_INIT;
	size_t size = 65536;
	int opt, status = 0;

	while ((opt = getopt(argc, argv, "kts:")) != -1) {
		keep = keep || opt == 'k';
		collect = collect || opt == 't';
		if (opt == 's')
			size = strtoul(optarg, NULL, 10);
	}
	if (optind < argc) {
		status = drv_splits(&in, cut);
	} else {
		feed(&in, size, &out, &notes);
		drv_output(&out);
		fputs(buf_str(&notes), stderr);
	}
	buf_free(&in);
	buf_free(&out);
	buf_free(&notes);
	return status;
}
