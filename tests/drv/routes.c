/* Reads FILE as routes; each line of stdin, "SENDER DOMAIN", gets the key and
 * target that match and whether the domain is local. */
#include <fcntl.h>
#include <stdio.h>

#include "routes.h"

int
main(int argc, char *argv[])
{
	static const char *const kinds[] = {"mx", "relay", "lmtp", "deliver"};
	struct routes r;
	char why[200], sender[256], domain[256];

	if (argc != 2 || routes_read(&r, AT_FDCWD, argv[1], why, sizeof why)) {
		puts(argc == 2 ? why : "usage: routes FILE");
		return 1;
	}
	while (scanf("%255s %255s", sender, domain) == 2) {
		const struct route *m = routes_find(&r, sender, domain);
		char **w;

		printf("%s: ", domain);
		if (m) {
			printf("%s %s `%s'", m->key, kinds[m->kind], m->target);
			for (w = m->words; *w; w++)
				printf(" %s", *w);
		} else {
			printf("none");
		}
		puts(routes_is_local(&r, domain) ? " local" : "");
	}
	routes_free(&r);
	return 0;
}
