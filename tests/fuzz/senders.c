/* The table of senders: what one line allows, it allows; a login without a line
 * has nothing, and nobody has another's domain. */
#include "fuzz.h"

#include "senders.h"

static bool
allows(const struct senders *s, const char *login, const char *address)
{
	struct address a;

	must(address_parse(&a, address, strlen(address),
		 ADDRESS_NULL | ADDRESS_UTF8) == 0);
	return senders_allow(s, login, &a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char mine[] = "\nme\t,a@a @b.example,, \"c d\"@a\n";
	struct buf text = BUF_INIT;
	struct senders *s;
	char why[200] = "";

	buf_add(&text, data, n);
	buf_add(&text, mine, sizeof mine - 1);
	s = senders_read(fuzz_file(text.data, text.len), why, sizeof why);
	must(!s == !!*why);
	if (s) {
		must(allows(s, "me", "a@a") && allows(s, "me", "A+x@A"));
		must(allows(s, "me", "z@B.example"));
		must(allows(s, "me", "\"c d\"@a"));
		must(!allows(s, "no line", "a@a"));
		allows(s, "me", "");
		allows(s, "ann", "\"\\a\"@a");
	}
	senders_free(s);
	buf_free(&text);
	return 0;
}
