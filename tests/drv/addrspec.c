/* addrspec [count]: reads a field's value, prints its addresses, or only how
 * many; "no: PART" when it is no list. */
#include "drv.h"

#include "addrspec.h"

int
main(int argc, char **argv)
{
	struct buf in = drv_input(), out = BUF_INIT;
	int n = addrspec_list(in.data ? in.data : "", in.len, &out);

	(void)argv;
	if (n < 0)
		printf("no: %s\n", buf_str(&out));
	else if (argc > 1)
		printf("%d\n", n);
	for (size_t i = 0; n > 0 && argc < 2 && i < out.len;
	     i += strlen(out.data + i) + 1)
		puts(out.data + i);
	buf_free(&in);
	buf_free(&out);
	return 0;
}
