/* A queued message's file. What is read is whole and within the file, and what
 * is marked in it reads as it was marked. */
#include "fuzz.h"

#include <stdlib.h>

#include "address.h"
#include "entry.h"

static char folder[] = "/dev/shm/fuzz.XXXXXX";
static int dir = -1;
static char file[QNAME];

static void
clean_up(void)
{
	unlinkat(dir, file, 0);
	rmdir(folder);
}

static void
put(const struct qname *n, const void *data, size_t size)
{
	if (dir < 0) {
		must(mkdtemp(folder));
		dir = open(folder, O_RDONLY | O_DIRECTORY);
		atexit(clean_up);
	}
	qname_write(n, file);
	int fd = openat(dir, file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
}

static void
check(const struct entry *e, size_t size)
{
	struct address a;

	must(e->offset + e->size == size && e->n > 0);
	must(e->mail_id && e->origin && e->sender && e->params);
	for (size_t i = 0; i < e->n; i++) {
		const struct entry_rcpt *r = &e->rcpts[i];

		must(strchr(ENTRY_MARKS, r->mark) && r->code <= 999);
		must(strlen(r->text) <= QUEUE_TEXT);
		must((uint64_t)r->at < e->offset);
		must(address_parse(&a, r->address, strlen(r->address),
			 ADDRESS_NULL | ADDRESS_BARE | ADDRESS_UTF8) == 0);
	}
}

/* Marks all, reads again. */
static void
mark(struct queue *q, const struct qname *n, size_t size)
{
	struct entry e, again;

	must(entry_claim(q, n, &e) == 0);
	for (size_t i = 0; i < e.n; i++)
		must(entry_mark(&e, i, '-', 550, "5.1.1 \x01 no\xff") == 0);
	must(entry_tries(&e, e.tries + 1) == 0);
	must(entry_open(dir, n, &again) == 0);
	check(&again, size);
	must(again.n == e.n && again.tries == e.tries);
	for (size_t i = 0; i < e.n; i++)
		must(again.rcpts[i].mark == '-' && again.rcpts[i].code == 550 &&
		    !strcmp(again.rcpts[i].text, e.rcpts[i].text) &&
		    !strcmp(again.rcpts[i].address, e.rcpts[i].address));
	entry_close(&again);
	entry_release(q, &e);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct qname name = {1, "abcdefghij0123456789", 'q'};
	struct queue q = {.dead = -1, .corrupt = -1};
	struct entry e;

	put(&name, data, n);
	q.dir = q.tmp = q.queue = dir;
	if (entry_open(dir, &name, &e))
		return 0;
	check(&e, n);
	entry_close(&e);
	q.lock = memfd_create("lock", 0);
	mark(&q, &name, n);
	close(q.lock);
	return 0;
}
