/* Modified UTF-7, and what becomes of a folder's name: a name that decodes is
 * the one way to write what it means; the place on disk stays one name in DIR.
 * The first octet is the separator. */
#include "fuzz.h"

#include "foldername.h"
#include "mutf7.h"

static void
check_disk(const char *s, size_t n, char separator)
{
	struct buf disk = BUF_INIT;

	foldername_disk(s, n, separator, &disk);
	must(disk.len <= 255);
	if (foldername_is_inbox(s, n))
		must(disk.len == 0);
	else
		must(disk.len > 1 && disk.data[0] == '.' &&
		    disk.data[1] != '.' && disk.data[1] != '-');
	for (size_t i = 0; i < disk.len; i++)
		must((unsigned char)disk.data[i] >= ' ' &&
		    disk.data[i] != '/' && disk.data[i] != 127);
	buf_free(&disk);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf text = BUF_INIT, again = BUF_INIT;
	const char *s = (const char *)data + 1;

	if (n < 2)
		return 0;
	n--;
	if (mutf7_decode(s, n, &text) == 0) {
		must(mutf7_encode(text.data, text.len, &again) == 0);
		must(again.len == n && memcmp(again.data, s, n) == 0);
	}
	buf_reset(&text);
	buf_reset(&again);
	if (mutf7_encode(s, n, &text) == 0) {
		must(mutf7_decode(text.data, text.len, &again) == 0);
		must(again.len == n && memcmp(again.data, s, n) == 0);
	}
	check_disk(s, n, (char)data[0]);
	buf_free(&text);
	buf_free(&again);
	return 0;
}
