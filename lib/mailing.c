#include "mailing.h"

void
mailing_reset(struct mailing *m)
{
	m->open = m->utf8 = m->tried = m->receiving = m->spoiled = false;
	m->rcpts = m->answered = 0;
}

const char *
mailing_missing(const struct mailing *m)
{
	if (m->rcpts > 0)
		return NULL;
	if (m->open && m->tried)
		return m->lmtp ? "503 5.5.1 No valid recipients"
			       : "554 5.5.1 No valid recipients";
	return m->open ? "503 5.5.1 Send RCPT first"
		       : "503 5.5.1 Send MAIL first";
}

void
mailing_begin(struct mailing *m, const struct command *c, bool message,
    const char *refusal)
{
	m->receiving = message;
	m->spoiled = message && refusal;
	content_begin(
	    &m->content, m->max_size, m->normalize, c->verb == COMMAND_BDAT);
	content_chunk(&m->content, c->chunk, c->last);
	if (refusal)
		content_spoil(&m->content, refusal);
}

void
mailing_go_on(struct mailing *m, const struct command *c)
{
	content_chunk(&m->content, c->chunk, c->last);
}

size_t
mailing_take(struct mailing *m, const char *in, size_t n, bool *body, bool *end)
{
	struct content *c = &m->content;

	n = content_take(c, in, n, end);
	*body = c->body.len > 0 && (c->begun || (*end && content_is_whole(c)));
	return n;
}

static void
add(struct buf *out, const char *reply)
{
	buf_adds(out, reply);
	buf_add(out, "\r\n", 2);
}

/* Each further chunk of a message that is refused has the same reply. */
enum mailing_end
mailing_end(struct mailing *m, struct buf *out)
{
	const char *fault = content_end(&m->content);
	bool told = m->spoiled;

	if (!content_is_whole(&m->content)) {
		add(out, fault ? fault : "250 2.0.0 Go on");
		m->spoiled = fault;
	} else if (!fault) {
		return MAILING_WHOLE;
	} else {
		do
			add(out, fault);
		while (m->lmtp && ++m->answered < m->rcpts);
		mailing_reset(m);
	}
	return fault && !told ? MAILING_REFUSED : MAILING_CHUNKED;
}

void
mailing_free(struct mailing *m)
{
	content_free(&m->content);
}
