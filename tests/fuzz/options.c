/* A configuration file, line by line: what an option gets is a trimmed value
 * where it takes one, and a line that is refused says why. */
#include "fuzz.h"

#include "../../lib/options.c"

static unsigned calls;

static int
set(int key, const char *value, char *why, size_t size)
{
	calls++;
	must((value != NULL) == (key != 'f'));
	if (!value)
		return 0;
	must(*value && !strchr(" \t", *value) && !strchr(value, '\n'));
	must(!isspace((unsigned char)value[strlen(value) - 1]));
	if (key == 's' && strspn(value, "0123456789") != strlen(value)) {
		snprintf(why, size, "size %s: not a number", value);
		return -1;
	}
	return 0;
}

static const struct option_def defs[] = {{"name", 'n', true},
    {"flag", 'f', false}, {"size", 's', true}, {NULL, 0, false}};

static void
forget(void)
{
	while (kept) {
		struct kept *k = kept;

		kept = k->next;
		free(k->text);
		free(k);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct options o = {.defs = defs, .set = set, .program = "fuzz"};
	size_t len;

	for (; n > 0; data += len, n -= len) {
		const uint8_t *lf = memchr(data, '\n', n);
		char why[40] = "", *line;

		len = lf ? (size_t)(lf - data) + 1 : n;
		line = fuzz_string(data, len);
		calls = 0;
		int code = file_line(&o, line, why, sizeof why);
		must(code == 0 || *why);
		must(calls <= 1);
		free(line);
	}
	forget();
	return 0;
}
