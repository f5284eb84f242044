/* imap [-u] [-1] VERB[:NUMBER]...: asks these at once (-u: without sending
 * them), reads the server's octets from standard input (-1: one at a time) and
 * prints the events. imap splits VERB...: the same for the input cut in two
 * anywhere. imap long N VERB: reads the input N times over. imap quote: writes
 * it as a quoted string. imap mutf7 | utf7 | disk SEPARATOR | date: each line
 * as UTF-8, in modified UTF-7, as a folder's name on disk, as a time. imap
 * ranges: "add A:B", "cut N", "remove N" one a line, then shows the set. */
#include "drv.h"

#include "date.h"
#include "foldername.h"
#include "imap.h"
#include "mutf7.h"
#include "ranges.h"

static char **asked;
static bool unsent;

static const char *const verbs[] = {"CAPABILITY", "LIST", "STATUS", "SELECT",
    "FETCH", "STORE", "EXPUNGE", "LOGOUT"};
static const char *const events[] = {"MORE", "OK", "NO", "BAD", "OTHER",
    "MAILBOX", "COUNTS", "DATA", "MESSAGE", "BYE", "BROKEN"};

static void
ask(struct imap *i, const char *what)
{
	const char *colon = strchr(what, ':');
	size_t n = colon ? (size_t)(colon - what) : strlen(what);
	unsigned v = 0;

	while (strlen(verbs[v]) != n || strncmp(verbs[v], what, n) != 0)
		v++;
	imap_ask(i, v, colon ? (uint32_t)atoi(colon + 1) : 0, NULL);
}

static void
show_counts(const struct imap *i, struct buf *out)
{
	buf_addf(out, " messages=%u uidnext=%u uidvalidity=%u",
	    i->said.counts.messages, i->said.counts.uidnext,
	    i->said.counts.uidvalidity);
}

static void
show_message(const struct imap *i, const struct buf *body, struct buf *out)
{
	buf_addf(out, " uid=%u flags=%s", i->said.uid, i->said.flags);
	if (i->said.has_date)
		buf_addf(out, " date=%lld", (long long)i->said.date);
	if (!i->said.has_body)
		return;
	buf_adds(out, " body=");
	buf_add(out, body->data, body->len);
}

static void
show(enum imap_event e, struct imap *i, const struct buf *body, struct buf *out)
{
	buf_adds(out, events[e]);
	if (e >= IMAP_OK && e <= IMAP_BAD) {
		buf_addf(out, " %s %u", verbs[i->said.verb], i->said.number);
		if (*i->said.code)
			buf_addf(out, " code=%s", i->said.code);
		if (i->said.verb == IMAP_SELECT)
			show_counts(i, out);
	}
	if (e == IMAP_MAILBOX || e == IMAP_COUNTS)
		buf_addf(out, " <%s>", buf_str(&i->said.name));
	if (e == IMAP_MAILBOX)
		buf_addf(out, " %c%s",
		    i->said.separator ? i->said.separator : '-',
		    i->said.selectable ? "" : " not selectable");
	if (e == IMAP_COUNTS)
		show_counts(i, out);
	if (e == IMAP_MESSAGE)
		show_message(i, body, out);
	if (e <= IMAP_BAD || e >= IMAP_BYE)
		buf_addf(out, ": %s", i->said.text);
	buf_addc(out, '\n');
}

/* Prints events until more is needed; false when nothing can follow. */
static bool
feed(
    struct imap *i, const char *in, size_t n, struct buf *body, struct buf *out)
{
	size_t taken, at = 0;
	enum imap_event e;

	while ((e = imap_read(i, in + at, n - at, &taken)) != IMAP_MORE) {
		at += taken;
		if (e == IMAP_DATA) {
			buf_add(body, i->said.data.data, i->said.data.len);
			continue;
		}
		show(e, i, body, out);
		buf_reset(body);
		if (e == IMAP_BROKEN)
			return false;
	}
	return true;
}

static void
begin(struct imap *i)
{
	for (char **a = asked; *a; a++)
		ask(i, *a);
	if (!unsent)
		imap_sent(i, i->out.len);
}

static void
end(struct imap *i, struct buf *out)
{
	buf_addf(out, "waiting=%zu expunged=%llu uidplus=%d list-status=%d\n",
	    imap_waiting(i), (unsigned long long)i->said.expunged,
	    i->said.has_uidplus, i->said.has_list_status);
	imap_free(i);
}

static void
cut(const char *a, size_t n, const char *b, size_t m, struct buf *out)
{
	struct buf body = BUF_INIT;
	struct imap i = {0};

	begin(&i);
	if (feed(&i, a, n, &body, out))
		feed(&i, b, m, &body, out);
	end(&i, out);
	buf_free(&body);
}

static void
single(const struct buf *in, struct buf *out)
{
	struct buf body = BUF_INIT;
	struct imap i = {0};

	begin(&i);
	for (size_t k = 0; k < in->len; k++)
		if (!feed(&i, in->data + k, 1, &body, out))
			break;
	end(&i, out);
	buf_free(&body);
}

static void
repeated(const struct buf *in, unsigned long times, struct buf *out)
{
	struct buf body = BUF_INIT;
	struct imap i = {0};

	begin(&i);
	while (times-- && feed(&i, in->data, in->len, &body, out))
		buf_reset(&body);
	end(&i, out);
	buf_free(&body);
}

static void
convert(char *line, char *argv[], struct buf *out)
{
	size_t n = strlen(line);
	time_t t;
	int r = 0;

	if (strcmp(argv[1], "mutf7") == 0)
		r = mutf7_decode(line, n, out);
	else if (strcmp(argv[1], "utf7") == 0)
		r = mutf7_encode(line, n, out);
	else if (strcmp(argv[1], "disk") == 0)
		foldername_disk(line, n, *argv[2], out);
	else if ((r = date_internal(line, &t)) == 0)
		buf_addf(out, "%lld", (long long)t);
	if (r < 0)
		buf_adds(out, "none");
}

static void
lines(struct buf *in, char *argv[], struct buf *out)
{
	for (char *s = buf_str(in); *s;) {
		char *lf = strchrnul(s, '\n'), *next = *lf ? lf + 1 : lf;

		*lf = 0;
		convert(s, argv, out);
		buf_addc(out, '\n');
		s = next;
	}
}

static void
ranges(struct buf *in, struct buf *out)
{
	struct ranges set = {0};
	struct range r;

	for (char *s = strtok(buf_str(in), "\n"); s; s = strtok(NULL, "\n")) {
		char *arg = strchr(s, ' ') + 1;

		if (ranges_parse(arg, strlen(arg), &r) < 0)
			buf_adds(out, "none\n");
		else if (*s == 'a')
			ranges_add(&set, r.first, r.last);
		else if (*s == 'c')
			buf_addf(out, "%llu cut\n",
			    (unsigned long long)ranges_cut(&set, r.last));
		else
			buf_adds(out,
			    ranges_remove(&set, r.first) ? "removed\n"
							 : "absent\n");
	}
	for (size_t i = 0; i < set.n; i++)
		buf_addf(out, "%u:%u ", set.list[i].first, set.list[i].last);
	buf_addf(out, "count=%llu gap=%u\n",
	    (unsigned long long)ranges_count(&set), ranges_gap(&set));
	ranges_free(&set);
}

int
main(int argc, char *argv[])
{
	struct buf in = drv_input(), out = BUF_INIT;
	const char *how = argc > 1 ? argv[1] : "";
	int status = 0;

	asked = argv + 1;
	if (strcmp(how, "quote") == 0)
		status = imap_quote(&out, in.data, in.len) < 0;
	else if (strcmp(how, "ranges") == 0)
		ranges(&in, &out);
	else if (*how >= 'a' && strcmp(how, "splits") != 0 &&
	    strcmp(how, "long") != 0)
		lines(&in, argv, &out);
	else if (strcmp(how, "splits") == 0) {
		asked++;
		status = drv_splits(&in, cut);
	} else if (strcmp(how, "long") == 0) {
		asked += 2;
		repeated(&in, strtoul(argv[2], NULL, 10), &out);
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
