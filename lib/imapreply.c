#include "imapreply.h"

#include <string.h>

#include "date.h"

enum imap_event
imapreply_broken(struct imapreply *p, const char *why)
{
	strcpy(p->text, why);
	return IMAP_BROKEN;
}

static void
set_text(struct imapreply *p, const char *s, size_t n)
{
	if (n > IMAP_TEXT)
		n = IMAP_TEXT;
	memcpy(p->text, s, n);
	p->text[n] = 0;
}

/* "[CODE argument] text": RFC 3501 7.1. */
static int
read_code(struct imapreply *p, struct imapdata *d)
{
	bool selects = p->current == IMAP_SELECT;
	uint32_t *number = NULL;
	const char *s;
	size_t n = 0;

	p->code[0] = 0;
	if (!imapdata_skip(d, '['))
		return 0;
	s = d->s + d->at;
	while (d->at < d->n && d->s[d->at] != ' ' && d->s[d->at] != ']') {
		d->at++;
		n++;
	}
	if (n >= sizeof p->code)
		return 0;
	for (size_t k = 0; k < n; k++)
		p->code[k] =
		    s[k] >= 'a' && s[k] <= 'z' ? s[k] - 'a' + 'A' : s[k];
	p->code[n] = 0;
	if (strcmp(p->code, "UIDNEXT") == 0)
		number = &p->counts.uidnext;
	else if (strcmp(p->code, "UIDVALIDITY") == 0)
		number = &p->counts.uidvalidity;
	if (!selects || !number)
		return 0;
	s = memchr(d->s + d->at, ']', d->n - d->at);
	if (!s)
		return -1;
	struct imapdata value = {
	    d->s + d->at, (size_t)(s - d->s) - d->at, 0, IMAPDATA_NONE};
	return imapdata_skip(&value, ' ') &&
		imapdata_number(&value, 1, number) == 0 && value.at == value.n
	    ? 0
	    : -1;
}

int
imapreply_text(struct imapreply *p, struct imapdata *d)
{
	imapdata_skip(d, ' ');
	set_text(p, d->s + d->at, d->n - d->at);
	return read_code(p, d);
}

static enum imap_event
read_capabilities(struct imapreply *p, struct imapdata *d)
{
	const char *s;
	size_t n;

	while (imapdata_skip(d, ' ') && (n = imapdata_atom(d, &s))) {
		if (imapdata_is(s, n, "UIDPLUS") ||
		    imapdata_is(s, n, "IMAP4rev2"))
			p->has_uidplus = true;
		if (imapdata_is(s, n, "LIST-STATUS"))
			p->has_list_status = true;
	}
	return IMAP_OTHER;
}

/* (attributes) separator name */
static enum imap_event
read_list(struct imapreply *p, struct imapdata *d)
{
	struct buf separator = BUF_INIT;
	const char *s;
	size_t n;
	int r = -1;

	p->selectable = true;
	if (!imapdata_skip(d, ' ') || !imapdata_skip(d, '('))
		return imapreply_broken(p, "a mailbox without attributes");
	while ((n = imapdata_atom(d, &s))) {
		if (imapdata_is(s, n, "\\Noselect") ||
		    imapdata_is(s, n, "\\NonExistent"))
			p->selectable = false;
		imapdata_skip(d, ' ');
	}
	n = d->at + 2;
	if (imapdata_skip(d, ')') && imapdata_skip(d, ' ') &&
	    imapdata_string(d, &separator) == 0 && imapdata_skip(d, ' ')) {
		/* Outside quotes it is NIL. */
		if (d->s[n] != '"')
			p->separator = 0;
		else
			p->separator = separator.len == 1 ? *separator.data : 0;
		buf_reset(&p->name);
		r = imapdata_string(d, &p->name);
	}
	buf_free(&separator);
	return r < 0 ? imapreply_broken(p, "a wrong mailbox") : IMAP_MAILBOX;
}

static int
read_counts(struct imapreply *p, struct imapdata *d)
{
	const char *s;
	size_t n;

	while ((n = imapdata_atom(d, &s))) {
		uint32_t *number = NULL;

		if (!imapdata_skip(d, ' '))
			return -1;
		if (imapdata_is(s, n, "MESSAGES"))
			number = &p->counts.messages;
		else if (imapdata_is(s, n, "UIDNEXT"))
			number = &p->counts.uidnext;
		else if (imapdata_is(s, n, "UIDVALIDITY"))
			number = &p->counts.uidvalidity;
		if (number ? imapdata_number(
				 d, number != &p->counts.messages, number) < 0
			   : imapdata_pass(d) < 0)
			return -1;
		imapdata_skip(d, ' ');
	}
	return imapdata_skip(d, ')') ? 0 : -1;
}

/* name (MESSAGES 3 UIDNEXT 7 ...) */
static enum imap_event
read_status(struct imapreply *p, struct imapdata *d)
{
	buf_reset(&p->name);
	p->counts = (struct imap_counts){0};
	if (!imapdata_skip(d, ' ') || imapdata_string(d, &p->name) < 0 ||
	    !imapdata_skip(d, ' ') || !imapdata_skip(d, '(') ||
	    read_counts(p, d) < 0)
		return imapreply_broken(p, "a wrong STATUS");
	return IMAP_COUNTS;
}

/* --- FETCH --- */
static int
read_flags(struct imapreply *p, struct imapdata *d)
{
	static const char *const flags[] = {"\\Draft", "\\Flagged",
	    "$Forwarded", "\\Answered", "\\Seen", "\\Deleted"};
	static const char letters[] = "DFPRST";
	unsigned set = 0;
	const char *s;
	size_t n, len = 0;

	if (!imapdata_skip(d, '('))
		return -1;
	while ((n = imapdata_atom(d, &s))) {
		for (size_t k = 0; k < sizeof flags / sizeof *flags; k++)
			if (imapdata_is(s, n, flags[k]))
				set |= 1u << k;
		imapdata_skip(d, ' ');
	}
	for (size_t k = 0; letters[k]; k++)
		if (set & 1u << k)
			p->flags[len++] = letters[k];
	p->flags[len] = 0;
	return imapdata_skip(d, ')') ? 0 : -1;
}

static int
read_date(struct imapreply *p, struct imapdata *d)
{
	struct buf b = BUF_INIT;
	int r = imapdata_string(d, &b);

	if (r == 0)
		p->has_date = date_internal(buf_str(&b), &p->date) == 0;
	buf_free(&b);
	return r;
}

/* The literal that was passed on, a quoted string, or NIL. */
static int
read_body(struct imapreply *p, struct imapdata *d)
{
	const char *s;
	size_t n;

	if (d->at < d->n && d->s[d->at] == '"') {
		if (p->body || p->has_body)
			return -1;
		buf_reset(&p->data);
		p->has_body = true;
		return imapdata_string(d, &p->data);
	}
	if (p->body && d->at == d->hole) {
		p->has_body = true;
		return imapdata_string(d, NULL);
	}
	n = imapdata_atom(d, &s);
	return imapdata_is(s, n, "NIL") ? 0 : -1;
}

static int
read_item(struct imapreply *p, struct imapdata *d)
{
	const char *s;
	size_t n = imapdata_item(d, &s);

	if (!n || !imapdata_skip(d, ' '))
		return -1;
	if (imapdata_is(s, n, "UID"))
		return imapdata_number(d, 1, &p->uid);
	if (imapdata_is(s, n, "FLAGS"))
		return read_flags(p, d);
	if (imapdata_is(s, n, "INTERNALDATE"))
		return read_date(p, d);
	if (imapdata_is(s, n, "BODY[]"))
		return read_body(p, d);
	return imapdata_pass(d);
}

static enum imap_event
read_fetch(struct imapreply *p, struct imapdata *d)
{
	p->uid = 0;
	p->flags[0] = 0;
	p->has_body = p->has_date = false;
	if (!imapdata_skip(d, ' ') || !imapdata_skip(d, '('))
		return imapreply_broken(p, "a wrong FETCH");
	if (!imapdata_skip(d, ')')) {
		do {
			if (read_item(p, d) < 0)
				return imapreply_broken(p, "a wrong FETCH");
		} while (imapdata_skip(d, ' '));
		if (!imapdata_skip(d, ')'))
			return imapreply_broken(p, "a wrong FETCH");
	}
	if (d->at != d->n || (p->body && !p->has_body))
		return imapreply_broken(p, "a wrong FETCH");
	if (p->current != IMAP_FETCH)
		return p->has_body
		    ? imapreply_broken(p, "a message that nothing asked for")
		    : IMAP_OTHER;
	if (p->has_body && !p->uid)
		return imapreply_broken(p, "a message without its UID");
	return p->has_body && !p->body && p->data.len ? IMAP_DATA
						      : IMAP_MESSAGE;
}

static enum imap_event
read_numbered(struct imapreply *p, struct imapdata *d, uint32_t number)
{
	const char *s;
	size_t n;

	if (!imapdata_skip(d, ' '))
		return imapreply_broken(p, "an unknown response");
	n = imapdata_atom(d, &s);
	if (imapdata_is(s, n, "FETCH"))
		return read_fetch(p, d);
	if (imapdata_is(s, n, "EXISTS")) {
		p->counts.messages = number;
		p->counts.has_exists = true;
	} else if (imapdata_is(s, n, "EXPUNGE"))
		p->expunged++;
	return IMAP_OTHER;
}

enum imap_event
imapreply_untagged(struct imapreply *p, struct imapdata *d)
{
	struct imapdata start = *d;
	uint32_t number;
	const char *s;
	size_t n;

	if (imapdata_number(d, 0, &number) == 0)
		return read_numbered(p, d, number);
	*d = start;
	n = imapdata_atom(d, &s);
	if (imapdata_is(s, n, "OK"))
		return imapreply_text(p, d) < 0
		    ? imapreply_broken(p, "a wrong number")
		    : IMAP_OTHER;
	if (imapdata_is(s, n, "BYE")) {
		imapreply_text(p, d);
		return p->current == IMAP_LOGOUT ? IMAP_OTHER : IMAP_BYE;
	}
	if (imapdata_is(s, n, "CAPABILITY"))
		return read_capabilities(p, d);
	if (imapdata_is(s, n, "LIST") && p->current == IMAP_LIST)
		return read_list(p, d);
	if (imapdata_is(s, n, "STATUS") &&
	    (p->current == IMAP_STATUS || p->current == IMAP_LIST))
		return read_status(p, d);
	return n ? IMAP_OTHER : imapreply_broken(p, "an unknown response");
}
