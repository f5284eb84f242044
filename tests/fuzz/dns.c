/* The walk of a DNS answer. The first octet chooses the type; the rest is the
 * answer. Names are names, and what is ordered is in the answer. */
#include "fuzz.h"

#include "dns.h"
#include "mx.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const enum dns_type types[] = {DNS_MX, DNS_A, DNS_AAAA};
	static const char *const own[] = {"a", NULL};
	static struct dns_answer a;
	static struct mx m;
	uint32_t ties[DNS_RECORDS] = {0};

	if (n < 2)
		return 0;
	enum dns_type type = types[data[0] % 3];
	enum dns_status s = dns_read(data + 1, n - 1, "x.ex", type, &a);
	must(a.n <= DNS_RECORDS && (a.n > 0 || s != DNS_OK));
	for (size_t i = 0; i < a.n; i++)
		must(strlen(a.records[i].name) < DNS_NAME);
	if (s != DNS_OK || type != DNS_MX)
		return 0;
	enum mx_kind kind = mx_order(&a, ties, own, &m);
	must(m.n <= MX_HOSTS && m.n <= a.n && (kind == MX_OK) == (m.n > 0));
	for (size_t i = 0; i < m.n; i++)
		must(m.hosts[i][0] && strcmp(m.hosts[i], "a") &&
		    !m.hosts[i][strspn(m.hosts[i],
			"abcdefghijklmnopqrstuvwxyz0123456789-_.")]);
	return 0;
}
