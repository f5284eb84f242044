/* pop3 [-u] [-1] VERB[:NUMBER]...: asks these at once (-u: without sending
 * them), reads the server's octets from standard input (-1: one at a time) and
 * prints the events. pop3 splits VERB...: the same for the input cut in two
 * anywhere. pop3 command: takes lines apart. pop3 top LINES: cuts a message. */
#include "drv.h"

#include "pop3.h"

static char **asked;
static bool unsent;

static const char *const verbs[] = {
    "CAPA", "UIDL", "LIST", "RETR", "DELE", "RSET", "QUIT"};
static const char *const events[] = {
    "MORE", "OK", "ERR", "ITEM", "DATA", "END", "BROKEN"};

static void
ask(struct pop3 *p, const char *what)
{
	const char *colon = strchr(what, ':');
	size_t n = colon ? (size_t)(colon - what) : strlen(what);
	unsigned v = 0;

	while (strncmp(verbs[v], what, n) != 0)
		v++;
	pop3_ask(p, v, colon ? (uint32_t)atoi(colon + 1) : 0);
}

/* Prints events until more is needed; false when nothing can follow. */
static bool
feed(
    struct pop3 *p, const char *in, size_t n, struct buf *body, struct buf *out)
{
	size_t taken, at = 0;
	enum pop3_event e;

	while ((e = pop3_read(p, in + at, n - at, &taken)) != POP3_MORE) {
		at += taken;
		if (e == POP3_DATA) {
			buf_add(body, p->data.data, p->data.len);
			continue;
		}
		if (e == POP3_END && p->verb == POP3_RETR)
			buf_add(out, body->data, body->len);
		buf_reset(body);
		buf_adds(out, events[e]);
		if (e != POP3_BROKEN)
			buf_addf(out, " %s %u", verbs[p->verb], p->number);
		if (e == POP3_ITEM)
			buf_addf(out, " item=%u", p->item);
		if (e == POP3_ERR && *p->code)
			buf_addf(out, " code=%s", p->code);
		if (e != POP3_END && *p->text)
			buf_addf(out, ": %s", p->text);
		buf_addc(out, '\n');
		if (e == POP3_BROKEN)
			return false;
	}
	return true;
}

static void
begin(struct pop3 *p)
{
	for (char **a = asked; *a; a++)
		ask(p, *a);
	if (!unsent)
		pop3_sent(p, p->out.len);
}

static void
end(struct pop3 *p, struct buf *out)
{
	buf_addf(out, "waiting=%zu pipelining=%d uidl=%d top=%d\n",
	    pop3_waiting(p), p->has_pipelining, p->has_uidl, p->has_top);
	pop3_free(p);
}

static void
cut(const char *a, size_t n, const char *b, size_t m, struct buf *out)
{
	struct buf body = BUF_INIT;
	struct pop3 p = {0};

	begin(&p);
	if (feed(&p, a, n, &body, out))
		feed(&p, b, m, &body, out);
	end(&p, out);
	buf_free(&body);
}

static void
single(const struct buf *in, struct buf *out)
{
	struct buf body = BUF_INIT;
	struct pop3 p = {0};

	begin(&p);
	for (size_t i = 0; i < in->len; i++)
		if (!feed(&p, in->data + i, 1, &body, out))
			break;
	end(&p, out);
	buf_free(&body);
}

static void
commands(struct buf *in, struct buf *out)
{
	size_t at = 0;

	while (at < in->len) {
		char *lf = memchr(in->data + at, '\n', in->len - at);
		size_t n = lf ? (size_t)(lf - in->data) + 1 - at : in->len - at;
		char *line = xrealloc(NULL, n);
		struct pop3_command c;

		memcpy(line, in->data + at, n);
		if (pop3_command(line, n, &c) < 0)
			buf_adds(out, "none\n");
		else
			buf_addf(
			    out, "<%s> <%s>\n", c.verb, c.arg ? c.arg : "-");
		free(line);
		at += n;
	}
}

static void
top(const struct buf *in, const char *lines, struct buf *out)
{
	struct pop3_top t = {.bol = true, .lines = strtoul(lines, NULL, 10)};

	for (size_t i = 0; i < in->len; i++)
		if (pop3_top(&t, in->data + i, 1))
			buf_addc(out, in->data[i]);
	t = (struct pop3_top){.bol = true, .lines = strtoul(lines, NULL, 10)};
	buf_addf(out, "|%d\n",
	    pop3_top(&t, in->data, in->len) == strcspn(buf_str(out), "|"));
}

int
main(int argc, char *argv[])
{
	struct buf in = drv_input(), out = BUF_INIT;
	const char *how = argc > 1 ? argv[1] : "";
	int status = 0;

	asked = argv + 1;
	if (strcmp(how, "command") == 0)
		commands(&in, &out);
	else if (strcmp(how, "top") == 0)
		top(&in, argv[2], &out);
	else if (strcmp(how, "splits") == 0) {
		asked++;
		status = drv_splits(&in, cut);
	} else if (strcmp(how, "-1") == 0) {
		asked++;
		single(&in, &out);
	} else {
		unsent = strcmp(how, "-u") == 0;
		asked += unsent;
		cut(in.data, in.len, "", 0, &out);
	}
	drv_output(&out);
	buf_free(&in);
	buf_free(&out);
	return status;
}
