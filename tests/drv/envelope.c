/* envelope default | qualify ADDRESS | sender ARG | unique ADDRESS... | id N */
#include "drv.h"

#include "envelope.h"

static void
unique(int argc, char **argv)
{
	struct envelope e = ENVELOPE_INIT;

	for (int i = 2; i < argc; i++)
		envelope_rcpt(&e, argv[i], "NOTIFY=NEVER");
	envelope_unique(&e);
	for (size_t i = 0; i < e.n; i++)
		printf("%s %s\n", e.rcpts[i].address, e.rcpts[i].params);
	envelope_free(&e);
}

int
main(int argc, char **argv)
{
	struct buf out = BUF_INIT;
	char id[21];
	int code = 0;

	if (argc < 2)
		return 2;
	if (!strcmp(argv[1], "unique"))
		unique(argc, argv);
	for (int i = 0; !strcmp(argv[1], "id") && i < atoi(argv[2]); i++) {
		envelope_mail_id(id);
		puts(id);
	}
	if (!strcmp(argv[1], "default"))
		code = envelope_default_sender(&out);
	else if (!strcmp(argv[1], "mailbox"))
		code = envelope_default_mailbox(&out);
	else if (!strcmp(argv[1], "qualify"))
		envelope_qualify(argv[2], &out);
	else if (!strcmp(argv[1], "sender"))
		code = envelope_parse_sender(argv[2], &out);
	else
		return 0;
	printf("%d <%s>\n", code, buf_str(&out));
	buf_free(&out);
	return 0;
}
