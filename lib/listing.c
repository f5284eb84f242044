#include "listing.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "date.h"
#include "reply.h"

struct listing {
	struct queue *q;
	FILE *out;
	bool json;
};

static const char *
mark_name(char mark)
{
	switch (mark) {
	case ENTRY_ACCEPTED:
	case ENTRY_RELAYED:
	case ENTRY_DELIVERED:
		return "accepted";
	case ENTRY_FAILED:
		return "failed";
	case ENTRY_REPORTED:
		return "reported";
	case ENTRY_UNSURE:
		return "unsure";
	default:
		return "pending";
	}
}

/* --- for people --- */

static const char *
clean(const char *s, char *out, size_t size)
{
	reply_escape(s, strlen(s), out, size);
	return out;
}

static void
put_text(const struct listing *l, const struct entry *e)
{
	char date[DATE_MAX], s[1200];
	size_t i;

	date_iso8601((time_t)e->name.due, date);
	fprintf(l->out, "%s %s %s %u %llu <%s>\n", e->name.id,
	    e->name.state == 'h' ? "held" : "queued", date, e->tries,
	    (unsigned long long)e->size, clean(e->sender, s, sizeof s));
	for (i = 0; i < e->n; i++) {
		const struct entry_rcpt *r = &e->rcpts[i];

		if (!entry_is_open(r))
			continue;
		fprintf(l->out, "  <%s>%s", clean(r->address, s, sizeof s),
		    r->mark == ENTRY_UNSURE ? " unsure:" : "");
		if (r->code)
			fprintf(l->out, " %03d", r->code);
		if (*r->text)
			fprintf(l->out, " %s", clean(r->text, s, sizeof s));
		fputc('\n', l->out);
	}
}

/* --- for programs --- */

/* How many octets of s are one valid character of UTF-8; 0: none. */
static size_t
utf8_length(const unsigned char *s)
{
	size_t n = s[0] < 0x80 ? 1
	    : s[0] < 0xc2      ? 0
	    : s[0] < 0xe0      ? 2
	    : s[0] < 0xf0      ? 3
	    : s[0] < 0xf5      ? 4
			       : 0;
	size_t i;

	for (i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

/* Octets that are no UTF-8 are written as the character of their number. */
static void
put_string(FILE *out, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t n;

	fputc('"', out);
	for (; *s; s += n ? n : 1) {
		n = utf8_length(s);
		if (n == 0 || *s < ' ' || *s == 127 ||
		    (*s == 0xc2 && s[1] < 0xa0))
			fprintf(out, "\\u%04x", n == 2 ? s[1] : s[0]);
		else if (*s == '"' || *s == '\\')
			fprintf(out, "\\%c", *s);
		else
			fwrite(s, 1, n, out);
	}
	fputc('"', out);
}

static void
put_json(const struct listing *l, const struct entry *e)
{
	size_t i;

	fprintf(l->out,
	    "{\"id\":\"%s\",\"state\":\"%s\",\"due\":%lld,\"tries\":%u,"
	    "\"size\":%llu,\"created\":%lld,\"expires\":%lld,\"mail_id\":",
	    e->name.id, e->name.state == 'h' ? "held" : "queued", e->name.due,
	    e->tries, (unsigned long long)e->size, (long long)e->created,
	    (long long)e->expires);
	put_string(l->out, e->mail_id);
	fputs(",\"sender\":", l->out);
	put_string(l->out, e->sender);
	fputs(",\"recipients\":[", l->out);
	for (i = 0; i < e->n; i++) {
		const struct entry_rcpt *r = &e->rcpts[i];

		fputs(i ? ",{\"address\":" : "{\"address\":", l->out);
		put_string(l->out, r->address);
		fprintf(l->out, ",\"state\":\"%s\",\"code\":%d,\"text\":",
		    mark_name(r->mark), r->code);
		put_string(l->out, r->text);
		fputc('}', l->out);
	}
	fputs("]}\n", l->out);
}

/* A message that goes away meanwhile, or is none, is not listed. */
static int
put(const char *file, const struct qname *n, void *arg)
{
	const struct listing *l = arg;
	struct entry e;

	(void)file;
	if (!n)
		return 0;
	if (entry_open(l->q->queue, n, &e))
		return errno == ENOENT || errno == EBADMSG ? 0 : -1;
	(l->json ? put_json : put_text)(l, &e);
	entry_close(&e);
	return ferror(l->out) ? 1 : 0;
}

int
listing_write(struct queue *q, bool json, FILE *out)
{
	struct listing l = {q, out, json};

	return qname_each(q->queue, put, &l) < 0 ? -1 : 0;
}

static void
put_escaped(const char *p, size_t n, FILE *out)
{
	char text[4 * 256 + 1];
	size_t k;

	for (; n > 0; p += k, n -= k) {
		if (*p == '\n' || *p == '\t') {
			fputc(*p, out);
			k = 1;
			continue;
		}
		for (k = 1; k < n && k < 256 && p[k] != '\n' && p[k] != '\t';)
			k++;
		reply_escape(p, k, text, sizeof text);
		fputs(text, out);
	}
}

int
listing_message(const struct entry *e, bool escape, FILE *out)
{
	char data[32768];
	uint64_t at = e->offset, end = at + e->size;
	ssize_t n;

	for (; at < end; at += (uint64_t)n) {
		size_t want = end - at < sizeof data ? end - at : sizeof data;

		n = pread(e->fd, data, want, (off_t)at);
		if (n <= 0) {
			errno = n ? errno : EIO;
			return -1;
		}
		if (escape)
			put_escaped(data, (size_t)n, out);
		else
			fwrite(data, 1, (size_t)n, out);
	}
	return 0;
}
