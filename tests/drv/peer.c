/* peer: who is at fd 0. peer match: lines "CIDR ADDRESS", yes, no or bad. */
#include "drv.h"

#include "peer.h"

static const char *
match(const char *cidr, const char *address)
{
	struct cidr c;
	struct peer p;

	if (cidr_parse(cidr, &c) < 0)
		return "bad";
	peer_set(&p, address, 0);
	return cidr_match(&c, &p) ? "yes" : "no";
}

int
main(int argc, char *argv[])
{
	char cidr[200], address[64], literal[80];
	struct peer p;

	if (argc > 1 && !strcmp(argv[1], "match")) {
		while (scanf("%199s %63s", cidr, address) == 2)
			printf(
			    "%s %s %s\n", cidr, address, match(cidr, address));
		return 0;
	}
	peer_of(0, &p);
	peer_literal(&p, literal);
	printf("%s port %s literal %s\n", p.addr, *p.port ? "some" : "none",
	    literal);
	if (argc > 1)
		printf("%s\n", p.port);
	return 0;
}
