/* Works on the spool folder DIR: `add' queues stdin (SENDER RCPT...), `names'
 * parses names from stdin, `mark N MARK CODE TEXT' changes recipient N of the
 * message with an ID, `claim ID' keeps a claim until stdin ends. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "entry.h"
#include "queue.h"

static int
add(struct queue *q, char *args[])
{
	struct envelope e = ENVELOPE_INIT;
	struct queue_options o = {.origin = getenv("ORIGIN")};
	struct queue_add a;
	char data[777];
	size_t n;

	envelope_sender(&e, *args++, getenv("PARAMS"));
	for (; *args; args++)
		envelope_rcpt(&e, *args, getenv("RCPT_PARAMS"));
	if (queue_begin(q, &a, &e, &o)) {
		perror("begin");
		envelope_free(&e);
		return 1;
	}
	while ((n = fread(data, 1, sizeof data, stdin)) > 0)
		if (queue_write(&a, data, n)) {
			queue_abort(&a);
			return 1;
		}
	envelope_free(&e);
	if (getenv("ABORT")) {
		queue_abort(&a);
		return 0;
	}
	if (queue_commit(&a))
		return 1;
	puts(a.id);
	return 0;
}

static int
names(void)
{
	char line[300], again[QNAME];
	struct qname n;

	while (fgets(line, sizeof line, stdin)) {
		line[strcspn(line, "\n")] = '\0';
		if (qname_parse(line, &n)) {
			puts("foreign");
			continue;
		}
		qname_write(&n, again);
		printf("%lld %s %c%s\n", n.due, n.id, n.state,
		    strcmp(again, line) ? " differs" : "");
	}
	return 0;
}

static int
on_entry(struct queue *q, char *args[])
{
	struct qname n;
	struct entry e;
	int r = 0;

	if (queue_locks(q) || qname_find(q->queue, args[1], &n) ||
	    entry_claim(q, &n, &e)) {
		perror(args[0]);
		return 1;
	}
	if (!strcmp(args[0], "mark"))
		r = entry_mark(&e, (size_t)atoi(args[2]), args[3][0],
		    atoi(args[4]), args[5]);
	else
		r = write(1, "claimed\n", 8) != 8 || read(0, &n, 1) < 0;
	entry_release(q, &e);
	return r ? 1 : 0;
}

int
main(int argc, char *argv[])
{
	struct queue q;
	int r;

	if (argc < 3 || queue_open(&q, argv[1], true))
		return 64;
	if (!strcmp(argv[2], "add"))
		r = add(&q, argv + 3);
	else if (!strcmp(argv[2], "names"))
		r = names();
	else
		r = on_entry(&q, argv + 2);
	queue_close(&q);
	return r;
}
