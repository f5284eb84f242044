#include "forward.h"

#include <errno.h>

#include "envelope.h"

int
forward_begin(struct forward *f, const char *spool, const char *sender,
    const char *mail_id, const struct target *targets, size_t n)
{
	struct queue_options o = {.mail_id = mail_id};
	struct envelope e = ENVELOPE_INIT;
	struct buf top = BUF_INIT;
	int result, saved;

	envelope_sender(&e, sender ? sender : "", "");
	for (size_t i = 0; i < n; i++) {
		if (targets[i].kind != MAILBOX_FORWARD)
			continue;
		envelope_rcpt(&e, targets[i].place, "");
		target_top(&targets[i], sender, &top);
	}
	envelope_unique(&e);
	result = queue_open(&f->queue, spool, true);
	f->open = result == 0;
	if (result == 0)
		result = queue_begin(&f->queue, &f->add, &e, &o);
	if (result == 0)
		result = queue_write(&f->add, top.data, top.len);
	saved = errno;
	envelope_free(&e);
	buf_free(&top);
	errno = saved;
	return result;
}

int
forward_write(struct forward *f, const void *data, size_t n)
{
	return queue_write(&f->add, data, n);
}

int
forward_commit(struct forward *f)
{
	return queue_commit(&f->add);
}

void
forward_abort(struct forward *f)
{
	if (f->open)
		queue_abort(&f->add);
}

void
forward_close(struct forward *f)
{
	if (f->open)
		queue_close(&f->queue);
	f->open = false;
}
