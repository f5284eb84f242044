/* Sends a message from standard input, or the jobs of a batch, to an SMTP
 * relay or an LMTP server. Promises: 0, or `ok', only after a complete 2xx
 * reply to the end of the data; a recipient whose fate a lost connection hides
 * is called unsure; one result for each recipient of a job; never an end of
 * data behind an incomplete message. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "address.h"
#include "atomic.h"
#include "batch.h"
#include "child.h"
#include "conn.h"
#include "dial.h"
#include "envelope.h"
#include "intake.h"
#include "log.h"
#include "options.h"
#include "smtp.h"

#define BLOCK 65536
#define IDLE_SECONDS 30 /* until an unused connection is given back */
#define DOWN_SECONDS 30 /* until a server that failed is asked again */

enum { RELAY = 0x100, LMTP, BATCH, HOSTNAME, ALLOW_EMPTY };

static struct dial_options dial = {0};
static const char *relay, *lmtp, *sender;
static char hostname[256];
static bool batch, from_header, allow_empty, quiet;
static struct dial_target target;

static const char usage[] =
    "usage: smtp-send (--relay URL | --lmtp PLACE) [-f SENDER] [-t] [--] "
    "RCPT... < message\n"
    "       smtp-send (--relay URL | --lmtp PLACE) --batch < jobs > results\n"
    "\n"
    "  --relay URL    smtp://[USER@]HOST[:PORT], submission://, smtps://\n"
    "  --lmtp PLACE   absolute path of a socket, or HOST:PORT\n"
    "  -f SENDER      return path; '' or '<>' is the null sender\n"
    "  -t             add the recipients of To, Cc and Bcc\n"
    "  --batch        jobs in, results out (mailpipe-batch(5))\n"
    "  --allow-empty  send a message of no octets\n"
    "  --hostname NAME     our name in EHLO\n"
    "  --tls MODE          required, opportunistic or off\n"
    "  --cafile FILE       authorities to trust instead of the system's\n"
    "  --proxy URL         as curl has it\n"
    "  --password-command CMD, --password-file FILE, --password-fd N\n"
    "                      else ~/.netrc, else asked for on the terminal\n"
    "  --timeout TIME      for each wait, lower than the protocol's\n"
    "  --config FILE       long options, one a line\n"
    "  -q  say nothing of failed recipients    -v  show the dialogue\n"
    "  -h, --help    -V, --version\n";

static const struct option_def option_defs[] = {{"relay", RELAY, true},
    {"lmtp", LMTP, true}, {"from", 'f', true},
    {"recipients-from-header", 't', false}, {"batch", BATCH, false},
    {"allow-empty", ALLOW_EMPTY, false}, {"hostname", HOSTNAME, true},
    {"quiet", 'q', false}, DIAL_OPTIONS, {NULL, 0, false}};

static int
set_hostname(const char *name, char *why, size_t size)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-_.:[]";

	if (!*name || strlen(name) >= sizeof hostname ||
	    name[strspn(name, allowed)]) {
		snprintf(why, size, "`%s' is no host name", name);
		return -1;
	}
	snprintf(hostname, sizeof hostname, "%s", name);
	return 0;
}

static int
set_option(int key, const char *value, char *why, size_t size)
{
	switch (key) {
	case RELAY:
		relay = value;
		return 0;
	case LMTP:
		lmtp = value;
		return 0;
	case 'f':
		sender = value;
		return 0;
	case 't':
		from_header = true;
		return 0;
	case BATCH:
		batch = true;
		return 0;
	case ALLOW_EMPTY:
		allow_empty = true;
		return 0;
	case HOSTNAME:
		return set_hostname(value, why, size);
	case 'q':
		quiet = true;
		return 0;
	}
	return dial_option(&dial, key, value, why, size);
}

/* What a message's octets say of it, block by block. */
struct scan {
	uint64_t octets, lf, crlf;
	uint64_t offset; /* of the first NUL or bare CR, + 1 */
	const char *what;
	bool high;
	unsigned char last;
};

static void
scan(struct scan *s, const char *data, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)data[i];
		if (!s->what && (c == 0 || (s->last == '\r' && c != '\n'))) {
			s->what = c == 0 ? "NUL" : "bare CR";
			s->offset = s->octets + i + (c == 0);
		}
		s->lf += c == '\n';
		s->crlf += c == '\n' && s->last == '\r';
		s->high |= c > 127;
		s->last = c;
	}
	s->octets += n;
}

/* A job; its message is the engine's while it is open there. */
struct job {
	struct smtp_message message; /* first: events lead back by it */
	struct job *next;
	struct batch_job b;
	char *line;
	bool *reported; /* of each recipient */
	bool retried;
	int fd;
	uint64_t size; /* of the message */
	struct scan checked, sent;
};

static struct job *waiting; /* not begun on a connection */
static int exit_code;
static int only = -1; /* the message of the single form */

/* One read of the file serves for the check and for the sending of a message
 * that fits in it. */
static struct {
	const struct job *job;
	uint64_t at;
	size_t n;
	char data[BLOCK];
} block;

static struct {
	struct dial *dial;
	struct smtp *smtp;
	struct job *body;     /* being sent */
	bool begun, finished; /* a message */
	bool lost, silent, more;
	uint64_t replies;
	int64_t since; /* when it last moved on */
} session;

/* A server that failed before any message is not asked again for each job. */
static struct reply down;
static int64_t down_until;

static void
report(struct job *j, size_t i, enum batch_fate fate, const struct reply *why)
{
	const char *rcpt = j->b.rcpts[i].address;
	struct batch_result r = {
	    j->b.id, rcpt, fate, why->code, why->enhanced, why->text};
	struct buf line = BUF_INIT;

	j->reported[i] = true;
	if (batch) {
		batch_result_write(&r, &line);
		ssize_t n = write(STDOUT_FILENO, line.data, line.len);
		if (n != (ssize_t)line.len)
			log_die(EX_TEMPFAIL, "write results: %s",
			    n < 0 ? strerror(errno) : "short write");
		buf_free(&line);
		return;
	}
	if (fate == BATCH_OK)
		return;
	if (fate != BATCH_PERM)
		exit_code = EX_TEMPFAIL;
	else if (!exit_code)
		exit_code = EX_UNAVAILABLE;
	if (quiet)
		return;
	if (fate == BATCH_UNSURE)
		buf_adds(&line, "unsure: ");
	if (why->code)
		buf_addf(&line, "%d ", why->code);
	if (why->enhanced[0])
		buf_addf(&line, "%s ", why->enhanced);
	buf_adds(&line, why->text);
	log_error("send <%s>: %s", rcpt, buf_str(&line));
	buf_free(&line);
}

static void
job_free(struct job *j)
{
	if (j->fd >= 0)
		close(j->fd);
	if (block.job == j)
		block.job = NULL;
	batch_job_free(&j->b);
	free(j->line);
	free(j->reported);
	free(j);
}

/* Reports the recipients without a result, and forgets the job. */
static void
job_end(struct job *j, enum batch_fate fate, const struct reply *why)
{
	for (size_t i = 0; i < j->b.n; i++)
		if (!j->reported[i])
			report(j, i, fate, why);
	job_free(j);
}

static __attribute__((format(printf, 4, 5))) void
job_fail(struct job *j, int code, const char *enhanced, const char *fmt, ...)
{
	struct reply why = {.code = code};
	va_list ap;

	snprintf(why.enhanced, sizeof why.enhanced, "%s", enhanced);
	va_start(ap, fmt);
	vsnprintf(why.text, sizeof why.text, fmt, ap);
	va_end(ap);
	job_end(j, code >= 500 ? BATCH_PERM : BATCH_TEMP, &why);
}

static void
job_wait(struct job *j)
{
	struct job **at = &waiting;

	while (*at)
		at = &(*at)->next;
	j->next = NULL;
	*at = j;
}

/* The octets from at on, up to a block: their number, 0 where the file ends
 * early, or -1 with errno. */
static ssize_t
job_read(struct job *j, uint64_t at)
{
	uint64_t left = j->size - at;
	ssize_t n;

	if (block.job == j && block.at == at)
		return (ssize_t)block.n;
	do {
		n = pread(j->fd, block.data, left < BLOCK ? left : BLOCK,
		    (off_t)(j->b.offset + at));
	} while (n < 0 && errno == EINTR);
	block.job = n > 0 ? j : NULL;
	block.at = at;
	block.n = n > 0 ? (size_t)n : 0;
	return n;
}

/* Opens and checks the message. False: the job is done with. */
static bool
job_prepare(struct job *j)
{
	struct scan *c = &j->checked;
	struct stat st;

	if (j->fd < 0)
		j->fd = open(j->b.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (j->fd < 0 || fstat(j->fd, &st) < 0) {
		job_fail(j, 0, "", "open %s: %s", j->b.path, strerror(errno));
		return false;
	}
	j->size = j->b.size == UINT64_MAX ? (uint64_t)st.st_size : j->b.size;
	*c = (struct scan){0};
	while (S_ISREG(st.st_mode) && c->octets < j->size) {
		ssize_t n = job_read(j, c->octets);
		if (n <= 0)
			break;
		scan(c, block.data, (size_t)n);
	}
	if (c->last == '\r')
		scan(c, "x", 1); /* a CR that ends the message is bare */
	if (c->what)
		job_fail(j, 554, "5.6.0", "%s at octet %llu of the message",
		    c->what, (unsigned long long)c->offset - 1);
	else if (!S_ISREG(st.st_mode))
		job_fail(j, 0, "", "read %s: not a regular file", j->b.path);
	else if (c->octets < j->size)
		job_fail(j, 0, "", "read %s: shorter than %llu octets",
		    j->b.path, (unsigned long long)j->size);
	else if (j->size == 0 && !allow_empty)
		job_fail(j, 554, "5.6.0", "message of no octets");
	else
		return true;
	return false;
}

/* Begins it on the connection, with the recipients that have no result. */
static void
job_begin(struct job *j)
{
	uint64_t lines = j->checked.lf - j->checked.crlf;
	size_t n = 0;

	for (size_t i = 0; i < j->b.n; i++)
		if (!j->reported[i])
			j->b.rcpts[n++] = j->b.rcpts[i];
	memset(j->reported, 0, j->b.n * sizeof *j->reported);
	j->b.n = n;
	if (j->size && j->checked.last != '\n')
		lines += 2;
	j->message = (struct smtp_message){.sender = &j->b.sender,
	    .rcpts = j->b.rcpts,
	    .n = n,
	    .size = j->size + lines,
	    .eightbit = j->checked.high};
	session.begun = true;
	session.since = conn_now();
	smtp_begin(session.smtp, &j->message);
}

/* After a lost connection: once more, if this one has carried a message. */
static void
job_again(struct job *j, const struct reply *why)
{
	bool left = false;

	for (size_t i = 0; i < j->b.n; i++)
		left |= !j->reported[i];
	if (left && session.finished && !j->retried) {
		j->retried = true;
		job_wait(j);
	} else {
		job_end(j, BATCH_TEMP, why);
	}
}

static struct buf dialogue;

static void
show_dialogue(void)
{
	if (dialogue.len)
		fwrite(dialogue.data, 1, dialogue.len, stderr);
	buf_reset(&dialogue);
}

static void
lost(const char *why)
{
	session.lost = true;
	smtp_lost(session.smtp, why);
}

static void
session_close(void)
{
	show_dialogue();
	smtp_close(session.smtp);
	dial_close(session.dial);
	memset(&session, 0, sizeof session);
}

static void
session_open(void)
{
	struct smtp_options o = {.lmtp = lmtp != NULL,
	    .greeting = lmtp != NULL,
	    .hostname = hostname,
	    .trace = dial.verbose ? &dialogue : NULL};
	struct reply why;
	int code;

	session.dial = dial_open(&target, &dial, &why, &code);
	if (session.dial) {
		session.smtp = smtp_open(&o);
		session.since = conn_now();
		return;
	}
	if (code != EX_TEMPFAIL && !batch)
		log_die(code, "connect %s: %s", target.name, why.text);
	down = why;
	snprintf(down.text, sizeof down.text, "connect %s: %.300s", target.name,
	    why.text);
	down_until = conn_now() + DOWN_SECONDS * 1000;
}

/* Takes in what the server has sent, up to a bound. */
static void
receive(void)
{
	char data[16384];
	ssize_t n = 0;

	session.more = false;
	for (int i = 0; session.smtp && !session.lost && i < 4; i++) {
		n = dial_recv(session.dial, data, sizeof data);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0)
			lost(n == 0 ? "server closed the connection"
				    : "connection lost");
		else
			smtp_input(session.smtp, data, (size_t)n);
	}
	session.more = n > 0;
}

static void
session_over(const struct reply *why)
{
	if (session.silent || !session.begun) {
		down = *why;
		down_until = conn_now() + DOWN_SECONDS * 1000;
	}
	session_close();
}

static void
take_events(void)
{
	struct smtp_event e;

	while (session.smtp) {
		smtp_next(session.smtp, &e);
		struct job *j = (struct job *)e.message;
		switch (e.kind) {
		case SMTP_NONE:
			return;
		case SMTP_BODY:
			session.body = j;
			j->sent = (struct scan){0};
			break;
		case SMTP_RESULT:
			report(j, e.rcpt, e.fate, e.reply);
			break;
		case SMTP_DONE:
			session.finished = true;
			job_free(j);
			break;
		case SMTP_AGAIN:
			session.body = NULL;
			job_again(j, e.reply);
			break;
		case SMTP_OVER:
			session_over(e.reply);
			break;
		}
	}
}

/* An end of data that nobody will hear of must not be sent. */
static void
check_reader(void)
{
	struct pollfd p = {.fd = STDOUT_FILENO};

	if (batch && poll(&p, 1, 0) > 0 && (p.revents & (POLLERR | POLLNVAL)))
		log_die(EX_TEMPFAIL, "write results: the reader is gone");
}

/* The next block of the message, or its end, which must be what was checked. */
static void
feed_body(void)
{
	struct job *j = session.body;

	if (!j || smtp_output(session.smtp)->len >= BLOCK)
		return;
	if (j->sent.octets < j->size) {
		ssize_t n = job_read(j, j->sent.octets);
		if (n > 0) {
			scan(&j->sent, block.data, (size_t)n);
			smtp_body(session.smtp, block.data, (size_t)n);
		}
		if (n <= 0 || j->sent.what)
			lost("the message has changed");
		if (n <= 0 || j->sent.what || j->sent.octets < j->size)
			return;
	}
	check_reader();
	smtp_body_end(session.smtp);
	session.body = NULL;
}

static struct {
	struct buf in;
	size_t taken;
	unsigned long long line;
	bool ended;
} jobs;

static void
jobs_bad(const char *why)
{
	log_error("read jobs: line %llu: %s", jobs.line + 1, why);
	exit_code = EX_DATAERR;
	jobs.ended = true;
}

static void
jobs_read(void)
{
	ssize_t n;

	buf_cut(&jobs.in, jobs.taken);
	jobs.taken = 0;
	n = read(STDIN_FILENO, buf_room(&jobs.in, BLOCK), BLOCK);
	if (n > 0) {
		jobs.in.len += (size_t)n;
	} else if (n < 0 && errno != EINTR && errno != EAGAIN) {
		log_error("read jobs: %s", strerror(errno));
		exit_code = EX_TEMPFAIL;
		jobs.ended = true;
	} else if (n == 0) {
		jobs.ended = true;
		if (jobs.in.len)
			jobs_bad("no end of line");
	}
}

/* The next job of what was read, unless one is waiting already: none waits
 * only when nothing whole is left to take. */
static void
jobs_take(void)
{
	size_t left = jobs.in.len - jobs.taken;
	const char *line = jobs.in.data + jobs.taken, *why;
	const char *lf = left ? memchr(line, '\n', left) : NULL;
	size_t n = lf ? (size_t)(lf - line) : left;

	if (waiting || jobs.ended)
		return;
	if (!lf && left > BATCH_LINE)
		jobs_bad("too long");
	if (!lf)
		return;
	struct job *j = xrealloc(NULL, sizeof *j);
	*j = (struct job){.fd = -1};
	j->line = xrealloc(NULL, n + 1);
	memcpy(j->line, line, n);
	if (batch_job_parse(&j->b, j->line, n, &why) < 0) {
		jobs_bad(why);
		job_free(j);
		return;
	}
	j->reported = xrealloc(NULL, j->b.n * sizeof *j->reported);
	memset(j->reported, 0, j->b.n * sizeof *j->reported);
	jobs.taken += n + 1;
	jobs.line++;
	job_wait(j);
}

/* Begins what waits on the connection, made for it if there is none. */
static void
begin_next(void)
{
	struct job *j;

	while ((j = waiting) && (!session.smtp || smtp_wants(session.smtp))) {
		bool is_down = !session.smtp && conn_now() < down_until;
		if (!session.smtp && !is_down) {
			session_open();
			continue;
		}
		waiting = j->next;
		jobs_take();
		if (is_down)
			job_end(j, BATCH_TEMP, &down);
		else if (job_prepare(j))
			job_begin(j);
	}
}

static void
flush(void)
{
	const struct buf *out;

	while (session.smtp && !session.lost &&
	    (out = smtp_output(session.smtp))->len) {
		ssize_t n = dial_send(session.dial, out->data, out->len);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			receive();
			lost("connection lost while sending");
			return;
		}
		smtp_written(session.smtp, (size_t)n);
		session.since = conn_now();
	}
}

static bool
is_idle(void)
{
	return !waiting && smtp_wants(session.smtp) && !smtp_busy(session.smtp);
}

/* Milliseconds until the server has been silent for too long, -1: no limit. */
static int
time_left(void)
{
	unsigned limit = smtp_seconds(session.smtp);
	int64_t left;

	if (dial.timeout && dial.timeout < limit)
		limit = dial.timeout;
	if (is_idle())
		limit = IDLE_SECONDS;
	left = session.since + limit * INT64_C(1000) - conn_now();
	return limit == 0 ? -1 : left > 0 ? (int)left : 0;
}

static void
on_timeout(void)
{
	if (is_idle()) {
		smtp_quit(session.smtp);
		return;
	}
	session.silent = true;
	lost("no answer in time");
}

/* Waits for the server, for jobs and for the death of who reads results. */
static void
wait_for_news(void)
{
	struct pollfd p[3] = {{.fd = -1}, {.fd = -1}, {.fd = -1}};
	int ms = -1, n;

	if (batch)
		p[2].fd = STDOUT_FILENO;
	if (batch && !waiting && !jobs.ended)
		p[0] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
	if (session.smtp) {
		size_t out = smtp_output(session.smtp)->len;
		if (session.lost || (session.body && out < BLOCK))
			return;
		p[1].fd = dial_fd(session.dial);
		p[1].events = POLLIN | (out ? POLLOUT : 0);
		ms = session.more ? 0 : time_left();
	}
	n = poll(p, 3, ms);
	if (n == 0 && session.smtp && !session.more && time_left() == 0)
		on_timeout();
	if (n > 0 && p[0].revents)
		jobs_read();
	if (n > 0 && (p[2].revents & (POLLERR | POLLNVAL)))
		check_reader();
}

/* All jobs to their results: each round takes in what came, adds what may be
 * sent, and sends it in as few segments as can be. */
static void
run(void)
{
	for (;;) {
		take_events();
		if (session.smtp)
			feed_body();
		jobs_take();
		begin_next();
		show_dialogue();
		if (jobs.ended && !waiting && !session.smtp)
			return;
		if (session.smtp && jobs.ended && is_idle())
			smtp_quit(session.smtp);
		flush();
		wait_for_news();
		receive();
	}
}

static int
write_all(int fd, struct buf *b)
{
	for (size_t at = 0; at < b->len;) {
		ssize_t n = write(fd, b->data + at, b->len - at);
		if (n < 0 && errno != EINTR)
			return -1;
		at += n > 0 ? (size_t)n : 0;
	}
	buf_reset(b);
	return 0;
}

/* Standard input to an unlinked file, as it is to be sent. */
static void
copy_message(struct intake *i)
{
	struct buf out = BUF_INIT;
	const char *what;
	ssize_t n;

	only = atomic_scratch();
	if (only < 0)
		log_die(
		    EX_CANTCREAT, "create temporary file: %s", strerror(errno));
	do {
		n = read(STDIN_FILENO, block.data, BLOCK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			log_die(EX_IOERR, "read message: %s", strerror(errno));
		if (n > 0)
			intake(i, block.data, (size_t)n, &out);
		else
			intake_end(i, &out);
		if (write_all(only, &out) < 0)
			log_die(EX_TEMPFAIL, "write temporary file: %s",
			    strerror(errno));
	} while (n != 0);
	buf_free(&out);
	uint64_t offset = intake_offense(i, &what);
	if (offset)
		log_die(EX_DATAERR, "read message: %s at octet %llu", what,
		    (unsigned long long)offset - 1);
	if (i->octets == 0 && !allow_empty)
		log_die(EX_DATAERR,
		    "read message: no octets (--allow-empty sends it)");
}

static void
add_rcpt(struct envelope *e, const char *text)
{
	struct address a;

	if (address_parse(&a, text, strlen(text), ADDRESS_BARE | ADDRESS_UTF8) <
	    0)
		log_die(
		    EX_DATAERR, "read recipient `%s': not an address", text);
	envelope_rcpt(e, text, "");
}

static void
add_header_rcpts(struct envelope *e, struct intake *i)
{
	struct buf *list = i->resent.len ? &i->resent : &i->to;
	struct buf full = BUF_INIT;

	if (i->bad.len)
		log_die(EX_DATAERR, "read header: not an address list: %s",
		    buf_str(&i->bad));
	for (size_t at = 0; at < list->len; at += strlen(list->data + at) + 1) {
		buf_reset(&full);
		envelope_qualify(list->data + at, &full);
		add_rcpt(e, buf_str(&full));
	}
	buf_free(&full);
}

static void
find_sender(struct envelope *e)
{
	struct buf path = BUF_INIT;

	if (sender && envelope_parse_sender(sender, &path) < 0)
		log_die(EX_USAGE, "-f %s: not an address", sender);
	if (!sender && envelope_default_sender(&path) < 0)
		log_die(EX_CONFIG, "sender %s: not an address (-f, $EMAIL)",
		    buf_str(&path));
	envelope_sender(e, buf_str(&path), "");
	buf_free(&path);
}

/* The one job of the single form. */
static void
take_message(char *rcpts[])
{
	struct envelope e = ENVELOPE_INIT;
	struct intake i = {
	    .keep_bcc = getenv("MAIL_ID"), .collect = from_header};
	static char only_name[] = "message";
	struct job *j = xrealloc(NULL, sizeof *j);

	find_sender(&e);
	for (; *rcpts; rcpts++)
		add_rcpt(&e, *rcpts);
	copy_message(&i);
	if (from_header)
		add_header_rcpts(&e, &i);
	envelope_unique(&e);
	if (e.n == 0)
		log_die(EX_DATAERR, "read header: no recipients in it");
	*j = (struct job){.fd = only};
	j->b = (struct batch_job){.id = only_name,
	    .path = only_name,
	    .size = UINT64_MAX,
	    .sender = {e.sender, e.params},
	    .n = e.n};
	j->b.rcpts = xrealloc(NULL, e.n * sizeof *j->b.rcpts);
	for (size_t k = 0; k < e.n; k++)
		j->b.rcpts[k] =
		    (struct batch_path){e.rcpts[k].address, e.rcpts[k].params};
	j->reported = xrealloc(NULL, e.n * sizeof *j->reported);
	memset(j->reported, 0, e.n * sizeof *j->reported);
	job_wait(j);
	jobs.ended = true;
	intake_free(&i);
}

static void
check_options(int operands)
{
	char why[200];

	if (!relay == !lmtp)
		log_die(EX_USAGE,
		    relay ? "--relay and --lmtp: choose one"
			  : "no server: give --relay URL or "
			    "--lmtp PLACE");
	if (batch && (operands || from_header || sender))
		log_die(EX_USAGE, "--batch takes no sender and no recipients");
	if (!batch && !operands && !from_header)
		log_die(EX_USAGE, "no recipients (-t takes the header's)");
	if (relay &&
	    dial_parse(&target, "smtp", relay, &dial, why, sizeof why) < 0)
		log_die(EX_USAGE, "--relay %s: %s", relay, why);
	if (lmtp && dial_parse_lmtp(&target, lmtp, why, sizeof why) < 0)
		log_die(EX_USAGE, "--lmtp %s: %s", lmtp, why);
	if (!hostname[0] && gethostname(hostname, sizeof hostname - 1) < 0)
		strcpy(hostname, "localhost");
	dial.hostname = hostname;
}

int
main(int argc, char *argv[])
{
	static const struct options options = {.defs = option_defs,
	    .set = set_option,
	    .usage = usage,
	    .program = "smtp-send",
	    .plus = true};
	int first;

	log_open("smtp-send", LOG_TO_STDERR);
	signal(SIGPIPE, SIG_IGN);
	first = options_parse(&options, argc, argv);
	child_path();
	check_options(argc - first);
	if (!batch)
		take_message(argv + first);
	run();
	dial_target_free(&target);
	if (batch && close(STDOUT_FILENO) < 0)
		log_die(EX_TEMPFAIL, "close results: %s", strerror(errno));
	return exit_code;
}
