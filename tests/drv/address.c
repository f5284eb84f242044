/* address [null] [bare] [utf8]: reads paths without <>, NUL-separated if one
 * is given as "-0", else a line each; with "path" SMTP arguments. Prints the
 * parts: hop|mailbox|local unquoted|domain|popped|stripped, or "no". "same A
 * B" compares domains. */
#include "drv.h"

#include "address.h"

static void
show(const char *s, size_t n, int forms, bool path)
{
	char hop[256], local[ADDRESS_MAX + 1];
	char *copy = xrealloc(NULL, n);
	struct address a, popped;
	int took;

	memcpy(copy, s, n);
	took = path ? address_parse_path(&a, copy, n, forms)
		    : address_parse(&a, copy, n, forms);
	free(copy);
	if (took < 0) {
		puts("no");
		return;
	}
	if (path)
		printf("%d ", took);
	address_hop(&a, hop);
	address_local(&a, local);
	printf("%s|%s|%s|%s|", hop, a.text + a.local, local, a.text + a.domain);
	popped = a;
	address_pop(&popped);
	address_strip(&a);
	printf("%s|%s%s\n", popped.text, a.text,
	    address_has_route(&popped) ? " (route)" : "");
}

int
main(int argc, char **argv)
{
	struct buf in;
	int forms = 0, sep = '\n';
	bool path = false;

	if (argc == 4 && !strcmp(argv[1], "same")) {
		puts(address_same_domain(argv[2], argv[3]) ? "yes" : "no");
		return 0;
	}
	for (int i = 1; i < argc; i++) {
		forms |= !strcmp(argv[i], "null") ? ADDRESS_NULL : 0;
		forms |= !strcmp(argv[i], "bare") ? ADDRESS_BARE : 0;
		forms |= !strcmp(argv[i], "utf8") ? ADDRESS_UTF8 : 0;
		path = path || !strcmp(argv[i], "path");
		sep = !strcmp(argv[i], "-0") ? 0 : sep;
	}
	in = drv_input();
	for (size_t i = 0; i < in.len;) {
		char *end = memchr(in.data + i, sep, in.len - i);
		size_t n = end ? (size_t)(end - in.data) - i : in.len - i;

		show(in.data + i, n, forms, path);
		i += n + 1;
	}
	buf_free(&in);
	return 0;
}
