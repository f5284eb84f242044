#include "supply.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "compose.h"
#include "date.h"
#include "envelope.h"
#include "header.h"

/* From: the name that was given, as a reader must see it, and the sender. */
static void
add_from(const struct supply_from *f, struct buf *top)
{
	struct buf list = BUF_INIT, rcpts = BUF_INIT;
	const char *sender = *f->sender ? f->sender : "MAILER-DAEMON";
	size_t was = top->len;

	buf_addc(&list, '"');
	for (const char *p = f->name ? f->name : ""; *p; p++) {
		if (*p == '"' || *p == '\\')
			buf_addc(&list, '\\');
		buf_addc(&list, *p);
	}
	buf_addf(&list, "\" <%s>", sender);
	if (!f->name ||
	    compose_addresses(top, "From", buf_str(&list), &rcpts) != 1) {
		top->len = was;
		buf_addf(top, "From: <%s>\n", sender);
	}
	buf_free(&list);
	buf_free(&rcpts);
}

static void
add_id(const struct supply_from *f, struct buf *top)
{
	char id[21], host[256] = "localhost";

	envelope_mail_id(id);
	if (!f->host && gethostname(host, sizeof host) != 0)
		strcpy(host, "localhost");
	host[sizeof host - 1] = '\0';
	buf_addf(top, "Message-ID: <%s@%s>\n", id, f->host ? f->host : host);
}

void
supply_fields(
    const struct intake *in, const struct supply_from *from, struct buf *out)
{
	struct buf top = BUF_INIT, all = BUF_INIT;
	const char *first = buf_str(out), *lf;
	char date[DATE_MAX];
	size_t n, below = 0;

	lf = memchr(first, '\n', out->len);
	n = lf ? (size_t)(lf - first) + 1 : out->len;
	if (header_is_from(first, n))
		below = n;
	if (!in->has_date) {
		date_rfc5322(time(NULL), date);
		buf_addf(&top, "Date: %s\n", date);
	}
	if (!in->has_from)
		add_from(from, &top);
	if (!in->has_id)
		add_id(from, &top);
	if (top.len && n > 0 && !below && header_needs_gap(first, n))
		buf_addc(&top, '\n');
	buf_add(&all, first, below);
	buf_add(&all, top.data, top.len);
	buf_add(&all, first + below, out->len - below);
	buf_free(&top);
	buf_free(out);
	*out = all;
}

static void
let_go(struct supply *s)
{
	s->done = true;
	supply_fields(&s->in, &s->from, &s->held);
	buf_add(&s->out, s->held.data, s->held.len);
	buf_free(&s->held);
}

void
supply_take(struct supply *s, const struct buf *data)
{
	intake(&s->in, data->data, data->len, s->done ? &s->out : &s->held);
	if (!s->done && s->in.header_done)
		let_go(s);
}

void
supply_end(struct supply *s)
{
	intake_end(&s->in, s->done ? &s->out : &s->held);
	if (!s->done)
		let_go(s);
}

void
supply_free(struct supply *s)
{
	intake_free(&s->in);
	buf_free(&s->out);
	buf_free(&s->held);
}
