#include "mx.h"

#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include "address.h"

/* An address is none (RFC 1123 2.1): its last label is a number. */
static bool
is_host(const char *name)
{
	const char *dot = strrchr(name, '.');
	const char *last = dot ? dot + 1 : name;

	return !strchr(name, '?') && last[strspn(last, "0123456789")];
}

static bool
is_own(const char *const *own, const char *name)
{
	for (; *own; own++)
		if (address_same_domain(*own, name))
			return true;
	return false;
}

/* From this preference on a host is no better than we are. */
static unsigned
own_preference(const struct dns_answer *a, const char *const *own)
{
	unsigned best = UINT_MAX;

	for (size_t i = 0; i < a->n; i++)
		if (a->records[i].preference < best &&
		    is_own(own, a->records[i].name))
			best = a->records[i].preference;
	return best;
}

static bool
is_before(const struct dns_answer *a, const uint32_t *ties, size_t x, size_t y)
{
	unsigned p = a->records[x].preference, q = a->records[y].preference;

	return p != q ? p < q : ties[x] < ties[y];
}

static void
sort(const struct dns_answer *a, const uint32_t *ties, size_t order[])
{
	for (size_t i = 0; i < a->n; i++) {
		size_t k = i;
		for (; k > 0 && is_before(a, ties, i, order[k - 1]); k--)
			order[k] = order[k - 1];
		order[k] = i;
	}
}

static void
add(struct mx *m, const char *name)
{
	for (size_t i = 0; i < m->n; i++)
		if (strcmp(m->hosts[i], name) == 0)
			return;
	if (m->n < MX_HOSTS)
		strcpy(m->hosts[m->n++], name);
}

enum mx_kind
mx_order(const struct dns_answer *a, const uint32_t ties[DNS_RECORDS],
    const char *const *own, struct mx *out)
{
	unsigned ours = own_preference(a, own);
	size_t order[DNS_RECORDS];

	out->n = 0;
	if (a->n == 1 && !*a->records[0].name)
		return MX_NULL;
	sort(a, ties, order);
	for (size_t i = 0; i < a->n; i++) {
		const struct dns_record *r = &a->records[order[i]];
		if (r->preference < ours && is_host(r->name))
			add(out, r->name);
	}
	if (out->n)
		return MX_OK;
	return ours < UINT_MAX ? MX_SELF : MX_UNUSABLE;
}
