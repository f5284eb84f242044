/* Lines "number MAX TEXT", "size TEXT", "duration TEXT", "id TEXT", "utf8
 * TEXT", "exit N", "wait N", "code N", "reply N",
 * "errno N", "digits TEXT" (its first two): prints the value, or "no". */
#include "drv.h"

#include <inttypes.h>

#include "parse.h"
#include "verdict.h"

static void
say(int status, const uint64_t *value)
{
	if (status < 0)
		puts("no");
	else
		printf("%" PRIu64 "\n", *value);
}

static void
say_utf8(const char *s)
{
	uint32_t point = 0;
	size_t n = parse_utf8(s, strlen(s), &point);

	printf("%zu U+%04X\n", n, (unsigned)point);
}

static const char *
verdict_name(enum verdict v)
{
	return v == OK ? "ok" : v == PERM ? "perm" : "temp";
}

static void
do_verdict(const char *what, int n)
{
	if (!strcmp(what, "exit"))
		puts(verdict_name(verdict_of_exit(n)));
	else if (!strcmp(what, "wait"))
		printf("%d\n", verdict_exit_of_wait(n));
	else if (!strcmp(what, "code"))
		puts(verdict_name(verdict_of_code(n)));
	else if (!strcmp(what, "reply"))
		puts(verdict_reply(n));
	else if (!strcmp(what, "errno"))
		printf("%d\n", verdict_exit_of_errno(n, EX_CONFIG));
}

static void
do_line(char *line)
{
	uint64_t value = 0;
	char *text = strchr(line, ' ');

	*text++ = 0;
	if (!strcmp(line, "number")) {
		char *max = text;

		text = strchr(text, ' ');
		*text++ = 0;
		say(parse_number(text, strtoull(max, NULL, 10), &value),
		    &value);
	} else if (!strcmp(line, "digits")) {
		say(parse_digits(text, 2, UINT64_MAX, &value), &value);
	} else if (!strcmp(line, "size")) {
		say(parse_size(text, &value), &value);
	} else if (!strcmp(line, "duration")) {
		say(parse_duration(text, &value), &value);
	} else if (!strcmp(line, "id")) {
		puts(parse_is_mail_id(text) ? "yes" : "no");
	} else if (!strcmp(line, "utf8")) {
		say_utf8(text);
	} else {
		do_verdict(line, atoi(text));
	}
}

int
main(void)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	while ((n = getline(&line, &cap, stdin)) > 0) {
		line[n - 1] = 0;
		do_line(line);
	}
	free(line);
	return 0;
}
