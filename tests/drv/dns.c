/* dns TYPE: an answer on standard input for a.example, its status and records;
 * the answer is cut anywhere in `dns TYPE cut'. dns mx OWN...: lines
 * "PREFERENCE TIE HOST" (`.' is the root), what is tried. */
#include "drv.h"

#include "dns.h"
#include "mx.h"

static const char *const statuses[] = {"ok", "none", "no name", "failed"};
static const char *const kinds[] = {"ok", "null", "self", "unusable"};

static void
read_part(const struct buf *in, size_t n, enum dns_type type, bool quiet)
{
	static struct dns_answer a;
	unsigned char *copy = xrealloc(NULL, n);

	if (n)
		memcpy(copy, in->data, n);
	enum dns_status s = dns_read(copy, n, "a.example", type, &a);
	free(copy);
	if (quiet && s != DNS_OK)
		return;
	printf("%s\n", statuses[s]);
	for (size_t i = 0; i < a.n && s == DNS_OK; i++)
		printf("%u %s\n", a.records[i].preference, a.records[i].name);
}

static int
order(char *own[])
{
	static struct dns_answer a;
	static struct mx m;
	uint32_t ties[DNS_RECORDS];
	struct dns_record *r = a.records;

	while (a.n < DNS_RECORDS &&
	    scanf("%u %u %255s", &r->preference, &ties[a.n], r->name) == 3) {
		if (strcmp(r->name, ".") == 0)
			*r->name = '\0';
		a.n++;
		r++;
	}
	printf("%s\n", kinds[mx_order(&a, ties, (const char *const *)own, &m)]);
	for (size_t i = 0; i < m.n; i++)
		printf("%s\n", m.hosts[i]);
	return 0;
}

int
main(int argc, char *argv[])
{
	if (argc < 2)
		return 64;
	if (strcmp(argv[1], "mx") == 0)
		return order(argv + 2);
	enum dns_type type = (enum dns_type)atoi(argv[1]);
	struct buf in = drv_input();
	read_part(&in, in.len, type, false);
	if (argc > 2)
		for (size_t n = 0; n < in.len; n++)
			read_part(&in, n, type, true);
	buf_free(&in);
	return 0;
}
