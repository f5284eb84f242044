#include "transaction.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "log.h"
#include "received.h"

#define LOGGED 1100

/* Recipients for the log, as far as they fit; it cuts a value at 1 kB. */
static void
list_rcpts(const struct envelope_rcpt *r, size_t n, char *out, size_t size)
{
	size_t at = 0;

	*out = '\0';
	for (size_t i = 0; i < n && at < size; i++)
		at += (size_t)snprintf(
		    out + at, size - at, "%s<%s>", i ? "," : "", r[i].address);
}

/* For the log: NULL leaves it out. */
static const char *
user_of(const struct transaction *t)
{
	return t->smtpd->user[0] ? t->smtpd->user : NULL;
}

/* Without memory: what fails here would come between a commit and its 250. */
static void
log_rcpts(const struct transaction *t, size_t first, size_t n,
    const char *event, const char *reply, const char *note)
{
	char from[LOGGED], to[LOGGED], size[24];

	snprintf(from, sizeof from, "<%s>", t->envelope.sender);
	list_rcpts(t->envelope.rcpts + first, n, to, sizeof to);
	snprintf(size, sizeof size, "%llu",
	    (unsigned long long)t->smtpd->mailing.content.size);
	log_event(event, "id", t->id, "client", t->peer->addr, "helo",
	    t->smtpd->name, "user", user_of(t), "from", from, "to", to, "size",
	    size, "reply", reply, "note", *note ? note : NULL, NULL);
}

static void
log_message(const struct transaction *t, const char *event, const char *reply,
    const char *note)
{
	log_rcpts(t, 0, t->envelope.n, event, reply, note);
}

static void
forget_envelope(struct transaction *t)
{
	for (size_t i = 0; i < t->envelope.n; i++)
		mailbox_free(&t->targets[i]);
	envelope_free(&t->envelope);
}

static const char *
params(struct transaction *t)
{
	buf_reset(&t->params);
	params_add(&t->smtpd->command.params, &t->params);
	return buf_str(&t->params);
}

static void
log_refused(const struct transaction *t, const char *sender, const char *to,
    const char *reply)
{
	struct buf from = BUF_INIT;

	buf_addf(&from, "<%s>", sender);
	log_event("refused", "client", t->peer->addr, "helo", t->smtpd->name,
	    "user", user_of(t), "from", buf_str(&from), "to", to, "reply",
	    reply, NULL);
	buf_free(&from);
}

static void
do_mail(struct transaction *t)
{
	const struct address *path = &t->smtpd->command.path;
	const char *refusal = accept_sender(t->accept, t->smtpd->user, path);

	forget_envelope(t);
	if (refusal) {
		log_refused(t, path->text, NULL, refusal);
		smtpd_answer(t->smtpd, refusal);
		return;
	}
	envelope_sender(&t->envelope, path->text, params(t));
	smtpd_answer(t->smtpd, "250 2.1.0 OK");
}

/* Its place in the envelope, or the one behind the last. */
static size_t
find_rcpt(const struct transaction *t, const char *address)
{
	size_t i = 0;

	while (i < t->envelope.n &&
	    strcmp(t->envelope.rcpts[i].address, address) != 0)
		i++;
	return i;
}

static bool
is_lmtp(const struct transaction *t)
{
	return t->smtpd->config->lmtp;
}

/* Whether our own delivery needs the one or other recipient to be alone. */
static bool
must_be_alone(const struct transaction *t, const struct mailbox *m)
{
	return t->sink == HANDOVER_MAILBOXES && !is_lmtp(t) &&
	    t->envelope.n > 0 &&
	    (m->kind == MAILBOX_PROGRAM ||
		t->targets[0].kind == MAILBOX_PROGRAM);
}

/* RFC 3848, RFC 6531 4.3. */
static const char *
protocol(struct transaction *t)
{
	const struct smtpd *s = t->smtpd;
	bool extended = s->esmtp && !s->mailing.utf8 && !is_lmtp(t);

	snprintf(t->protocol, sizeof t->protocol, "%s%s%s%s%s",
	    s->mailing.utf8 ? "UTF8" : "", extended ? "E" : "",
	    is_lmtp(t) ? "LMTP" : "SMTP", s->esmtp && s->tls ? "S" : "",
	    s->user[0] ? "A" : "");
	return t->protocol;
}

/* What a command finds in its environment, in one block of memory; without a
 * login AUTH_USER is empty, or ours would be there. */
static void
write_env(struct transaction *t)
{
	const char *const pairs[][2] = {{"REMOTE_ADDR", t->peer->addr},
	    {"REMOTE_PORT", t->peer->port}, {"HELO", t->smtpd->name},
	    {"PROTOCOL", protocol(t)}, {"AUTH_USER", t->smtpd->user}};
	size_t n = sizeof pairs / sizeof *pairs,
	       at[sizeof pairs / sizeof *pairs];

	buf_reset(&t->env);
	for (size_t i = 0; i < n; i++) {
		at[i] = t->env.len;
		buf_addf(&t->env, "%s=%s%c", pairs[i][0], pairs[i][1], 0);
	}
	for (size_t i = 0; i < n; i++)
		t->message.env[i] = t->env.data + at[i];
}

static void
do_rcpt(struct transaction *t)
{
	struct address *path = &t->smtpd->command.path;
	struct mailbox m = {.target = NULL};
	struct accept accept = *t->accept;
	struct accept_check check = {.starter = t->handover.starter,
	    .sender = t->envelope.sender,
	    .env = t->message.env};

	accept.may_relay |= t->sink != HANDOVER_MAILBOXES && user_of(t);
	accept.delivers = t->sink == HANDOVER_MAILBOXES;
	if (t->rcpt_check) {
		write_env(t);
		accept.check = &check;
	}
	const char *reply = accept_rcpt(&accept, path, &m);
	size_t place = find_rcpt(t, path->text);
	if (*reply == '2' && place < t->envelope.n) {
		mailbox_free(&m);
	} else if (*reply == '2' && must_be_alone(t, &m)) {
		mailbox_free(&m);
		reply = "452 4.5.3 This recipient takes a message alone";
	} else if (*reply == '2') {
		t->targets[place] = m;
		envelope_rcpt(&t->envelope, path->text, params(t));
	}
	if (*reply == '2')
		t->place[t->smtpd->mailing.rcpts] = (unsigned short)place;
	else
		log_refused(t, t->envelope.sender, path->text, reply);
	smtpd_answer(t->smtpd, reply);
}

static void
write_trace(struct transaction *t)
{
	const struct smtpd *s = t->smtpd;
	const struct envelope *e = &t->envelope;
	struct received r = {.name = s->name,
	    .version = s->tls ? t->version : NULL,
	    .cipher = t->cipher,
	    .by = t->hostname,
	    .protocol = protocol(t),
	    .id = t->id,
	    .rcpt = e->n == 1 ? e->rcpts[0].address : NULL,
	    .at = time(NULL)};
	char literal[80];

	peer_literal(t->peer, literal);
	r.address = literal;
	buf_reset(&t->trace);
	received_write(&r, &t->trace);
}

static void
do_data(struct transaction *t)
{
	enum handover_kind kind = t->sink;

	/* One alone has its mailbox's file, or its program, as over SMTP. */
	t->message.each =
	    is_lmtp(t) && kind != HANDOVER_QUEUE && t->envelope.n > 1;
	if (kind == HANDOVER_MAILBOXES && !t->message.each &&
	    t->targets[0].kind == MAILBOX_PROGRAM)
		kind = HANDOVER_COMMAND;
	memset(t->verdicts, 0, t->envelope.n);
	envelope_mail_id(t->id);
	write_trace(t);
	write_env(t);
	buf_reset(&t->origin);
	buf_addf(&t->origin, "%s %s %s", t->peer->addr,
	    is_lmtp(t)            ? "lmtp"
		: t->smtpd->esmtp ? "esmtp"
				  : "smtp",
	    t->smtpd->name);
	t->message.mail_id = t->id;
	t->message.trace = buf_str(&t->trace);
	t->message.origin = buf_str(&t->origin);
	t->message.envelope = &t->envelope;
	t->message.targets = t->targets;
	supply_free(&t->supply);
	t->supply = (struct supply){
	    .from = {.sender = t->envelope.sender, .host = t->hostname}};
	if (handover_begin(&t->handover, kind, &t->message) == 0) {
		t->open = true;
		smtpd_answer(t->smtpd, "354 End data with <CRLF>.<CRLF>");
		return;
	}
	log_message(t, "failed", t->handover.reply, t->handover.note);
	smtpd_answer(t->smtpd, t->handover.reply);
}

static void
abandon(struct transaction *t)
{
	if (t->open)
		handover_abort(&t->handover);
	t->open = false;
	supply_free(&t->supply);
}

/* What there is of it may be held back. */
static int
write_body(struct transaction *t, struct buf *body)
{
	int r = 0;

	if (body->len > 0)
		r = handover_write(&t->handover, body->data, body->len);
	buf_reset(body);
	return r;
}

static void
do_body(struct transaction *t)
{
	struct buf *body = &t->smtpd->mailing.content.body, *out = body;

	if (t->open && t->smtpd->config->submission) {
		supply_take(&t->supply, body);
		out = &t->supply.out;
	}
	if (t->open && write_body(t, out) != 0) {
		t->open = false;
		content_spoil(&t->smtpd->mailing.content, t->handover.reply);
		log_message(t, "failed", t->handover.reply, t->handover.note);
	}
	buf_reset(body);
}

/* All recipients at once. */
static bool
commit(struct transaction *t)
{
	bool submission = t->smtpd->config->submission, ok;

	if (submission)
		supply_end(&t->supply);
	ok = (!submission || write_body(t, &t->supply.out) == 0) &&
	    handover_commit(&t->handover) == 0;
	t->open = false;
	log_message(
	    t, ok ? "received" : "failed", t->handover.reply, t->handover.note);
	return ok;
}

/* One of them; who was named twice has the message once. */
static bool
give(struct transaction *t, size_t place)
{
	struct handover *h = &t->handover;
	bool ok;

	if (t->verdicts[place]) {
		snprintf(h->reply, sizeof h->reply, "%c%s", t->verdicts[place],
		    t->verdicts[place] == '2'       ? "50 2.0.0 As before"
			: t->verdicts[place] == '4' ? "51 4.3.0 As before"
						    : "54 5.0.0 As before");
		return false;
	}
	ok = handover_give(h, place) == 0;
	t->verdicts[place] = h->reply[0];
	log_rcpts(t, place, 1, ok ? "received" : "failed", h->reply, h->note);
	return ok;
}

/* Over LMTP the queue, too, is one place for all. */
static bool
do_end(struct transaction *t)
{
	unsigned at = t->smtpd->mailing.answered;
	bool last = !is_lmtp(t) || at + 1 == t->smtpd->mailing.rcpts,
	     ok = false;

	if (t->open && !t->message.each) {
		ok = commit(t);
	} else if (t->open && at == 0 && handover_end(&t->handover) != 0) {
		t->open = false;
		log_message(t, "failed", t->handover.reply, t->handover.note);
	}
	if (t->open)
		ok = give(t, t->place[at]);
	if (last)
		abandon(t);
	smtpd_answer(t->smtpd, t->handover.reply);
	return ok;
}

/* Whether it is refused for what did fail here, which the log has. */
static bool
told_failure(const struct transaction *t)
{
	return t->handover.note[0] &&
	    strcmp(t->smtpd->mailing.content.fault, t->handover.reply) == 0;
}

bool
transaction_handle(struct transaction *t, enum smtpd_event event)
{
	/* Its chunks end where RSET, EHLO or TLS ended the transaction. */
	if (event < SMTPD_BODY && !t->smtpd->mailing.receiving)
		abandon(t);
	switch (event) {
	case SMTPD_MAIL:
		do_mail(t);
		break;
	case SMTPD_RCPT:
		do_rcpt(t);
		break;
	case SMTPD_DATA:
		do_data(t);
		break;
	case SMTPD_BODY:
		do_body(t);
		break;
	case SMTPD_END:
		return do_end(t);
	case SMTPD_SPOILED:
		abandon(t);
		if (!told_failure(t))
			log_message(
			    t, "rejected", t->smtpd->mailing.content.fault, "");
		break;
	case SMTPD_MORE:
		if (t->smtpd->mailing.content.fault[0])
			abandon(t); /* its disk space, now */
		break;
	default:
		break;
	}
	return false;
}

void
transaction_end(struct transaction *t)
{
	abandon(t);
	forget_envelope(t);
	buf_free(&t->trace);
	buf_free(&t->origin);
	buf_free(&t->env);
	buf_free(&t->params);
}
