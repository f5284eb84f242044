/* pop3-serve: the commands on a mailbox, once a login has it. */
#include "pop3-serve.h"

#include <inttypes.h>
#include <sysexits.h>
#include <unistd.h>

#include "crlf.h"
#include "log.h"

#define BLOCK 32768

static enum pop3d_answer
send_message(
    struct session *s, struct maildrop_message *m, struct pop3_top *top)
{
	struct crlf_wire w = {.bol = true, .stuff = true};
	char block[BLOCK];
	uint64_t left;
	bool more = true;
	int fd = maildrop_read(&s->drop, m, &left);

	if (fd < 0)
		return POP3D_UNREADABLE;
	conn_put(&s->conn, "+OK message follows\r\n", 21);
	while (left && more && !s->conn.error) {
		size_t want = left < BLOCK ? (size_t)left : BLOCK, part;
		ssize_t n = read(fd, block, want);

		if (n <= 0)
			break;
		part = top ? pop3_top(top, block, (size_t)n) : (size_t)n;
		more = part == (size_t)n;
		left -= (uint64_t)n;
		crlf_wire(&w, block, part, &s->wire);
		conn_put(&s->conn, s->wire.data, s->wire.len);
		buf_reset(&s->wire);
	}
	close(fd);
	if (more && left) {
		/* The end must not be seen: it would make the part a whole. */
		log_error("read message %s: %s", m->file->name,
		    s->conn.error ? "the client is gone" : "it was cut short");
		return POP3D_CUT;
	}
	crlf_wire_end(&w, &s->wire);
	buf_adds(&s->wire, ".\r\n");
	conn_put(&s->conn, s->wire.data, s->wire.len);
	buf_reset(&s->wire);
	s->sent++;
	return POP3D_SAID;
}

static enum pop3d_answer
count(struct session *s)
{
	uint64_t octets = 0;
	size_t n = 0;

	for (size_t i = 0; i < s->drop.n; i++) {
		struct maildrop_message *m = &s->drop.messages[i];

		if (m->marked)
			continue;
		maildrop_measure(&s->drop, m);
		if (m->gone)
			continue;
		octets += m->octets;
		n++;
	}
	conn_putf(&s->conn, "+OK %zu %" PRIu64 "\r\n", n, octets);
	return POP3D_SAID;
}

static void
put_size(struct session *s, struct maildrop_message *m)
{
	conn_putf(&s->conn, "%zu %" PRIu64 "\r\n",
	    (size_t)(m - s->drop.messages) + 1, m->octets);
}

static void
put_uid(struct session *s, struct maildrop_message *m)
{
	conn_putf(&s->conn, "%zu %.*s\r\n", (size_t)(m - s->drop.messages) + 1,
	    m->uid_len, m->uid);
}

/* LIST and UIDL, of one message or all. */
static enum pop3d_answer
list(struct session *s,
    void (*put)(struct session *s, struct maildrop_message *m))
{
	struct maildrop_message *m = s->drop.messages, *end = m + s->drop.n;

	if (!s->dialogue.all) {
		m = maildrop_find(&s->drop, s->dialogue.number);
		if (m && put == put_size)
			maildrop_measure(&s->drop, m);
		if (!m || m->gone)
			return POP3D_NO_MESSAGE;
		conn_put(&s->conn, "+OK ", 4);
		put(s, m);
		return POP3D_SAID;
	}
	conn_put(&s->conn, "+OK\r\n", 5);
	for (; m < end; m++) {
		if (put == put_size && !m->marked)
			maildrop_measure(&s->drop, m);
		if (!m->marked && !m->gone)
			put(s, m);
	}
	conn_put(&s->conn, ".\r\n", 3);
	return POP3D_SAID;
}

static enum pop3d_answer
retrieve(struct session *s, enum pop3d_event event)
{
	struct maildrop_message *m =
	    maildrop_find(&s->drop, s->dialogue.number);
	struct pop3_top top = {.bol = true, .lines = s->dialogue.lines};

	if (!m)
		return POP3D_NO_MESSAGE;
	return send_message(s, m, event == POP3D_TOP ? &top : NULL);
}

static enum pop3d_answer
mark(struct session *s)
{
	struct maildrop_message *m =
	    maildrop_find(&s->drop, s->dialogue.number);

	if (!m)
		return POP3D_NO_MESSAGE;
	m->marked = true;
	return POP3D_DONE;
}

static enum pop3d_answer
unmark_all(struct session *s)
{
	for (size_t i = 0; i < s->drop.n; i++)
		s->drop.messages[i].marked = false;
	return POP3D_DONE;
}

static enum pop3d_answer
update(struct session *s)
{
	if (maildrop_update(&s->drop) == 0)
		return POP3D_DONE;
	s->status = EX_TEMPFAIL;
	return POP3D_NOT_REMOVED;
}

enum pop3d_answer
maildrop_act(struct session *s, enum pop3d_event event)
{
	switch (event) {
	case POP3D_STAT:
		return count(s);
	case POP3D_LIST:
		return list(s, put_size);
	case POP3D_UIDL:
		maildrop_name(&s->drop);
		return list(s, put_uid);
	case POP3D_DELE:
		return mark(s);
	case POP3D_RSET:
		return unmark_all(s);
	case POP3D_UPDATE:
		return update(s);
	default:
		return retrieve(s, event);
	}
}
