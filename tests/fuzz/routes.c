/* Routes: what is read, written as lines, reads the same again. */
#include "fuzz.h"

#include "routes.h"

static void
print(const struct routes *r, struct buf *out)
{
	static const char *const kinds[] = {"mx", "relay", "lmtp", "deliver"};

	for (size_t i = 0; i < r->n; i++) {
		const struct route *m = &r->list[i];

		must(m->kind <= ROUTE_DELIVER && *m->key);
		must(m->kind == ROUTE_MX || *m->target);
		buf_addf(out, "%s %s %s", m->key, kinds[m->kind], m->target);
		for (char **w = m->words; *w; w++)
			buf_addf(out, " %s", *w);
		buf_addc(out, '\n');
	}
}

static int
read_routes(struct routes *r, const void *data, size_t n)
{
	char why[200] = "";
	int code =
	    routes_read(r, AT_FDCWD, fuzz_file(data, n), why, sizeof why);

	must(!code == !*why);
	return code;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf out = BUF_INIT, again = BUF_INIT;
	struct routes r;

	if (read_routes(&r, data, n))
		return 0;
	print(&r, &out);
	const struct route *m = routes_find(&r, "s@a", "b.example");
	must(!m || (m >= r.list && m < r.list + r.n));
	routes_find(&r, "", "");
	if (routes_is_local(&r, "b.example"))
		must(r.n > 0);
	routes_free(&r);
	must(read_routes(&r, out.data, out.len) == 0);
	print(&r, &again);
	must_equal(&out, &again);
	routes_free(&r);
	buf_free(&out);
	buf_free(&again);
	return 0;
}
