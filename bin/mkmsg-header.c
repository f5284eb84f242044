/* The header of a draft: what the options say, what an answer takes from its
 * original, and the fields that every message has. No octet of a text value
 * reaches it unchecked. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "addrspec.h"
#include "compose.h"
#include "date.h"
#include "envelope.h"
#include "log.h"
#include "mime.h"
#include "mkmsg.h"
#include "original.h"

#define HEADER_MAX (256 * 1024) /* of the message replied to */

/* Adds "name" <address> to the list, which is UTF-8 and not encoded. */
static void
add_mailbox(struct buf *list, const char *name, const char *address)
{
	if (list->len)
		buf_adds(list, ", ");
	if (*name)
		buf_addc(list, '"');
	for (const char *s = name; *s; s++) {
		if (*s == '"' || *s == '\\')
			buf_addc(list, '\\');
		buf_addc(list, *s);
	}
	buf_adds(list, *name ? "\" <" : "<");
	envelope_qualify(address, list);
	buf_addc(list, '>');
}

/* Adds the mailboxes of value to the list. Returns how many. */
static int
add_mailboxes(
    struct buf *list, const char *object, const char *value, bool encoded)
{
	struct buf addresses = BUF_INIT, names = BUF_INIT;
	int n = addrspec_named(value, strlen(value), &addresses, &names);
	const char *address = addresses.data, *name = names.data;

	if (n <= 0)
		log_die(EX_DATAERR, "check %s: no address: %.100s", object,
		    n < 0 ? buf_str(&addresses) : value);
	for (int i = 0; i < n; i++) {
		char *decoded = encoded ? mime_decode(name) : xstrdup(name);

		add_mailbox(
		    list, compose_is_text(decoded) ? decoded : "", address);
		free(decoded);
		name += strlen(name) + 1;
		address += strlen(address) + 1;
	}
	buf_free(&addresses);
	buf_free(&names);
	return n;
}

/* Adds the field of an address list (values, behind what list has), and its
 * addresses to rcpts. */
static void
put_list(struct buf *head, const char *name, const char *object,
    const struct values *values, struct buf *list, struct buf *rcpts)
{
	for (size_t i = 0; i < values->n; i++) {
		check_text(object, values->v[i]);
		add_mailboxes(list, object, values->v[i], false);
	}
	if (list->len &&
	    compose_addresses(head, name, buf_str(list), rcpts) < 0)
		log_die(EX_DATAERR, "check %s: no address list: %.100s", object,
		    buf_str(list));
	buf_free(list);
}

/* Reads the header of the message in path. */
static void
read_original(const char *path, struct original *o)
{
	static char block[BLOCK];
	struct buf head = BUF_INIT;
	int fd = open_file(path);
	size_t n;

	while (head.len < HEADER_MAX && (n = take(fd, path, block)))
		buf_add(&head, block, n);
	close(fd);
	original_read(o, head.data, head.len);
	buf_free(&head);
}

static void
put_references(struct buf *head, struct original *o)
{
	struct buf id = BUF_INIT, references = BUF_INIT;

	original_references(o, &id, &references);
	if (id.len) {
		compose_words(head, "In-Reply-To", buf_str(&id));
		compose_words(head, "References", buf_str(&references));
	}
	buf_free(&id);
	buf_free(&references);
}

/* "Re: " or "Fwd: " and the subject of the original. */
static void
put_subject(struct buf *head, const struct draft *d, struct original *o)
{
	const char *prefix = d->reply ? "Re:" : "Fwd:";
	char *decoded = mime_decode(buf_str(&o->subject));
	struct buf text = BUF_INIT;

	if (d->subject) {
		check_text("-s", d->subject);
		compose_text(head, "Subject", d->subject);
	} else if (d->reply || d->forward) {
		if (!compose_is_text(decoded))
			*decoded = 0;
		if (strncasecmp(decoded, prefix, strlen(prefix)))
			buf_addf(&text, *decoded ? "%s " : "%s", prefix);
		buf_adds(&text, decoded);
		compose_text(head, "Subject", buf_str(&text));
	}
	free(decoded);
	buf_free(&text);
}

static void
put_extra(struct buf *head, const char *field, bool *date, bool *id)
{
	const char *colon = strchr(field, ':'), *value;
	size_t n = colon ? (size_t)(colon - field) : 0;
	struct buf name = BUF_INIT, list = BUF_INIT, unused = BUF_INIT;
	struct values one = {&value, 1};
	enum compose_kind kind;

	check_text("-H", field);
	if (!colon || !compose_is_name(field, n))
		log_die(
		    EX_DATAERR, "check -H: not 'Name: value': %.100s", field);
	buf_add(&name, field, n);
	value = field + n + 1 + strspn(field + n + 1, " \t");
	kind = compose_kind(buf_str(&name));
	*date = *date || !strcasecmp(name.data, "Date");
	*id = *id || !strcasecmp(name.data, "Message-ID");
	if (kind == COMPOSE_OWN)
		log_die(EX_USAGE, "check -H: %s is not set by -H", name.data);
	if (kind == COMPOSE_ADDRESSES) {
		put_list(head, name.data, "-H", &one, &list, &unused);
	} else if (kind == COMPOSE_TEXT) {
		compose_text(head, name.data, value);
	} else {
		for (const char *s = value; *s; s++)
			if (*s & 0x80)
				log_die(EX_DATAERR,
				    "check -H: not ASCII: %.100s", field);
		compose_words(head, name.data, value);
	}
	buf_free(&unused);
	buf_free(&name);
}

static void
put_date_and_id(struct buf *head, const char *sender, bool date, bool id)
{
	const char *domain = strrchr(sender, '@');
	char now[DATE_MAX], unique[21];

	if (!date) {
		date_rfc5322(time(NULL), now);
		compose_words(head, "Date", now);
	}
	if (id)
		return;
	domain = domain ? domain + 1 : "localhost";
	for (const char *s = domain; *s; s++)
		if (*s & 0x80) {
			domain = "localhost";
			break;
		}
	envelope_mail_id(unique);
	buf_addf(head, "Message-ID: <%s@%s>\n", unique, domain);
}

static const char *
default_from(struct buf *out)
{
	if (envelope_default_mailbox(out) < 0 || !compose_is_text(buf_str(out)))
		log_die(EX_CONFIG, "find the sender: no address: %.100s",
		    buf_str(out));
	return buf_str(out);
}

static void
put_from(struct buf *head, const char *from, struct buf *sender)
{
	struct buf list = BUF_INIT, text = BUF_INIT;
	const char *who = from ? from : default_from(&text);
	struct values one = {&who, 1};

	put_list(head, "From", "-f", &one, &list, sender);
	if (strlen(sender->data) + 1 != sender->len)
		log_die(
		    EX_DATAERR, "check -f: more than one address: %.100s", who);
	buf_free(&text);
}

void
draft_header(const struct draft *d, struct buf *head, struct buf *sender,
    struct buf *rcpts)
{
	struct original o = {0};
	struct buf list = BUF_INIT;
	bool date = false, id = false;

	if (d->reply || d->forward)
		read_original(d->reply ? d->reply : d->forward, &o);
	put_from(head, d->from, sender);
	if (d->reply && !d->to.n)
		add_mailboxes(&list, d->reply,
		    buf_str(o.reply_to.len ? &o.reply_to : &o.from), true);
	put_list(head, "To", "-t", &d->to, &list, rcpts);
	put_list(head, "Cc", "-c", &d->cc, &list, rcpts);
	put_list(head, "Bcc", "-b", &d->bcc, &list, rcpts);
	put_subject(head, d, &o);
	if (d->reply)
		put_references(head, &o);
	for (size_t i = 0; i < d->extra.n; i++)
		put_extra(head, d->extra.v[i], &date, &id);
	put_date_and_id(head, sender->data, date, id);
	buf_adds(head, "MIME-Version: 1.0\n");
	original_free(&o);
}
