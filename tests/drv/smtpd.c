/* smtpd PIECE[,PIECE]... [sync] [normalize] [dsn] [lmtp] [tls] [auth] [clear]
 * [users] [plain]: stdin to the server's dialogue, PIECE octets at a time (0:
 * all at once), which has to come out the same with each PIECE. plain: of stdin
 * each LF is CRLF, and neither the greeting nor a CR is printed. Prints replies
 * as they come, and each message in between: its events, then its octets behind
 * "|
 * ". Senders and recipients no-... are refused; two are accepted; messages are
 * of 200 octets at most. The octet SYN (22), as in TLS, is the handshake. The
 * password is "secret"; to "later" the answer is temporary. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drv.h"
#include "smtpd.h"

/* What is to be printed. */
static struct buf out;

static void
print_body(struct buf *body)
{
	char *line = buf_str(body), *end = line + body->len;

	while (line < end) {
		char *lf = memchr(line, '\n', (size_t)(end - line));
		char *next = lf ? lf + 1 : end;

		buf_adds(&out, "| ");
		buf_add(&out, line, (size_t)(next - line));
		line = next;
	}
	buf_reset(body);
}

static void
print_path(const char *verb, const struct command *c)
{
	struct buf params = BUF_INIT;

	params_add(&c->params, &params);
	buf_addf(&out, "%s <%s>%s%s\n", verb, c->path.text,
	    params.len ? " " : "", buf_str(&params));
	buf_free(&params);
}

static const char *
judge(const char *password)
{
	if (strcmp(password, "secret") == 0)
		return "235 2.7.0 yes";
	return strcmp(password, "later") == 0 ? "454 4.7.0 later"
					      : "535 5.7.8 no";
}

static void
act(struct smtpd *s, enum smtpd_event event, struct buf *body)
{
	const char *path = s->command.path.text;

	switch (event) {
	case SMTPD_MAIL:
		print_path("MAIL", &s->command);
		smtpd_answer(s,
		    strncmp(path, "no-", 3) == 0 ? "550 5.7.1 no"
						 : "250 2.1.0 sender");
		break;
	case SMTPD_RCPT:
		print_path("RCPT", &s->command);
		smtpd_answer(s,
		    strncmp(path, "no-", 3) == 0 ? "550 5.1.1 no"
						 : "250 2.1.5 recipient");
		break;
	case SMTPD_STARTTLS:
		buf_addf(&out, "STARTTLS\n");
		smtpd_answer(s, "220 2.0.0 go");
		break;
	case SMTPD_LOGIN:
		buf_addf(&out, "LOGIN <%s> <%s> %s\n", s->sasl.user,
		    s->sasl.password, buf_str(&s->line.text));
		smtpd_answer(s, judge(s->sasl.password));
		break;
	case SMTPD_DATA:
		buf_addf(&out, "DATA\n");
		buf_reset(body);
		smtpd_answer(s, "354 go");
		break;
	case SMTPD_CHUNK:
		buf_addf(&out, "CHUNK\n");
		break;
	case SMTPD_BODY:
		buf_add(body, s->mailing.content.body.data,
		    s->mailing.content.body.len);
		buf_reset(&s->mailing.content.body);
		break;
	case SMTPD_END:
		print_body(body);
		buf_addf(&out, "END %llu\n",
		    (unsigned long long)s->mailing.content.size);
		smtpd_answer(s,
		    s->mailing.answered ? "451 4.3.0 later"
					: "250 2.0.0 message");
		break;
	case SMTPD_SPOILED:
		buf_addf(&out, "SPOILED\n");
		break;
	default:
		break;
	}
}

static void
set_flag(struct smtpd_config *c, const char *flag)
{
	*(flag[0] == 's'         ? &c->sync
		: flag[0] == 'd' ? &c->dsn
		: flag[0] == 'u' ? &c->submission
		: flag[0] == 'l' ? &c->lmtp
		: flag[0] == 't' ? &c->starttls
		: flag[0] == 'a' ? &c->auth
		: flag[0] == 'c' ? &c->auth_clear
				 : &c->normalize) = true;
}

/* How many of n octets smtpd may have at once: in a handshake those up to its
 * end, which is taken here. */
static size_t
available(struct smtpd *s, const char *in, size_t *at, size_t n)
{
	const char *syn;

	if (s->state != SMTPD_IN_HANDSHAKE)
		return n;
	syn = memchr(in + *at, 22, n);
	if (syn != in + *at)
		return syn ? (size_t)(syn - in) - *at : n;
	smtpd_secure(s);
	++*at;
	return 0;
}

/* A session from its greeting to its end. */
static void
session(const struct smtpd_config *config, const struct buf *in, size_t piece)
{
	struct buf body = BUF_INIT;
	enum smtpd_event event = SMTPD_MORE;
	struct smtpd s;
	size_t at = 0;

	buf_reset(&out);
	smtpd_begin(&s, config);
	while (event < SMTPD_QUIT && (at < in->len || event != SMTPD_MORE)) {
		size_t left = in->len - at;

		if (piece > 0 && left > piece)
			left = piece;
		left = available(&s, in->data, &at, left);
		at += smtpd_take(&s, in->data + at, left, &event);
		act(&s, event, &body);
		buf_add(&out, s.out.data, s.out.len);
		buf_reset(&s.out);
	}
	buf_adds(&out, event >= SMTPD_QUIT ? "CLOSED\n" : "WAITING\n");
	smtpd_free(&s);
	buf_free(&body);
}

/* Whether the session is as the first was, which it makes the first. */
static bool
same(struct buf *first, size_t piece)
{
	if (!first->len)
		buf_add(first, out.data, out.len);
	if (first->len == out.len && !memcmp(first->data, out.data, out.len))
		return true;
	printf("in pieces of %zu:\n", piece);
	return false;
}

static void
with_cr(struct buf *in)
{
	struct buf crlf = BUF_INIT;

	for (size_t i = 0; i < in->len; i++) {
		if (in->data[i] == '\n')
			buf_addc(&crlf, '\r');
		buf_addc(&crlf, in->data[i]);
	}
	buf_free(in);
	*in = crlf;
}

static void
print_plain(void)
{
	size_t i = 0;

	while (i < out.len && out.data[i++] != '\n')
		;
	for (; i < out.len; i++)
		if (out.data[i] != '\r')
			putchar(out.data[i]);
}

int
main(int argc, char *argv[])
{
	struct smtpd_config config = {
	    .hostname = "mx.example", .max_size = 200, .max_rcpts = 2};
	struct buf in = drv_input(), first = BUF_INIT;
	char *pieces = argv[1];
	bool plain = false, alike = true;

	if (argc < 2)
		return 64;
	for (int i = 2; i < argc; i++)
		if (argv[i][0] == 'p')
			plain = true;
		else
			set_flag(&config, argv[i]);
	if (plain)
		with_cr(&in);
	buf_str(&in);
	do {
		size_t piece = strtoul(pieces, &pieces, 10);

		session(&config, &in, piece);
		alike = same(&first, piece);
	} while (alike && *pieces++ == ',');
	if (plain)
		print_plain();
	else
		drv_output(&out);
	buf_free(&in);
	buf_free(&out);
	buf_free(&first);
	return !alike;
}
