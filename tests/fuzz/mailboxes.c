/* The mailbox table, then look-ups in it: a target is what table says it is,
 * and no address leads out of its folder. */
#include "fuzz.h"

#include "mailboxes.h"

static void
find(const struct mailboxes *t, const char *s)
{
	struct address a;
	struct mailbox m;

	must(address_parse(&a, s, strlen(s), ADDRESS_BARE | ADDRESS_UTF8) == 0);
	int code = mailboxes_find(t, &a, &m);
	must(code == 0 || code == 65 || code == 67 || code == 77 || code == 75);
	must(!code == !!m.target);
	if (code == 0 && m.kind <= MAILBOX_MBOX)
		must(m.target[0] == '/');
	if (code == 0 && m.kind != MAILBOX_PROGRAM)
		for (const char *p = m.target; *p; p++)
			must((unsigned char)*p >= ' ' || *p == '\t');
	mailbox_free(&m);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char *const locals[] = {"x.example", "a", NULL};
	static const char *const addresses[] = {"a@a", "a+b@x.example",
	    "postmaster", "\"/../ \"@a", "b@c", "\"a+..\"@b"};
	char why[200] = "";
	const char *file = fuzz_file(data, n);
	struct mailboxes *t = mailboxes_read(file, locals, why, sizeof why);
	struct reach reach;

	must(!t == !!*why);
	if (!t)
		return 0;
	for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++)
		find(t, addresses[i]);
	must(mailboxes_is_local(t, "a"));
	mailboxes_has_programs(t);
	mailboxes_reach(t, &reach);
	must(reach.n <= REACH_MAX);
	for (size_t i = 0; i < reach.n; i++)
		must(reach.path[i][0] == '/');
	reach_free(&reach);
	mailboxes_free(t);
	return 0;
}
