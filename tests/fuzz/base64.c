/* Base64 has one form: what decodes gives its text again, within the room. */
#include "fuzz.h"

#include "base64.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrst"
			     "uvwxyz0123456789+/";

static void
encode(const unsigned char *in, size_t n, struct buf *out)
{
	for (; n > 0; in += 3, n -= n < 3 ? n : 3) {
		unsigned bits = (unsigned)in[0] << 16 |
		    (n > 1 ? (unsigned)in[1] << 8 : 0) | (n > 2 ? in[2] : 0);

		buf_addc(out, digits[bits >> 18]);
		buf_addc(out, digits[bits >> 12 & 63]);
		buf_addc(out, n > 1 ? digits[bits >> 6 & 63] : '=');
		buf_addc(out, n > 2 ? digits[bits & 63] : '=');
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf text = BUF_INIT;
	char *in = fuzz_copy(data, n);
	unsigned char *out = xrealloc(NULL, n + 1), *less;
	ssize_t len = base64_decode(in, n, out, n);

	if (len >= 0) {
		encode(out, (size_t)len, &text);
		must(text.len == n && (!n || !memcmp(text.data, in, n)));
	}
	if (len > 0) {
		less = xrealloc(NULL, (size_t)len);
		must(base64_decode(in, n, less, (size_t)len) == len);
		must(base64_decode(in, n, less, (size_t)len - 1) == -1);
		free(less);
	}
	buf_reset(&text);
	encode(data, n, &text);
	must(base64_decode(text.data, text.len, out, n) == (ssize_t)n);
	must(n == 0 || memcmp(out, data, n) == 0);
	buf_free(&text);
	free(out);
	free(in);
	return 0;
}
