/* Says what options_parse hands over: "KEY VALUE" for each option, then the
 * operands. "-2" first: takes the words behind the first operand again. */
#include "drv.h"

#include "options.h"

static const char *kept;

static int
set(int key, const char *value, char *why, size_t size)
{
	if (key == 's' && strspn(value, "0123456789") != strlen(value)) {
		snprintf(why, size, "size %s: not a number", value);
		return -1;
	}
	kept = value;
	if (key > 255)
		printf("%d", key);
	else
		putchar(key);
	printf(" %s\n", kept ? kept : "(none)");
	return 0;
}

static const struct option_def defs[] = {{"name", 'n', true},
    {"flag", 'f', false}, {"size", 's', true}, {"long-only", 300, true},
    {"twice", '2', false}, {NULL, 0, false}};

int
main(int argc, char *argv[])
{
	struct options o = {
	    .defs = defs,
	    .set = set,
	    .usage = "usage: drv [options]\n",
	    .program = "drv",
	    .plus = getenv("PLUS") != NULL,
	};
	bool twice = argc > 1 && !strcmp(argv[1], "-2");
	int i = options_parse(&o, argc, argv);

	if (twice) {
		printf("again\n");
		argc -= i;
		argv += i;
		i = options_parse(&o, argc, argv);
	}
	for (; i < argc; i++)
		printf("operand %s\n", argv[i]);
	return 0;
}
