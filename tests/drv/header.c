/* header [PIECE]: classifies the lines of standard input, longer ones in
 * pieces of PIECE octets, and shows name and value of each field. "gap": does
 * a message that begins so need one. */
#include "drv.h"

#include "header.h"

int
main(int argc, char **argv)
{
	static const char *const kinds[] = {
	    "FIELD", "FOLD", "FROM", "END", "BODY"};
	struct buf in = drv_input();
	struct header h = {0};
	size_t max = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000;

	if (argc > 1 && !strcmp(argv[1], "gap")) {
		puts(header_needs_gap(in.data, in.len) ? "gap" : "none");
		buf_free(&in);
		return 0;
	}
	for (size_t i = 0; i < in.len;) {
		const char *p = in.data + i;
		const char *lf = memchr(p, '\n', in.len - i);
		size_t n = lf ? (size_t)(lf - p) + 1 : in.len - i;
		enum header_kind kind;

		n = n < max ? n : max;
		kind = header_next(&h, p, n);
		i += n;
		printf("%s", kinds[kind]);
		if (kind == HEADER_FIELD)
			printf(" [%.*s][%.*s]%s", (int)h.name_len, h.name,
			    (int)(n - h.value), p + h.value,
			    header_is(&h, "subject") ? " subject" : "");
		putchar('\n');
	}
	buf_free(&in);
	return 0;
}
