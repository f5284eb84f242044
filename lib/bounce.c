#include "bounce.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "address.h"
#include "date.h"
#include "envelope.h"

#define HEADERS_MAX 51200

static const struct {
	const char *name, *subject, *text;
} words[] = {
    [BOUNCE_FAILED] = {"failed", "Undelivered mail",
	"Your message could not be delivered to these recipients, and will\n"
	"not be tried again.\n"},
    [BOUNCE_DELAYED] = {"delayed", "Delayed mail, still being tried",
	"Your message has not reached these recipients yet. It\n"},
    [BOUNCE_RELAYED] = {"relayed", "Mail passed on",
	"Your message was passed on for these recipients to a mail system\n"
	"that does not tell when it arrives.\n"},
    [BOUNCE_DELIVERED] = {"delivered", "Mail delivered",
	"Your message was delivered to these recipients.\n"}};

static bool
is_ascii(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s > 126)
			return false;
	return true;
}

/* An address as RFC 3464 and, where it is not ASCII, RFC 6533 write it. */
static void
put_address(struct buf *b, const char *field, const char *address)
{
	buf_addf(b, "%s: %s;%s\n", field,
	    is_ascii(address) ? "rfc822" : "utf-8", address);
}

/* The mailbox of a sender's path, for the To field. */
static const char *
mailbox_of(const char *sender, struct address *a)
{
	if (address_parse(
		a, sender, strlen(sender), ADDRESS_BARE | ADDRESS_UTF8))
		return sender;
	address_strip(a);
	return a->text;
}

static void
put_header(struct buf *b, const struct bounce *r, const char *boundary)
{
	char date[DATE_MAX], id[21];
	struct address a;

	date_rfc5322(r->last, date);
	envelope_mail_id(id);
	buf_addf(b, "Date: %s\n", date);
	buf_addf(
	    b, "From: Mail Delivery System <MAILER-DAEMON@%s>\n", r->hostname);
	buf_addf(b, "To: <%s>\n", mailbox_of(r->sender, &a));
	buf_addf(b, "Subject: %s\n", words[r->action].subject);
	buf_addf(b, "Message-ID: <%s@%s>\n", id, r->hostname);
	buf_addf(b, "Auto-Submitted: auto-replied\nMIME-Version: 1.0\n");
	buf_addf(b,
	    "Content-Type: multipart/report; report-type=delivery-status;\n"
	    "\tboundary=\"%s\"\nContent-Transfer-Encoding: 8bit\n\n",
	    boundary);
}

static void
put_text(struct buf *b, const struct bounce *r)
{
	char date[DATE_MAX];
	size_t i;

	buf_addf(b,
	    "Content-Type: text/plain; charset=utf-8\n"
	    "Content-Transfer-Encoding: 8bit\n\n"
	    "This is the mail system at %s.\n\n",
	    r->hostname);
	buf_adds(b, words[r->action].text);
	if (r->action == BOUNCE_DELAYED) {
		date_rfc5322(r->retry_until, date);
		buf_addf(b,
		    "will be tried until %s;\n"
		    "you need not send it again.\n",
		    date);
	}
	buf_addc(b, '\n');
	for (i = 0; i < r->n; i++) {
		buf_addf(b, "    <%s>\n", r->rcpts[i].address);
		if (r->rcpts[i].text && *r->rcpts[i].text)
			buf_addf(b, "        %s\n", r->rcpts[i].text);
	}
	buf_addc(b, '\n');
}

static void
put_status(struct buf *b, const struct bounce *r, const struct bounce_rcpt *c)
{
	if (c->enhanced && *c->enhanced)
		buf_addf(b, "Status: %s\n", c->enhanced);
	else if (r->action == BOUNCE_DELAYED)
		buf_adds(b, "Status: 4.0.0\n");
	else if (r->action != BOUNCE_FAILED)
		buf_adds(b, "Status: 2.0.0\n");
	else if (c->code < 500)
		buf_adds(b, "Status: 4.4.7\n");
	else
		buf_adds(b, "Status: 5.0.0\n");
}

static void
put_rcpt(struct buf *b, const struct bounce *r, const struct bounce_rcpt *c)
{
	char date[DATE_MAX];

	buf_addc(b, '\n');
	if (c->orcpt && *c->orcpt)
		buf_addf(b, "Original-Recipient: %s\n", c->orcpt);
	put_address(b, "Final-Recipient", c->address);
	buf_addf(b, "Action: %s\n", words[r->action].name);
	put_status(b, r, c);
	if (c->code)
		buf_addf(b, "Diagnostic-Code: smtp; %03d %s\n", c->code,
		    c->text ? c->text : "");
	else if (c->text && *c->text)
		buf_addf(b, "Diagnostic-Code: x-mailpipe; %s\n", c->text);
	date_rfc5322(r->last, date);
	buf_addf(b, "Last-Attempt-Date: %s\n", date);
	if (r->action == BOUNCE_DELAYED) {
		date_rfc5322(r->retry_until, date);
		buf_addf(b, "Will-Retry-Until: %s\n", date);
	}
}

static void
put_report(struct buf *b, const struct bounce *r)
{
	char date[DATE_MAX];
	bool ascii = true;
	size_t i;

	for (i = 0; i < r->n; i++)
		ascii = ascii && is_ascii(r->rcpts[i].address) &&
		    (!r->rcpts[i].orcpt || is_ascii(r->rcpts[i].orcpt));
	buf_addf(b, "Content-Type: message/%sdelivery-status\n",
	    ascii ? "" : "global-");
	if (!ascii)
		buf_adds(b, "Content-Transfer-Encoding: 8bit\n");
	buf_addf(b, "\nReporting-MTA: dns;%s\n", r->hostname);
	if (r->envid)
		buf_addf(b, "Original-Envelope-Id: %s\n", r->envid);
	buf_addf(b, "X-Mailpipe-ID: %s\n", r->id);
	date_rfc5322(r->arrived, date);
	buf_addf(b, "Arrival-Date: %s\n", date);
	for (i = 0; i < r->n; i++)
		put_rcpt(b, r, &r->rcpts[i]);
	buf_addc(b, '\n');
}

/* How many of n octets come before the empty line that ends the header; *bol
 * carries over whether a line begins. */
static size_t
until_empty_line(const char *data, size_t n, bool *bol)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (*bol && data[i] == '\n')
			return i;
		*bol = data[i] == '\n';
	}
	return n;
}

static int
copy_original(const struct bounce *r, int fd, uint64_t at, uint64_t size,
    int (*write)(void *, const void *, size_t), void *arg)
{
	char data[16384];
	bool bol = true, newline = true;

	while (size > 0) {
		size_t want = size < sizeof data ? size : sizeof data, keep;
		ssize_t n = pread(fd, data, want, (off_t)at);

		if (n <= 0 && !(n < 0 && errno == EINTR)) {
			errno = n ? errno : EIO;
			return -1;
		}
		if (n < 0)
			continue;
		keep = r->headers_only ? until_empty_line(data, (size_t)n, &bol)
				       : (size_t)n;
		if (keep > 0) {
			newline = data[keep - 1] == '\n';
			if (write(arg, data, keep))
				return -1;
		}
		if (keep < (size_t)n)
			break;
		at += (uint64_t)n;
		size -= (uint64_t)n;
	}
	return newline ? 0 : write(arg, "\n", 1);
}

static int
write_out(struct buf *b, int (*write)(void *, const void *, size_t), void *arg)
{
	int r = write(arg, b->data, b->len);

	buf_reset(b);
	return r;
}

int
bounce_write(const struct bounce *r, int original, uint64_t offset,
    uint64_t size, int (*write)(void *arg, const void *data, size_t n),
    void *arg)
{
	struct buf b = BUF_INIT;
	char boundary[21];
	int result;

	if (r->headers_only && size > HEADERS_MAX)
		size = HEADERS_MAX;
	envelope_mail_id(boundary);
	put_header(&b, r, boundary);
	buf_addf(&b, "--%s\n", boundary);
	put_text(&b, r);
	buf_addf(&b, "--%s\n", boundary);
	put_report(&b, r);
	buf_addf(&b,
	    "--%s\nContent-Type: %s\nContent-Transfer-Encoding: 8bit\n\n",
	    boundary,
	    r->headers_only ? "text/rfc822-headers" : "message/rfc822");
	result = write_out(&b, write, arg) ||
	    copy_original(r, original, offset, size, write, arg);
	buf_addf(&b, "\n--%s--\n", boundary);
	if (!result)
		result = write_out(&b, write, arg);
	buf_free(&b);
	return result ? -1 : 0;
}
