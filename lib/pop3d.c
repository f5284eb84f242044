#include "pop3d.h"

#include <string.h>
#include <strings.h>

#include "parse.h"

static const char *const replies[] = {
    [POP3D_DONE] = "+OK\r\n",
    [POP3D_SAID] = "",
    [POP3D_NO_MESSAGE] = "-ERR no such message\r\n",
    [POP3D_UNREADABLE] = "-ERR [SYS/TEMP] the message cannot be read\r\n",
    [POP3D_NO_TLS] = "-ERR [SYS/TEMP] TLS is not available just now\r\n",
    [POP3D_DENIED] = "-ERR [AUTH] wrong password\r\n",
    [POP3D_NO_LOGIN] = "-ERR [SYS/TEMP] no login just now\r\n",
    [POP3D_HANDED_ON] = "",
    [POP3D_IN_USE] = "-ERR [IN-USE] another session has the mailbox\r\n",
    [POP3D_NO_MAILBOX] = "-ERR [SYS/TEMP] the mailbox cannot be opened\r\n",
    [POP3D_NOT_REMOVED] = "-ERR [SYS/TEMP] some messages are not removed\r\n",
    [POP3D_CUT] = "",
};

const char *
pop3d_reply(enum pop3d_answer answer)
{
	return replies[answer];
}

static enum pop3d_event
say(struct pop3d *p, const char *reply)
{
	buf_adds(&p->out, reply);
	return POP3D_REPLIED;
}

static enum pop3d_event
refuse(struct pop3d *p, const char *reply)
{
	p->closed = ++p->errors >= POP3D_ERRORS;
	return say(p, reply);
}

/* --- the commands --- */
static bool
may_log_in(const struct pop3d *p)
{
	return p->tls || p->clear;
}

static enum pop3d_event
do_capa(struct pop3d *p, const char *arg)
{
	(void)arg;
	buf_addf(&p->out,
	    "+OK\r\nTOP\r\nUIDL\r\n%s%sRESP-CODES\r\nAUTH-RESP-CODE\r\n"
	    "PIPELINING\r\nEXPIRE NEVER\r\n.\r\n",
	    may_log_in(p) ? "USER\r\nSASL PLAIN\r\n" : "",
	    p->starttls && !p->tls && !p->in ? "STLS\r\n" : "");
	return POP3D_REPLIED;
}

static enum pop3d_event
do_stls(struct pop3d *p, const char *arg)
{
	(void)arg;
	if (p->tls)
		return refuse(p, "-ERR TLS is there already\r\n");
	if (!p->starttls)
		return refuse(p, "-ERR there is no TLS here\r\n");
	return POP3D_STLS;
}

/* Where an exchange is now. */
static enum pop3d_event
go_on(struct pop3d *p, enum sasl_result result)
{
	explicit_bzero(p->line, p->len);
	p->in_sasl = result == SASL_MORE;
	switch (result) {
	case SASL_MORE:
		buf_addf(&p->out, "+ %s\r\n", p->sasl.challenge);
		return POP3D_REPLIED;
	case SASL_DONE:
		strcpy(p->user, p->sasl.user);
		p->password = p->sasl.password;
		return POP3D_LOGIN;
	case SASL_CANCELLED:
		sasl_free(&p->sasl);
		return refuse(p, "-ERR cancelled\r\n");
	default:
		sasl_free(&p->sasl);
		return refuse(p, "-ERR wrong response\r\n");
	}
}

static enum pop3d_event
do_auth(struct pop3d *p, const char *arg)
{
	size_t n = strcspn(arg, " ");

	if (!may_log_in(p))
		return refuse(p, "-ERR a login needs TLS here\r\n");
	if (n != 5 || strncasecmp(arg, "PLAIN", n) != 0)
		return refuse(p, "-ERR unknown mechanism\r\n");
	p->has_user = false;
	return go_on(
	    p, sasl_begin(&p->sasl, arg, n, arg[n] ? arg + n + 1 : NULL));
}

static enum pop3d_event
do_user(struct pop3d *p, const char *arg)
{
	if (!may_log_in(p))
		return refuse(p, "-ERR a login needs TLS here\r\n");
	strcpy(p->user, arg);
	p->has_user = true;
	return say(p, replies[POP3D_DONE]);
}

static enum pop3d_event
do_pass(struct pop3d *p, const char *arg)
{
	if (!may_log_in(p))
		return refuse(p, "-ERR a login needs TLS here\r\n");
	if (!p->has_user)
		return refuse(p, "-ERR not in this state\r\n");
	p->has_user = false;
	p->password = arg;
	return POP3D_LOGIN;
}

static enum pop3d_event
do_stat(struct pop3d *p, const char *arg)
{
	(void)p;
	(void)arg;
	return POP3D_STAT;
}

static void
set_number(struct pop3d *p, const char *arg, size_t n)
{
	if (parse_digits(arg, n, POP3_MESSAGES, &p->number) < 0)
		p->number = 0;
}

/* Of one message or all. */
static enum pop3d_event
list(struct pop3d *p, const char *arg, enum pop3d_event event)
{
	p->all = !arg;
	if (arg)
		set_number(p, arg, strlen(arg));
	return event;
}

static enum pop3d_event
do_list(struct pop3d *p, const char *arg)
{
	return list(p, arg, POP3D_LIST);
}

static enum pop3d_event
do_uidl(struct pop3d *p, const char *arg)
{
	return list(p, arg, POP3D_UIDL);
}

static enum pop3d_event
do_retr(struct pop3d *p, const char *arg)
{
	set_number(p, arg, strlen(arg));
	return POP3D_RETR;
}

static enum pop3d_event
do_top(struct pop3d *p, const char *arg)
{
	size_t n = strcspn(arg, " ");

	if (!arg[n] || parse_number(arg + n + 1, UINT64_MAX, &p->lines) < 0)
		return refuse(p, "-ERR wrong arguments\r\n");
	set_number(p, arg, n);
	return POP3D_TOP;
}

static enum pop3d_event
do_dele(struct pop3d *p, const char *arg)
{
	set_number(p, arg, strlen(arg));
	return POP3D_DELE;
}

static enum pop3d_event
do_rset(struct pop3d *p, const char *arg)
{
	(void)p;
	(void)arg;
	return POP3D_RSET;
}

static enum pop3d_event
do_noop(struct pop3d *p, const char *arg)
{
	(void)arg;
	return say(p, replies[POP3D_DONE]);
}

static enum pop3d_event
do_quit(struct pop3d *p, const char *arg)
{
	(void)arg;
	if (p->in)
		return POP3D_UPDATE;
	p->closed = true;
	return say(p, "+OK bye\r\n");
}

enum { BEFORE = 1, AFTER = 2 }; /* the login */
enum { NONE, MAYBE, NEEDED };   /* an argument */

static const struct verb {
	char name[5];
	unsigned char when, arg;
	enum pop3d_event (*run)(struct pop3d *p, const char *arg);
} verbs[] = {
    {"CAPA", BEFORE | AFTER, NONE, do_capa},
    {"STLS", BEFORE, NONE, do_stls},
    {"AUTH", BEFORE, NEEDED, do_auth},
    {"USER", BEFORE, NEEDED, do_user},
    {"PASS", BEFORE, NEEDED, do_pass},
    {"STAT", AFTER, NONE, do_stat},
    {"LIST", AFTER, MAYBE, do_list},
    {"UIDL", AFTER, MAYBE, do_uidl},
    {"RETR", AFTER, NEEDED, do_retr},
    {"TOP", AFTER, NEEDED, do_top},
    {"DELE", AFTER, NEEDED, do_dele},
    {"RSET", AFTER, NONE, do_rset},
    {"NOOP", AFTER, NONE, do_noop},
    {"QUIT", BEFORE | AFTER, NONE, do_quit},
};

static enum pop3d_event
run_response(struct pop3d *p)
{
	size_t n = p->len;

	if (p->overlong)
		return go_on(p, SASL_BAD);
	n--; /* its LF */
	if (n > 0 && p->line[n - 1] == '\r')
		n--;
	return go_on(p, sasl_input(&p->sasl, p->line, n));
}

static enum pop3d_event
run_line(struct pop3d *p)
{
	const struct verb *v = verbs, *end = v + sizeof verbs / sizeof *verbs;
	struct pop3_command c;

	if (p->overlong || pop3_command(p->line, p->len, &c) < 0)
		return refuse(p, "-ERR unknown command\r\n");
	while (v < end && strcmp(v->name, c.verb) != 0)
		v++;
	if (v == end)
		return refuse(p, "-ERR unknown command\r\n");
	if (!(v->when & (p->in ? AFTER : BEFORE)))
		return refuse(p, "-ERR not in this state\r\n");
	if (c.arg && !*c.arg)
		c.arg = NULL;
	if ((v->arg == NEEDED && !c.arg) || (v->arg == NONE && c.arg))
		return refuse(p, "-ERR wrong arguments\r\n");
	return v->run(p, c.arg);
}

void
pop3d_begin(struct pop3d *p)
{
	say(p, "+OK POP3\r\n");
}

void
pop3d_resume(struct pop3d *p)
{
	p->asked = POP3D_LOGIN;
}

void
pop3d_secure(struct pop3d *p)
{
	p->tls = true;
	p->in_handshake = p->has_user = false;
	explicit_bzero(p->user, sizeof p->user);
}

/* A line that is too long is discarded up to its end, and no part of it is
 * ever a command. */
size_t
pop3d_take(struct pop3d *p, const char *in, size_t n, enum pop3d_event *event)
{
	const char *lf = n ? memchr(in, '\n', n) : NULL;
	size_t taken = lf ? (size_t)(lf - in) + 1 : n;

	*event = POP3D_CLOSE;
	if (p->closed)
		return 0;
	*event = POP3D_MORE;
	if (p->in_handshake)
		return n;
	if (p->len + taken > (p->in_sasl ? POP3D_LINE : POP3_COMMAND))
		p->overlong = true;
	else if (taken) {
		memcpy(p->line + p->len, in, taken);
		p->len += taken;
	}
	if (!lf)
		return taken;
	*event = p->asked = p->in_sasl ? run_response(p) : run_line(p);
	p->len = 0;
	p->overlong = false;
	return taken;
}

void
pop3d_answer(struct pop3d *p, enum pop3d_answer answer)
{
	bool quits = p->asked == POP3D_UPDATE;

	say(p, quits && answer == POP3D_DONE ? "+OK bye\r\n" : replies[answer]);
	if (p->asked == POP3D_STLS)
		p->in_handshake = answer == POP3D_DONE;
	if (p->asked == POP3D_LOGIN) {
		explicit_bzero(p->line, sizeof p->line);
		sasl_free(&p->sasl);
		p->password = NULL;
		p->in = answer == POP3D_DONE;
	}
	if (answer == POP3D_DENIED || answer == POP3D_NO_LOGIN)
		p->tries++;
	p->closed = quits || answer == POP3D_CUT || answer == POP3D_HANDED_ON ||
	    p->tries >= POP3D_TRIES;
}

void
pop3d_free(struct pop3d *p)
{
	explicit_bzero(p->line, sizeof p->line);
	sasl_free(&p->sasl);
	buf_free(&p->out);
}
