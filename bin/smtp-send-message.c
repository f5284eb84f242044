/* The message of the single form: read to its end and checked before any
 * server is asked. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "address.h"
#include "atomic.h"
#include "envelope.h"
#include "intake.h"
#include "log.h"
#include "smtp-send.h"

static int
write_all(int fd, struct buf *b)
{
	for (size_t at = 0; at < b->len;) {
		ssize_t n = write(fd, b->data + at, b->len - at);
		if (n < 0 && errno != EINTR)
			return -1;
		at += n > 0 ? (size_t)n : 0;
	}
	buf_reset(b);
	return 0;
}

static void
check_message(const struct intake *i, const struct letter *l, bool empty)
{
	const char *what;
	uint64_t offset = intake_offense(i, &what);

	if (l->sized && i->octets != l->size)
		log_die(EX_TEMPFAIL, "read message: %llu octets, not %llu",
		    (unsigned long long)i->octets, (unsigned long long)l->size);
	if (offset)
		log_die(EX_DATAERR, "read message: %s at octet %llu", what,
		    (unsigned long long)offset - 1);
	if (i->octets == 0 && !empty)
		log_die(EX_DATAERR,
		    "read message: no octets (--allow-empty sends it)");
}

/* Standard input to an unlinked file, as it is to be sent. */
static int
copy_message(struct intake *i, const struct letter *l, bool empty)
{
	static char block[BLOCK];
	struct buf out = BUF_INIT;
	int fd = atomic_scratch();
	ssize_t n;

	if (fd < 0)
		log_die(
		    EX_TEMPFAIL, "create temporary file: %s", strerror(errno));
	do {
		n = read(STDIN_FILENO, block, BLOCK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			log_die(
			    EX_TEMPFAIL, "read message: %s", strerror(errno));
		if (n > 0)
			intake(i, block, (size_t)n, &out);
		else
			intake_end(i, &out);
		if (write_all(fd, &out) < 0)
			log_die(EX_TEMPFAIL, "write temporary file: %s",
			    strerror(errno));
	} while (n != 0);
	buf_free(&out);
	check_message(i, l, empty);
	return fd;
}

static void
add_rcpt(struct envelope *e, const char *text)
{
	struct address a;

	if (address_parse(&a, text, strlen(text), ADDRESS_BARE | ADDRESS_UTF8) <
	    0)
		log_die(
		    EX_DATAERR, "read recipient `%s': not an address", text);
	envelope_rcpt(e, text, "");
}

static void
add_header_rcpts(struct envelope *e, struct intake *i)
{
	struct buf *list = i->resent.len ? &i->resent : &i->to;
	struct buf full = BUF_INIT;

	if (i->bad.len)
		log_die(EX_DATAERR, "read header: not an address list: %s",
		    buf_str(&i->bad));
	for (size_t at = 0; at < list->len; at += strlen(list->data + at) + 1) {
		buf_reset(&full);
		envelope_qualify(list->data + at, &full);
		add_rcpt(e, buf_str(&full));
	}
	buf_free(&full);
}

static void
find_sender(struct envelope *e, const char *sender)
{
	struct buf path = BUF_INIT;

	if (sender && envelope_parse_sender(sender, &path) < 0)
		log_die(EX_USAGE, "-f %s: not an address", sender);
	if (!sender && envelope_default_sender(&path) < 0)
		log_die(EX_CONFIG, "sender %s: not an address (-f, $EMAIL)",
		    buf_str(&path));
	envelope_sender(e, buf_str(&path), "");
	buf_free(&path);
}

void
letter_take(const struct letter *l, struct session *c, char *rcpts[])
{
	static struct envelope e = ENVELOPE_INIT;
	static char name[] = "message";
	struct intake i = {
	    .keep_bcc = getenv("MAIL_ID"), .collect = l->from_header};
	struct batch_job b = {.id = name, .path = name, .size = UINT64_MAX};
	int fd;

	find_sender(&e, l->sender);
	for (; *rcpts; rcpts++)
		add_rcpt(&e, *rcpts);
	fd = copy_message(&i, l, c->allow_empty);
	if (l->from_header)
		add_header_rcpts(&e, &i);
	intake_free(&i);
	envelope_unique(&e);
	if (e.n == 0)
		log_die(EX_DATAERR, "read header: no recipients in it");
	b.sender = (struct batch_path){e.sender, e.params};
	b.rcpts = xrealloc(NULL, e.n * sizeof *b.rcpts);
	for (b.n = 0; b.n < e.n; b.n++)
		b.rcpts[b.n] = (struct batch_path){
		    e.rcpts[b.n].address, e.rcpts[b.n].params};
	session_add(c, &b, NULL, fd);
}
