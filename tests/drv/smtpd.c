/* smtpd PIECE [sync] [normalize] [dsn] [lmtp] [tls] [auth] [clear] [users]:
 * stdin to the server's dialogue, PIECE octets at a time (0: all at once).
 * Prints replies as they come, and each message in between: its events, then
 * its octets behind "|
 * ". Recipients no-... are refused; two are accepted; messages are of 200
 * octets at most. The octet SYN (22), as in TLS, is the handshake. The password
 * is "secret"; to "later" the answer is temporary. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "smtpd.h"

static void
print_body(struct buf *body)
{
	char *line = buf_str(body), *end = line + body->len;

	while (line < end) {
		char *lf = memchr(line, '\n', (size_t)(end - line));
		char *next = lf ? lf + 1 : end;

		fputs("| ", stdout);
		fwrite(line, 1, (size_t)(next - line), stdout);
		line = next;
	}
	buf_reset(body);
}

static void
print_path(const char *verb, const struct command *c)
{
	struct buf params = BUF_INIT;

	params_add(&c->params, &params);
	printf("%s <%s>%s%s\n", verb, c->path.text, params.len ? " " : "",
	    buf_str(&params));
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
		smtpd_answer(s, "250 2.1.0 sender");
		break;
	case SMTPD_RCPT:
		print_path("RCPT", &s->command);
		smtpd_answer(s,
		    strncmp(path, "no-", 3) == 0 ? "550 5.1.1 no"
						 : "250 2.1.5 recipient");
		break;
	case SMTPD_STARTTLS:
		printf("STARTTLS\n");
		smtpd_answer(s, "220 2.0.0 go");
		break;
	case SMTPD_LOGIN:
		printf("LOGIN <%s> <%s> %s\n", s->sasl.user, s->sasl.password,
		    buf_str(&s->line.text));
		smtpd_answer(s, judge(s->sasl.password));
		break;
	case SMTPD_DATA:
		printf("DATA\n");
		buf_reset(body);
		smtpd_answer(s, "354 go");
		break;
	case SMTPD_CHUNK:
		printf("CHUNK\n");
		break;
	case SMTPD_BODY:
		buf_add(body, s->content.body.data, s->content.body.len);
		buf_reset(&s->content.body);
		break;
	case SMTPD_END:
		print_body(body);
		printf("END %llu\n", (unsigned long long)s->content.size);
		smtpd_answer(
		    s, s->answered ? "451 4.3.0 later" : "250 2.0.0 message");
		break;
	case SMTPD_SPOILED:
		printf("SPOILED\n");
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

int
main(int argc, char *argv[])
{
	struct smtpd_config config = {
	    .hostname = "mx.example", .max_size = 200, .max_rcpts = 2};
	struct buf in = BUF_INIT, body = BUF_INIT;
	enum smtpd_event event = SMTPD_MORE;
	struct smtpd s;
	size_t piece = argc > 1 ? strtoul(argv[1], NULL, 10) : 0, at = 0;
	ssize_t n;

	for (int i = 2; i < argc; i++)
		set_flag(&config, argv[i]);
	while ((n = read(0, buf_room(&in, 65536), 65536)) > 0)
		in.len += (size_t)n;
	buf_str(&in);
	smtpd_begin(&s, &config);
	while (event < SMTPD_QUIT && (at < in.len || event != SMTPD_MORE)) {
		size_t left = in.len - at;

		if (piece > 0 && left > piece)
			left = piece;
		left = available(&s, in.data, &at, left);
		at += smtpd_take(&s, in.data + at, left, &event);
		act(&s, event, &body);
		fwrite(s.out.data, 1, s.out.len, stdout);
		buf_reset(&s.out);
	}
	printf("%s\n", event >= SMTPD_QUIT ? "CLOSED" : "WAITING");
	smtpd_free(&s);
	buf_free(&in);
	buf_free(&body);
	return 0;
}
