/* mailboxes FILE [-l DOMAIN]... [-d DOMAIN] [ADDRESS...]: looks each address
 * up: exit code, or kind and target. -d: is that domain local. */
#include "drv.h"

#include "mailboxes.h"

static void
find(const struct mailboxes *t, const char *s)
{
	static const char *const kinds[] = {
	    "maildir", "mbox", "forward", "program"};
	struct address a;
	struct mailbox m;
	int code;

	if (address_parse(&a, s, strlen(s), ADDRESS_BARE | ADDRESS_UTF8) != 0) {
		printf("%s: no address\n", s);
		return;
	}
	code = mailboxes_find(t, &a, &m);
	if (code != 0)
		printf("%s: %d\n", s, code);
	else
		printf("%s: %s %s\n", s, kinds[m.kind], m.target);
	mailbox_free(&m);
}

int
main(int argc, char **argv)
{
	const char *locals[16] = {NULL};
	char why[256];
	struct mailboxes *t;
	int i, n = 0;

	for (i = 2; i + 1 < argc && !strcmp(argv[i], "-l"); i += 2)
		locals[n++] = argv[i + 1];
	if (argc < 2)
		return 2;
	t = mailboxes_read(argv[1], n ? locals : NULL, why, sizeof(why));
	if (!t) {
		puts(why);
		return 78;
	}
	for (; i + 1 < argc && !strcmp(argv[i], "-d"); i += 2)
		printf("%s %s\n", argv[i + 1],
		    mailboxes_is_local(t, argv[i + 1]) ? "local" : "foreign");
	for (; i < argc; i++)
		find(t, argv[i]);
	mailboxes_free(t);
	return 0;
}
