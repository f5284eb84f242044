/* The SASL exchange from memory. The first octet chooses the mechanism, lines
 * of the rest are the responses. A pair that comes out fits FORMATS 6. */
#include "fuzz.h"

#include "sasl.h"

static void
check(const struct sasl *s, enum sasl_result r)
{
	must(r <= SASL_UNKNOWN);
	must(s->len < sizeof s->text);
	if (r == SASL_MORE)
		must(s->challenge && strlen(s->challenge) < 80);
	if (r == SASL_DONE)
		must(*s->user && *s->password &&
		    strlen(s->user) + strlen(s->password) <= SASL_PAIR);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	enum sasl_result r;
	struct sasl s;
	size_t part;

	if (n < 1)
		return 0;
	r = sasl_begin(&s, data[0] & 1 ? "PLAIN" : "LOGIN", 5, NULL);
	check(&s, r);
	for (data++, n--; r == SASL_MORE && n > 0; data += part, n -= part) {
		const uint8_t *lf = memchr(data, '\n', n);
		char *line;

		part = lf ? (size_t)(lf - data) : n;
		line = malloc(part + 1);
		must(line);
		memcpy(line, data, part);
		r = sasl_input(&s, line, part);
		free(line);
		check(&s, r);
		part += lf != NULL;
	}
	sasl_free(&s);
	return 0;
}
