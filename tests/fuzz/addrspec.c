/* Lists of addresses: each one found is an address, has one name, and the list
 * of what was found gives the same again. */
#include "fuzz.h"

#include "address.h"
#include "addrspec.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf out = BUF_INIT, names = BUF_INIT, plain = BUF_INIT;
	struct buf list = BUF_INIT, again = BUF_INIT;
	char *s = fuzz_copy(data, n);
	int count = addrspec_named(s, n, &out, &names), named = 0;

	must(addrspec_list(s, n, &plain) == count);
	must_equal(&out, &plain);
	must(count >= 0 || out.len <= 60);
	for (size_t i = 0, k = 0; count > 0 && i < out.len; k++) {
		const char *text = out.data + i;
		struct address a;

		must(address_parse(&a, text, strlen(text),
			 ADDRESS_BARE | ADDRESS_UTF8) == 0);
		buf_addf(&list, "%s<%s>", k ? ", " : "", text);
		i += strlen(text) + 1;
		must(k < (size_t)count);
	}
	for (size_t i = 0; i < names.len; i++)
		named += names.data[i] == '\0';
	if (count > 0) {
		must(named == count);
		must(addrspec_list(list.data, list.len, &again) == count);
		must_equal(&out, &again);
	}
	buf_free(&out);
	buf_free(&names);
	buf_free(&plain);
	buf_free(&list);
	buf_free(&again);
	free(s);
	return 0;
}
