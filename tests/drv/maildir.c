/* maildir names N | open DIR | make DIR | list DIR | put DIR [SUFFIX] <
 * message. */
#include <errno.h>

#include "drv.h"

#include "maildir.h"

static int
list(struct maildir *m)
{
	struct maildir_entry *e;
	size_t n, i;

	if (maildir_list(m, &e, &n) != 0)
		return 1;
	for (i = 0; i < n; i++)
		printf("%s %s\n", e[i].in_new ? "new" : "cur", e[i].name);
	maildir_list_free(e, n);
	return 0;
}

static int
put(struct maildir *m, const char *suffix)
{
	struct buf in = drv_input();
	struct atomic a;

	if (maildir_begin(m, &a) != 0 || atomic_write(&a, in.data, in.len) != 0)
		return 1;
	buf_free(&in);
	return maildir_commit(m, &a, suffix) == 0 ? 0 : 1;
}

int
main(int argc, char **argv)
{
	char name[ATOMIC_NAME];
	struct maildir m;
	int i, code = 0;

	if (argc < 3)
		return 2;
	for (i = 0; !strcmp(argv[1], "names") && i < atoi(argv[2]); i++) {
		maildir_name(name);
		puts(name);
	}
	if (!strcmp(argv[1], "names"))
		return 0;
	if (maildir_open(&m, argv[2], !strcmp(argv[1], "make")) != 0) {
		puts(strerror(errno));
		return 1;
	}
	if (!strcmp(argv[1], "list"))
		code = list(&m);
	if (!strcmp(argv[1], "put"))
		code = put(&m, argc > 3 ? argv[3] : "");
	maildir_close(&m);
	return code;
}
