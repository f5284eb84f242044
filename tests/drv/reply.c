/* Reads reply lines (CRLF or LF) and shows each reply; "escape [SIZE]" shows
 * standard input as a terminal may see it. */
#include "drv.h"

#include "reply.h"

static int
escape(size_t size)
{
	struct buf in = drv_input();
	char *out = xrealloc(NULL, size);
	size_t n = reply_escape(in.data, in.len, out, size);

	printf("%zu %s\n", n, out);
	free(out);
	buf_free(&in);
	return 0;
}

int
main(int argc, char **argv)
{
	struct reply r = {0};
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	if (argc > 1)
		return escape(argc > 2 ? strtoul(argv[2], NULL, 10) : 1000);
	while ((n = getline(&line, &cap, stdin)) > 0) {
		enum reply_state state;
		char *copy;

		while (n && strchr("\r\n", line[n - 1]) && line[n - 1])
			n--;
		copy = xrealloc(NULL, (size_t)n);
		memcpy(copy, line, (size_t)n);
		state = reply_line(&r, copy, (size_t)n);
		free(copy);
		if (state == REPLY_DONE)
			printf("%d [%s] %d lines: %s\n", r.code, r.enhanced,
			    r.lines, r.text);
		else if (state == REPLY_BAD)
			puts("bad");
		if (state != REPLY_MORE)
			r.lines = 0;
	}
	free(line);
	return 0;
}
