/* Paths. The first octet chooses the forms. What is taken is taken again as it
 * stands, has no control octet, and loses its route hop by hop. */
#include "fuzz.h"

#include "address.h"

static void
check(const struct address *a, int forms)
{
	char hop[256], local[ADDRESS_MAX + 1];
	struct address again, less = *a;

	must(a->len <= ADDRESS_MAX && strlen(a->text) == a->len);
	must(a->local <= a->domain && a->domain <= a->len);
	for (size_t i = 0; i < a->len; i++)
		must((unsigned char)a->text[i] >= ' ' && a->text[i] != 127);
	must(address_parse(&again, a->text, a->len, forms) == 0);
	must(!strcmp(again.text, a->text) && again.domain == a->domain);
	address_hop(a, hop);
	address_local(a, local);
	must(strlen(hop) <= 255 && strlen(local) <= 64);
	must(address_same_domain(hop, hop));
	while (address_has_route(&less)) {
		size_t before = less.len;

		address_pop(&less);
		must(less.len < before);
		must(address_parse(&again, less.text, less.len, forms) == 0);
	}
	again = *a;
	address_strip(&again);
	must(!strcmp(again.text, less.text));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct address a;
	struct buf path = BUF_INIT;

	if (n < 1)
		return 0;
	int forms = data[0] & 7;
	char *s = fuzz_copy(data + 1, --n);
	if (address_parse(&a, s, n, forms) == 0) {
		check(&a, forms);
		buf_addf(&path, "<%s> x", a.text);
		must(address_parse_path(&a, path.data, path.len, forms) ==
		    (int)path.len - 2);
		buf_free(&path);
	}
	int took = address_parse_path(&a, s, n, forms);
	if (took >= 0) {
		must(took >= 2 && (size_t)took <= n && s[took - 1] == '>');
		must((size_t)took == a.len + 2u);
		check(&a, forms);
	}
	free(s);
	return 0;
}
