/* Dates: what is read is within bounds, and reads again as it is written. */
#include "fuzz.h"

#include "date.h"
#include "parse.h"

#define TIME_MAX 99999999999

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *s = fuzz_string(data, n), text[DATE_MAX];
	time_t now = 1800000000, t = -1, again;
	uint64_t number;

	if (date_parse(s, now, &t) == 0) {
		must(t >= 0 && t <= TIME_MAX);
		date_rfc5322(t, text);
		must(strlen(text) < DATE_MAX);
		date_asctime(t, text);
		must(strlen(text) >= 24);
		date_iso8601(t, text);
		must(date_parse(text, now, &again) == 0 && again == t);
	} else {
		must(t == -1);
	}
	t = -1;
	must(date_internal(s, &t) == 0 ? t >= 0 && t <= TIME_MAX : t == -1);
	if (parse_number(s, 1000, &number) == 0)
		must(number <= 1000);
	parse_size(s, &number);
	parse_duration(s, &number);
	free(s);
	return 0;
}
