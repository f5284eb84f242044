#include "smtpd.h"

#include <stdio.h>
#include <string.h>

static void
put(struct smtpd *s, const char *reply)
{
	s->deferred |= *reply == '4';
	buf_adds(&s->out, reply);
	buf_add(&s->out, "\r\n", 2);
}

static enum smtpd_event
close_with(struct smtpd *s, const char *reply)
{
	put(s, reply);
	s->state = SMTPD_CLOSED;
	return SMTPD_CLOSE;
}

/* The answer to a command that is wrong, or too many of them. */
static enum smtpd_event
refuse(struct smtpd *s, const char *reply)
{
	if (++s->errors > SMTPD_ERRORS)
		return close_with(s, "421 4.7.0 Too many errors");
	if (!s->mailing.open && commandline_begins(&s->line, "MAIL"))
		s->mailing.tried = true;
	put(s, reply);
	return SMTPD_REPLIED;
}

/* The answer to what lacks a sender or recipients. Behind a MAIL or RCPTs that
 * were refused it is no error: it may have been sent together with these. */
static enum smtpd_event
miss(struct smtpd *s, const char *reply)
{
	if (!s->mailing.tried)
		return refuse(s, reply);
	put(s, reply);
	return SMTPD_REPLIED;
}

static enum smtpd_event
ask(struct smtpd *s, enum smtpd_event event)
{
	s->asked = event;
	return event;
}

static bool
may_auth(const struct smtpd *s)
{
	return s->config->auth && (s->tls || s->config->auth_clear);
}

static enum smtpd_event
do_helo(struct smtpd *s)
{
	if (s->config->lmtp)
		return refuse(s, "500 5.5.1 This is LMTP: say LHLO");
	mailing_reset(&s->mailing);
	strcpy(s->name, s->command.name);
	s->esmtp = false;
	buf_addf(&s->out, "250 %s\r\n", s->config->hostname);
	return SMTPD_REPLIED;
}

static enum smtpd_event
do_ehlo(struct smtpd *s)
{
	if (s->config->lmtp != (s->command.verb == COMMAND_LHLO))
		return refuse(s,
		    s->config->lmtp ? "500 5.5.1 This is LMTP: say LHLO"
				    : "500 5.5.1 This is SMTP: say EHLO");
	mailing_reset(&s->mailing);
	strcpy(s->name, s->command.name);
	s->esmtp = true;
	s->pipelining = true;
	buf_addf(&s->out,
	    "250-%s\r\n250-PIPELINING\r\n250-SIZE %llu\r\n250-8BITMIME\r\n"
	    "250-SMTPUTF8\r\n250-CHUNKING\r\n%s%s%s250 ENHANCEDSTATUSCODES\r\n",
	    s->config->hostname, (unsigned long long)s->config->max_size,
	    s->config->dsn ? "250-DSN\r\n" : "",
	    s->config->starttls && !s->tls ? "250-STARTTLS\r\n" : "",
	    may_auth(s) ? "250-AUTH PLAIN LOGIN\r\n" : "");
	return SMTPD_REPLIED;
}

static enum smtpd_event
do_mail(struct smtpd *s)
{
	if (s->name[0] == '\0')
		return refuse(s,
		    s->config->lmtp ? "503 5.5.1 Send LHLO first"
				    : "503 5.5.1 Send EHLO or HELO first");
	if (s->config->submission && s->user[0] == '\0')
		return refuse(s, "530 5.7.0 Log in first");
	if (s->mailing.open)
		return refuse(s, "503 5.5.1 There is a sender already");
	if (s->command.params.dsn && !s->config->dsn)
		return refuse(s, PARAMS_UNKNOWN);
	if (s->config->max_size && s->command.params.size > s->config->max_size)
		return refuse(s, "552 5.3.4 Message is too big");
	s->mailing.utf8 = s->command.params.smtputf8;
	s->mailing.content.size = 0;
	return ask(s, SMTPD_MAIL);
}

static enum smtpd_event
do_rcpt(struct smtpd *s)
{
	if (!s->mailing.open)
		return miss(s, mailing_missing(&s->mailing));
	if (s->mailing.receiving)
		return refuse(s, "503 5.5.1 Its message has begun");
	if (s->command.params.dsn && !s->config->dsn)
		return refuse(s, PARAMS_UNKNOWN);
	if (s->command.international && !s->mailing.utf8)
		return refuse(s, COMMAND_ASCII);
	s->mailing.tried = true;
	if (s->mailing.rcpts < s->config->max_rcpts)
		return ask(s, SMTPD_RCPT);
	/* No guess at an address, so it does not count. */
	put(s, "452 4.5.3 Too many recipients");
	return SMTPD_REPLIED;
}

static enum smtpd_event
do_data(struct smtpd *s)
{
	const char *refusal = mailing_missing(&s->mailing);

	if (s->mailing.receiving)
		return refuse(s, "503 5.5.1 Chunks or DATA, not both");
	return refusal ? miss(s, refusal) : ask(s, SMTPD_DATA);
}

/* Whatever it meets, its octets come behind it: what is refused is taken before
 * that is said, and is never read as commands. */
static enum smtpd_event
do_bdat(struct smtpd *s)
{
	struct mailing *m = &s->mailing;
	const char *refusal = mailing_missing(m);

	if (m->receiving)
		mailing_go_on(m, &s->command);
	else if (refusal)
		mailing_begin(m, &s->command, false, refusal);
	else
		return ask(s, SMTPD_DATA);
	s->state = SMTPD_IN_CONTENT;
	return SMTPD_CHUNK;
}

static enum smtpd_event
do_rset(struct smtpd *s)
{
	mailing_reset(&s->mailing);
	put(s, "250 2.0.0 Reset");
	return SMTPD_REPLIED;
}

static enum smtpd_event
do_noop(struct smtpd *s)
{
	put(s, "250 2.0.0 OK");
	return SMTPD_REPLIED;
}

static enum smtpd_event
do_quit(struct smtpd *s)
{
	close_with(s, "221 2.0.0 Bye");
	return SMTPD_QUIT;
}

static enum smtpd_event
do_vrfy(struct smtpd *s)
{
	put(s, "252 2.1.5 Send mail to find out");
	return SMTPD_REPLIED;
}

static enum smtpd_event
do_help(struct smtpd *s)
{
	buf_addf(&s->out,
	    "214 2.0.0 %s MAIL RCPT DATA BDAT RSET NOOP QUIT VRFY "
	    "HELP%s%s\r\n",
	    s->config->lmtp ? "LHLO" : "HELO EHLO",
	    s->config->starttls && !s->tls ? " STARTTLS" : "",
	    s->config->auth ? " AUTH" : "");
	return SMTPD_REPLIED;
}

static enum smtpd_event
do_starttls(struct smtpd *s)
{
	if (s->tls)
		return refuse(s, "503 5.5.1 TLS is on already");
	if (!s->config->starttls)
		return refuse(s, "502 5.5.1 There is no TLS here");
	return ask(s, SMTPD_STARTTLS);
}

/* What the exchange has come to. */
static enum smtpd_event
go_on(struct smtpd *s, enum sasl_result result)
{
	s->state = SMTPD_IN_COMMAND;
	if (result == SASL_DONE)
		return ask(s, SMTPD_LOGIN);
	if (result == SASL_MORE) {
		s->state = SMTPD_IN_AUTH;
		buf_addf(&s->out, "334 %s\r\n", s->sasl.challenge);
		return SMTPD_REPLIED;
	}
	sasl_free(&s->sasl);
	return refuse(s,
	    result == SASL_CANCELLED     ? "501 5.7.0 Login cancelled"
		: result == SASL_UNKNOWN ? "504 5.5.4 Unknown mechanism"
					 : "501 5.5.2 No login in Base64");
}

static enum smtpd_event
do_auth(struct smtpd *s)
{
	const struct command *c = &s->command;

	if (!s->config->auth)
		return refuse(s, "502 5.5.1 There is no AUTH here");
	if (!s->esmtp)
		return refuse(s, "503 5.5.1 Send EHLO first");
	if (!may_auth(s))
		return refuse(s, "538 5.7.11 Encryption is required for that");
	if (s->user[0] != '\0')
		return refuse(s, "503 5.5.1 You are logged in already");
	if (s->mailing.open)
		return refuse(s, "503 5.5.1 Not within a transaction");
	if (s->failed >= SMTPD_LOGINS)
		return close_with(s, "421 4.7.0 Too many failed logins");
	if (c->initial)
		s->line.text
		    .data[c->initial - s->line.text.data + c->initial_size] =
		    '\0';
	return go_on(s,
	    sasl_begin(&s->sasl, c->mechanism, c->mechanism_size, c->initial));
}

static enum smtpd_event (*const handlers[COMMAND_VERBS])(struct smtpd *s) = {
    [COMMAND_HELO] = do_helo,
    [COMMAND_EHLO] = do_ehlo,
    [COMMAND_LHLO] = do_ehlo,
    [COMMAND_MAIL] = do_mail,
    [COMMAND_RCPT] = do_rcpt,
    [COMMAND_DATA] = do_data,
    [COMMAND_BDAT] = do_bdat,
    [COMMAND_RSET] = do_rset,
    [COMMAND_NOOP] = do_noop,
    [COMMAND_QUIT] = do_quit,
    [COMMAND_VRFY] = do_vrfy,
    [COMMAND_HELP] = do_help,
    [COMMAND_STARTTLS] = do_starttls,
    [COMMAND_AUTH] = do_auth,
};

/* Within AUTH this ends it. */
static const char *
too_long(struct smtpd *s)
{
	bool response = s->state == SMTPD_IN_AUTH;

	s->line.overlong = false;
	s->state = SMTPD_IN_COMMAND;
	sasl_free(&s->sasl);
	return response ? "500 5.5.6 Line too long" : "500 5.5.2 Line too long";
}

static enum smtpd_event
take_response(struct smtpd *s)
{
	enum sasl_result result =
	    sasl_input(&s->sasl, s->line.text.data, s->line.text.len);

	commandline_hide(&s->line, true, NULL);
	return go_on(s, result);
}

/* A bare LF ends a command too: nothing can be smuggled by it, as data ends in
 * CRLF.CRLF alone. A bad BDAT ends the session, for nobody knows how many
 * octets behind it are no commands. */
static enum smtpd_event
take_command(struct smtpd *s, const char *in, size_t *n)
{
	bool response = s->state == SMTPD_IN_AUTH;
	size_t given = *n;
	enum smtpd_event event;

	if (given == 0 || !commandline_take(&s->line, in, n, response))
		return SMTPD_MORE;
	if (s->config->sync && !s->pipelining && *n < given)
		return close_with(s, "554 5.5.0 Commands out of turn");
	if (response && !s->line.overlong)
		return take_response(s);
	const char *bad = s->line.overlong
	    ? too_long(s)
	    : command_parse(&s->command, s->line.text.data, s->line.text.len);
	if (bad && commandline_begins(&s->line, "BDAT"))
		event = close_with(s, bad);
	else
		event = bad ? refuse(s, bad) : handlers[s->command.verb](s);
	commandline_hide(&s->line, response, bad);
	return event;
}

/* Behind a chunk for which there is no message; the last one ends the
 * transaction in any case, for the next may follow it unasked. */
static enum smtpd_event
refuse_chunk(struct smtpd *s)
{
	struct mailing *m = &s->mailing;
	enum smtpd_event event = miss(s, mailing_missing(m));

	m->content.size = 0;
	if (content_is_whole(&m->content))
		mailing_reset(m);
	return event == SMTPD_CLOSE ? event : SMTPD_CHUNKED;
}

static enum smtpd_event
end_content(struct smtpd *s)
{
	s->state = SMTPD_IN_COMMAND;
	if (!s->mailing.receiving)
		return refuse_chunk(s);
	switch (mailing_end(&s->mailing, &s->out)) {
	case MAILING_WHOLE:
		return ask(s, SMTPD_END);
	case MAILING_REFUSED:
		return SMTPD_SPOILED;
	default:
		return SMTPD_CHUNKED;
	}
}

static enum smtpd_event
take_content(struct smtpd *s, const char *in, size_t *n)
{
	bool body, end;

	*n = mailing_take(&s->mailing, in, *n, &body, &end);
	if (end)
		s->state = SMTPD_AT_END;
	if (body)
		return SMTPD_BODY;
	return end ? end_content(s) : SMTPD_MORE;
}

void
smtpd_begin(struct smtpd *s, const struct smtpd_config *config)
{
	*s = (struct smtpd){.config = config,
	    .mailing = {.lmtp = config->lmtp,
		.max_size = config->max_size,
		.normalize = config->normalize}};
	/* All there will be, as growing would leave secrets behind. */
	if (config->auth)
		buf_room(&s->line.text, SASL_LINE);
	buf_addf(&s->out, "220 %s %s mailpipe\r\n", config->hostname,
	    config->lmtp ? "LMTP" : "ESMTP");
}

size_t
smtpd_take(struct smtpd *s, const char *in, size_t n, enum smtpd_event *event)
{
	size_t taken = n;

	if (s->state == SMTPD_IN_CONTENT) {
		*event = take_content(s, in, &taken);
		return taken;
	}
	if (s->state == SMTPD_IN_COMMAND || s->state == SMTPD_IN_AUTH) {
		*event = take_command(s, in, &taken);
		return taken;
	}
	if (s->state == SMTPD_IN_HANDSHAKE) {
		*event = SMTPD_MORE;
		return n;
	}
	*event = s->state == SMTPD_AT_END ? end_content(s) : SMTPD_CLOSE;
	return 0;
}

static void
end_login(struct smtpd *s, bool ok)
{
	if (ok)
		strcpy(s->user, s->sasl.user);
	else
		s->failed++;
	sasl_free(&s->sasl);
}

void
smtpd_answer(struct smtpd *s, const char *reply)
{
	enum smtpd_event asked = s->asked;
	struct mailing *m = &s->mailing;
	bool ok = reply[0] == '2' || reply[0] == '3';

	s->asked = SMTPD_MORE;
	if (asked == SMTPD_RCPT && !ok && ++s->refusals > SMTPD_REFUSALS) {
		close_with(s, "421 4.7.0 Too many refused recipients");
		return;
	}
	if (asked == SMTPD_DATA && s->command.verb == COMMAND_BDAT) {
		mailing_begin(m, &s->command, true, ok ? NULL : reply);
		s->state = SMTPD_IN_CONTENT;
		return;
	}
	put(s, reply);
	if (asked == SMTPD_LOGIN)
		end_login(s, ok);
	else if (asked == SMTPD_STARTTLS)
		s->state = ok ? SMTPD_IN_HANDSHAKE : SMTPD_IN_COMMAND;
	else if (asked == SMTPD_MAIL) {
		m->open = ok;
		m->tried = !ok;
	} else if (asked == SMTPD_RCPT)
		m->rcpts += ok;
	else if (asked == SMTPD_DATA && ok) {
		mailing_begin(m, &s->command, true, NULL);
		s->state = SMTPD_IN_CONTENT;
	} else if (asked == SMTPD_END && m->lmtp && ++m->answered < m->rcpts)
		s->state = SMTPD_AT_END;
	else
		mailing_reset(m);
	if (asked == SMTPD_END && ok)
		s->errors = s->refusals = 0;
}

void
smtpd_secure(struct smtpd *s)
{
	mailing_reset(&s->mailing);
	s->name[0] = s->user[0] = '\0';
	s->esmtp = s->pipelining = false;
	s->state = SMTPD_IN_COMMAND;
	s->tls = true;
}

bool
smtpd_in_message(const struct smtpd *s)
{
	return s->mailing.receiving || s->state == SMTPD_IN_CONTENT;
}

bool
smtpd_idle(const struct smtpd *s)
{
	return s->state == SMTPD_IN_COMMAND && commandline_idle(&s->line);
}

void
smtpd_free(struct smtpd *s)
{
	sasl_free(&s->sasl);
	buf_free(&s->line.text);
	buf_free(&s->out);
	mailing_free(&s->mailing);
}
