/* The SMTP server's dialogue from memory. The first two octets choose the
 * settings and the length of pieces; the rest comes from the client, in which
 * SYN (22) is a handshake where one is awaited. In pieces and in one the
 * replies and messages must be the same, the limits kept, nothing but a dot
 * alone on its line or a BDAT may have ended a message, no more taken for a
 * chunk than it was said to have, and nothing of before TLS may outlive it. */
#include "fuzz.h"

#include "smtpd.h"

struct transcript {
	struct buf text;
	unsigned begun, ended, dropped;
	bool open;
	uint64_t size; /* of the message */
};

static void
login(struct smtpd *s)
{
	const char *user = s->sasl.user, *password = s->sasl.password;

	must(s->config->auth && (s->tls || s->config->auth_clear));
	must(s->esmtp && !s->mailing.open && !*s->user);
	must(s->failed < SMTPD_LOGINS);
	must(
	    *user && *password && strlen(user) + strlen(password) <= SASL_PAIR);
	smtpd_answer(s, *password == 's' ? "235 2.7.0 OK" : "535 5.7.8 No");
}

/* As many of n octets as may be had; those before a handshake get no answer,
 * and after it the session is a new one. */
static size_t
available(struct smtpd *s, const char *in, size_t *at, size_t n)
{
	const char *syn = n ? memchr(in + *at, 22, n) : NULL;
	unsigned errors = s->errors, failed = s->failed;

	if (s->state != SMTPD_IN_HANDSHAKE)
		return n;
	if (syn != in + *at)
		return syn ? (size_t)(syn - in) - *at : n;
	++*at;
	smtpd_secure(s);
	must(s->tls && smtpd_idle(s) && !s->pipelining && !s->esmtp);
	must(!*s->name && !*s->user && !s->mailing.open && !s->mailing.rcpts &&
	    !s->mailing.tried);
	must(s->errors == errors && s->failed == failed);
	return 0;
}

/* They become a line of a file, and the command of another client. */
static void
check_params(const struct smtpd *s)
{
	struct buf params = BUF_INIT;

	params_add(&s->command.params, &params);
	for (size_t i = 0; i < params.len; i++)
		must((unsigned char)params.data[i] >= ' ' &&
		    params.data[i] != 127 &&
		    (s->command.international || !(params.data[i] & 0x80)));
	must(s->config->dsn || !s->command.params.dsn);
	must(!s->command.international || s->mailing.utf8);
	must(params.len < 700);
	buf_free(&params);
}

static void
act(struct smtpd *s, enum smtpd_event event, struct transcript *t)
{
	const char *path = s->command.path.text;

	if (t->open && event < SMTPD_BODY && !s->mailing.receiving) {
		t->dropped++;
		t->open = false;
	}
	if (event == SMTPD_MAIL || event == SMTPD_RCPT)
		check_params(s);
	if (event == SMTPD_MAIL) {
		must(!s->config->submission || s->user[0]);
		smtpd_answer(s, *path == 'n' ? "550 5.7.1 No" : "250 2.1.0 OK");
	} else if (event == SMTPD_RCPT) {
		must(*path != '\0');
		smtpd_answer(s, *path == 'n' ? "550 5.1.1 No" : "250 2.1.5 OK");
	} else if (event == SMTPD_LOGIN) {
		login(s);
	} else if (event == SMTPD_STARTTLS) {
		must(s->config->starttls && !s->tls);
		smtpd_answer(s, "220 2.0.0 Go");
	} else if (event == SMTPD_DATA) {
		must(s->mailing.rcpts > 0 && s->mailing.open);
		t->begun++;
		t->open = true;
		t->size = 0;
		smtpd_answer(s, "354 Go");
	} else if (event == SMTPD_BODY) {
		t->size += s->mailing.content.body.len;
		buf_reset(&s->mailing.content.body);
	} else if (event == SMTPD_END) {
		must(t->size == s->mailing.content.size &&
		    s->mailing.content.size <= s->config->max_size);
		must(s->mailing.answered < s->mailing.rcpts);
		t->ended += s->mailing.answered == 0;
		t->open = false;
		smtpd_answer(s, "250 2.0.0 OK");
	} else if (event == SMTPD_SPOILED) {
		t->ended++;
		t->open = false;
	}
}

static void
run(const struct smtpd_config *config, const char *in, size_t n, size_t piece,
    struct transcript *t)
{
	enum smtpd_event event = SMTPD_MORE;
	struct smtpd s;
	size_t at = 0;

	smtpd_begin(&s, config);
	while (event < SMTPD_QUIT && (at < n || event != SMTPD_MORE)) {
		size_t left = n - at < piece ? n - at : piece;
		bool dropped = s.state == SMTPD_IN_HANDSHAKE;
		bool in_chunk = s.state == SMTPD_IN_CONTENT &&
		    s.mailing.content.data.chunks;
		uint64_t chunk = s.mailing.content.chunk;

		left = available(&s, in, &at, left);
		size_t taken = smtpd_take(&s, in + at, left, &event);

		must(taken <= left && (!in_chunk || taken <= chunk));
		must(event != SMTPD_MORE || taken == left);
		must(!dropped || (event == SMTPD_MORE && s.out.len == 0));
		at += taken;
		act(&s, event, t);
		buf_add(&t->text, s.out.data, s.out.len);
		buf_reset(&s.out);
		must(s.mailing.rcpts <= config->max_rcpts);
		must(s.line.text.len <= SASL_LINE);
		must(!s.line.overlong ||
		    s.line.text.len == (s.state == SMTPD_IN_AUTH ? 0 : 4));
		must(s.errors <= SMTPD_ERRORS + 1);
		must(s.refusals <= SMTPD_REFUSALS + 1);
	}
	smtpd_free(&s);
}

static unsigned
count_ends(const char *in, size_t n)
{
	unsigned ends = 0;

	for (size_t i = 0; i + 3 <= n; i++)
		ends += (i + 4 <= n && strncasecmp(in + i, "bdat", 4) == 0) ||
		    (memcmp(in + i, ".\r\n", 3) == 0 &&
			(i == 0 || in[i - 1] == '\n'));
	return ends;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct smtpd_config config = {
	    .hostname = "mx.example", .max_size = 300, .max_rcpts = 3};
	struct transcript whole = {.begun = 0}, pieces = {.begun = 0};

	if (n < 2)
		return 0;
	config.normalize = data[0] & 1;
	config.starttls = data[0] & 2;
	config.auth = data[0] & 4;
	config.auth_clear = data[0] & 8;
	config.dsn = data[0] & 16;
	config.lmtp = data[0] & 32;
	config.submission = data[0] & 64;
	const char *in = (const char *)data + 2;
	n -= 2;
	run(&config, in, n, n + 1, &whole);
	run(&config, in, n, 1 + data[1] % 17, &pieces);
	must_equal(&whole.text, &pieces.text);
	must(whole.begun - whole.ended - whole.dropped <= 1);
	must(whole.ended <= count_ends(in, n));
	config.sync = true;
	run(&config, in, n, n + 1, &pieces);
	buf_free(&whole.text);
	buf_free(&pieces.text);
	return 0;
}
