#include "smtpd.h"

#include <stdio.h>
#include <string.h>

static void
put(struct smtpd *s, const char *reply)
{
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
	put(s, reply);
	return SMTPD_REPLIED;
}

static void
reset(struct smtpd *s)
{
	s->mail = false;
	s->tried = false;
	s->rcpts = 0;
	s->eight_bit = false;
}

static enum smtpd_event
ask(struct smtpd *s, enum smtpd_event event)
{
	s->asked = event;
	return event;
}

static enum smtpd_event
do_helo(struct smtpd *s)
{
	reset(s);
	strcpy(s->name, s->command.name);
	s->esmtp = false;
	buf_addf(&s->out, "250 %s\r\n", s->config->hostname);
	return SMTPD_REPLIED;
}

static enum smtpd_event
do_ehlo(struct smtpd *s)
{
	reset(s);
	strcpy(s->name, s->command.name);
	s->esmtp = true;
	s->pipelining = true;
	buf_addf(&s->out,
	    "250-%s\r\n250-PIPELINING\r\n250-SIZE %llu\r\n250-8BITMIME\r\n"
	    "250 ENHANCEDSTATUSCODES\r\n",
	    s->config->hostname, (unsigned long long)s->config->max_size);
	return SMTPD_REPLIED;
}

static enum smtpd_event
do_mail(struct smtpd *s)
{
	if (s->name[0] == '\0')
		return refuse(s, "503 5.5.1 Send EHLO or HELO first");
	if (s->mail)
		return refuse(s, "503 5.5.1 There is a sender already");
	if (s->config->max_size && s->command.size > s->config->max_size)
		return refuse(s, "552 5.3.4 Message is too big");
	s->eight_bit = s->command.eight_bit;
	s->content.size = 0;
	return ask(s, SMTPD_MAIL);
}

static enum smtpd_event
do_rcpt(struct smtpd *s)
{
	if (!s->mail)
		return refuse(s, "503 5.5.1 Send MAIL first");
	s->tried = true;
	ask(s, SMTPD_RCPT);
	if (s->rcpts < s->config->max_rcpts)
		return SMTPD_RCPT;
	smtpd_answer(s, "452 4.5.3 Too many recipients");
	return s->state == SMTPD_CLOSED ? SMTPD_CLOSE : SMTPD_REPLIED;
}

static enum smtpd_event
do_data(struct smtpd *s)
{
	if (s->rcpts > 0)
		return ask(s, SMTPD_DATA);
	if (!s->tried)
		return refuse(s,
		    s->mail ? "503 5.5.1 Send RCPT first"
			    : "503 5.5.1 Send MAIL first");
	put(s, "554 5.5.1 No valid recipients");
	return SMTPD_REPLIED;
}

static enum smtpd_event
do_rset(struct smtpd *s)
{
	reset(s);
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
	put(s, "214 2.0.0 HELO EHLO MAIL RCPT DATA RSET NOOP QUIT VRFY HELP");
	return SMTPD_REPLIED;
}

static enum smtpd_event (*const handlers[COMMAND_VERBS])(struct smtpd *s) = {
    [COMMAND_HELO] = do_helo,
    [COMMAND_EHLO] = do_ehlo,
    [COMMAND_MAIL] = do_mail,
    [COMMAND_RCPT] = do_rcpt,
    [COMMAND_DATA] = do_data,
    [COMMAND_RSET] = do_rset,
    [COMMAND_NOOP] = do_noop,
    [COMMAND_QUIT] = do_quit,
    [COMMAND_VRFY] = do_vrfy,
    [COMMAND_HELP] = do_help,
};

/* Adds input to the line, up to its LF; false while that is missing. */
static bool
take_line(struct smtpd *s, const char *in, size_t *n)
{
	const char *lf = memchr(in, '\n', *n);

	if (s->complete)
		buf_reset(&s->line);
	s->complete = lf != NULL;
	if (lf)
		*n = (size_t)(lf - in) + 1;
	if (s->line.len + *n > SMTPD_LINE)
		s->overlong = true;
	if (s->overlong)
		buf_reset(&s->line);
	else
		buf_add(&s->line, in, *n);
	return s->complete;
}

/* A bare LF ends a command too: nothing can be smuggled by it, as data ends in
 * CRLF.CRLF alone. */
static enum smtpd_event
take_command(struct smtpd *s, const char *in, size_t *n)
{
	size_t given = *n;

	if (given == 0 || !take_line(s, in, n))
		return SMTPD_MORE;
	if (s->config->sync && !s->pipelining && *n < given)
		return close_with(s, "554 5.5.0 Commands out of turn");
	if (s->overlong) {
		s->overlong = false;
		return refuse(s, "500 5.5.2 Line too long");
	}
	s->line.len--;
	if (s->line.len > 0 && s->line.data[s->line.len - 1] == '\r')
		s->line.len--;
	const char *bad = command_parse(&s->command, s->line.data, s->line.len);
	return bad ? refuse(s, bad) : handlers[s->command.verb](s);
}

static enum smtpd_event
take_content(struct smtpd *s, const char *in, size_t *n)
{
	struct content *c = &s->content;
	bool end = false;

	*n = content_take(c, in, *n, &end);
	if (end)
		s->state = SMTPD_AT_END;
	return c->body.len > 0 && (c->begun || end) ? SMTPD_BODY : SMTPD_MORE;
}

static enum smtpd_event
end_content(struct smtpd *s)
{
	const char *fault = content_end(&s->content);

	s->state = SMTPD_IN_COMMAND;
	if (!fault)
		return ask(s, SMTPD_END);
	put(s, fault);
	reset(s);
	return SMTPD_SPOILED;
}

static void
begin_content(struct smtpd *s)
{
	s->state = SMTPD_IN_DATA;
	content_begin(&s->content, s->config->max_size, s->config->normalize);
}

void
smtpd_begin(struct smtpd *s, const struct smtpd_config *config)
{
	*s = (struct smtpd){.config = config};
	buf_addf(&s->out, "220 %s ESMTP mailpipe\r\n", config->hostname);
}

size_t
smtpd_take(struct smtpd *s, const char *in, size_t n, enum smtpd_event *event)
{
	size_t taken = n;

	if (s->state == SMTPD_IN_DATA) {
		*event = take_content(s, in, &taken);
		if (*event != SMTPD_MORE || s->state != SMTPD_AT_END)
			return taken;
		*event = end_content(s);
		return taken;
	}
	if (s->state == SMTPD_IN_COMMAND) {
		*event = take_command(s, in, &taken);
		return taken;
	}
	*event = s->state == SMTPD_AT_END ? end_content(s) : SMTPD_CLOSE;
	return 0;
}

void
smtpd_answer(struct smtpd *s, const char *reply)
{
	enum smtpd_event asked = s->asked;
	bool ok = reply[0] == '2' || reply[0] == '3';

	s->asked = SMTPD_MORE;
	if (asked == SMTPD_RCPT && !ok && ++s->refusals > SMTPD_REFUSALS) {
		close_with(s, "421 4.7.0 Too many refused recipients");
		return;
	}
	put(s, reply);
	if (asked == SMTPD_MAIL)
		s->mail = ok;
	else if (asked == SMTPD_RCPT)
		s->rcpts += ok;
	else if (asked == SMTPD_DATA && ok)
		begin_content(s);
	else
		reset(s);
	if (asked == SMTPD_END && ok)
		s->errors = s->refusals = 0;
}

bool
smtpd_idle(const struct smtpd *s)
{
	return s->state == SMTPD_IN_COMMAND && (s->complete || !s->line.len) &&
	    !s->overlong;
}

void
smtpd_free(struct smtpd *s)
{
	buf_free(&s->line);
	buf_free(&s->out);
	content_free(&s->content);
}
