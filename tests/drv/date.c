/* date rfc|asctime|iso EPOCH; date parse NOW TEXT: prints the time, or "no". */
#include "drv.h"

#include "date.h"

int
main(int argc, char **argv)
{
	char out[DATE_MAX];
	time_t t = atoll(argv[2]);

	if (argc > 3) {
		if (date_parse(argv[3], t, &t) < 0)
			puts("no");
		else
			printf("%lld\n", (long long)t);
		return 0;
	}
	if (!strcmp(argv[1], "rfc"))
		date_rfc5322(t, out);
	else if (!strcmp(argv[1], "asctime"))
		date_asctime(t, out);
	else
		date_iso8601(t, out);
	puts(out);
	return 0;
}
