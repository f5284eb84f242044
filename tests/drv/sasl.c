/* sasl MECHANISM [INITIAL] < responses: an exchange, a line each, its parts
 * between angle brackets. sasl -d: decodes Base64, a line each. */
#include "drv.h"

#include "base64.h"
#include "sasl.h"

/* The next line without its LF, in memory of its own; NULL at the end. */
static char *
next_line(struct buf *in, size_t *at)
{
	char *line, *lf;
	size_t n;

	if (*at >= in->len)
		return NULL;
	lf = memchr(in->data + *at, '\n', in->len - *at);
	n = (lf ? (size_t)(lf - in->data) : in->len) - *at;
	line = xrealloc(NULL, n + 1);
	memcpy(line, in->data + *at, n);
	line[n] = '\0';
	*at += n + 1;
	return line;
}

static void
decode(const char *line)
{
	char out[4096];
	ssize_t n = base64_decode(line, strlen(line), out, sizeof out);

	if (n < 0)
		puts("bad");
	else
		printf("<%.*s>\n", (int)n, out);
}

static enum sasl_result
show(const struct sasl *s, enum sasl_result r)
{
	static const char *const names[] = {
	    "", "", "cancelled", "bad", "unknown"};

	if (r == SASL_MORE)
		printf("+ %s\n", s->challenge);
	else if (r == SASL_DONE)
		printf("user <%s> password <%s>\n", s->user, s->password);
	else
		puts(names[r]);
	return r;
}

int
main(int argc, char *argv[])
{
	bool decodes = argc > 1 && strcmp(argv[1], "-d") == 0;
	enum sasl_result r = SASL_MORE;
	struct buf in = drv_input();
	struct sasl s;
	size_t at = 0;
	char *line;

	if (!decodes)
		r = show(&s, sasl_begin(&s, argv[1], strlen(argv[1]), argv[2]));
	while (r == SASL_MORE && (line = next_line(&in, &at))) {
		if (decodes)
			decode(line);
		else
			r = show(&s, sasl_input(&s, line, strlen(line)));
		free(line);
	}
	if (!decodes)
		sasl_free(&s);
	buf_free(&in);
	return 0;
}
