/* smtp-recv: SMTP or LMTP server (RFC 5321, RFC 2033) on fds 0 and 1 or on
 * listening sockets. Reads commands, logins and messages from strangers. A
 * message whose end was received goes, with a Received field on top, to exactly
 * one of a command, the queue or the mailboxes of a table; 250 is said when it
 * is durable there. Anything less than the end leaves nothing behind. Events go
 * to the log, a line each. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "child.h"
#include "confine.h"
#include "log.h"
#include "owner.h"
#include "profile.h"
#include "proxied.h"
#include "receive.h"
#include "serve.h"
#include "smtp-recv.h"
#include "starttls.h"
#include "verdict.h"

#define COMMAND_SECONDS 540 /* for the handler; clients wait 600 */
#define RCPT_SECONDS 30     /* for the check of a recipient */
#define HEADER_SECONDS 10   /* for a proxy's header; 3 at least are due */

static const struct settings *with;
static struct owner user;
static struct tables tables;
static struct tables watched; /* the files of those, by the listener */
static pid_t first_pid;       /* which has read them */
static int tls;               /* the way to it, or -1 */
static bool implicit;
static char busy[320];

/* Programs of the table are run by mbox-deliver, which looks them up itself:
 * nothing that a stranger has sent chooses a command. NULL-ended, to be freed.
 */
static char **
program_command(void)
{
	static char words[][16] = {"mbox-deliver", "--mailboxes", "--local"};
	char **argv =
	    xrealloc(NULL, (4 + 2 * with->rules.local_count) * sizeof *argv);
	size_t n = 0;

	argv[n++] = words[0];
	argv[n++] = words[1];
	argv[n++] = (char *)with->mailboxes;
	for (size_t i = 0; i < with->rules.local_count; i++) {
		argv[n++] = words[2];
		argv[n++] = (char *)with->rules.locals[i];
	}
	argv[n] = NULL;
	return argv;
}

/* Whoever does not read a last word hears the close, as does who waits for
 * TLS. */
static void
part(int out, const char *word)
{
	if (!implicit && write(out, word, strlen(word)) < 0)
		return;
}

static int
unavailable(int out)
{
	char line[320];

	snprintf(line, sizeof line,
	    "421 4.3.0 %s Temporary trouble, try again later\r\n",
	    with->smtp.hostname);
	part(out, line);
	return EX_TEMPFAIL;
}

/* Who the client is, if a proxy must say that, and whether it is one too many.
 * -1: there is no session with it. */
static int
meet(struct peer *peer, int in, int out)
{
	if (networks_have(&with->proxies, peer) &&
	    proxied_peer(in,
		with->timeout < HEADER_SECONDS ? with->timeout : HEADER_SECONDS,
		peer) != 0) {
		log_event("no-header", "proxy", peer->addr, "reason",
		    strerror(errno), NULL);
		return -1;
	}
	if (serve_claim(peer))
		return 0;
	part(out, busy);
	return -1;
}

static int
begin_starter(struct starter *starter)
{
	struct starter_config c = {.handler = with->command,
	    .auth = with->auth,
	    .rcpt_check = with->rcpt_check,
	    .rcpt_seconds =
		with->timeout < RCPT_SECONDS ? with->timeout : RCPT_SECONDS,
	    .seconds = COMMAND_SECONDS};
	char **programs = NULL;
	int r;

	starter->fd = -1;
	if (tables.deliver && tables.mailboxes &&
	    mailboxes_has_programs(tables.mailboxes))
		c.handler = programs = program_command();
	if (programs && with->user)
		c.user = &user;
	if (!c.handler && !with->auth && !with->rcpt_check)
		return 0;
	r = starter_begin(starter, &c);
	free(programs);
	return r;
}

/* Leaves this session nothing but what it needs. 0, or -1 and said why. */
static int
drop_rights(struct queue *queue)
{
	const struct profile_smtp profile = {
	    .queue = with->spool ? queue : NULL,
	    .mailboxes = tables.deliver ? &tables.reach : NULL,
	    .command = with->command != NULL};

	if (with->user && owner_become(&user) != 0) {
		log_error("become user %s: %s", with->user, strerror(errno));
		return -1;
	}
	if (with->spool && queue_open(queue, with->spool, true) != 0) {
		log_error("open spool %s: %s", with->spool, strerror(errno));
		return -1;
	}
	if (profile_smtp(&profile) != 0) {
		log_error("confine the session: %s", strerror(errno));
		return -1;
	}
	return 0;
}

/* Whether this process may serve another one: it could read the tables, and is
 * who it was. */
static bool
converse(struct receive *r, int in, int out)
{
	const uid_t uid = geteuid();

	r->accept.may_relay = (with->command || with->spool) &&
	    networks_have(&with->rules.relays, &r->peer);
	return receive_session(r, in, out) && !r->accept.broken &&
	    geteuid() == uid;
}

static int
session(int in, int out, void *arg)
{
	struct queue queue = {-1, -1, -1, -1, -1, -1};
	struct starter starter;
	struct receive r = {.smtp = with->smtp,
	    .tls = tls,
	    .implicit = implicit,
	    .queue = &queue,
	    .starter = &starter,
	    .rcpt_check = with->rcpt_check != NULL,
	    .timeout = with->timeout,
	    .verbose = with->verbose};
	char why[512];

	(void)arg;
	r.sink = with->command ? HANDOVER_COMMAND
	    : with->spool      ? HANDOVER_QUEUE
			       : HANDOVER_MAILBOXES;
	peer_of(in, &r.peer);
	r.accept =
	    (struct accept){.config = &with->rules, .routes = &tables.routes};
	if (getpid() != first_pid && tables_changed(&tables) &&
	    tables_read(&tables, why, sizeof why) != 0) {
		log_error("%s", why);
		r.accept.broken = true;
	}
	r.accept.table = tables.mailboxes;
	r.accept.senders = tables.senders;
	if (begin_starter(&starter) != 0) {
		log_error("fork: %s", strerror(errno));
		return unavailable(out);
	}
	if (drop_rights(&queue) != 0)
		return unavailable(out);
	if (meet(&r.peer, in, out) == 0)
		while (converse(&r, in, out) && serve_next(&r.peer))
			;
	queue_close(&queue);
	starter_end(&starter);
	return EX_OK;
}

/* What the files say that the options name; later they may be trouble, now
 * they must be there. */
static void
read_files(void)
{
	char why[512];

	if (with->user && owner_named(with->user, &user, why, sizeof why) != 0)
		log_die(EX_CONFIG, "%s", why);
	tables.mailboxes_file = with->mailboxes;
	tables.senders_file = with->sender_map;
	tables.spool = with->spool;
	tables.locals = with->rules.locals;
	tables.deliver = !with->command && !with->spool;
	tables_changed(&tables);
	if (tables_read(&tables, why, sizeof why) != 0)
		log_die(verdict_exit_of_errno(errno, EX_CONFIG), "%s", why);
	first_pid = getpid();
	watched = tables;
}

/* A confined process cannot read them anew. */
static bool
outdated(void *arg)
{
	(void)arg;
	return tables_changed(&watched);
}

int
main(int argc, char *argv[])
{
	struct serve server = {.session = session, .busy = busy};

	with = settings_read(argc, argv);
	read_files();
	confine_probe(!with->command, false);
	if (with->command || with->mailboxes || with->auth || with->rcpt_check)
		child_path();
	tls = starttls_open(&implicit);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	snprintf(busy, implicit ? 1 : sizeof busy,
	    "421 4.3.2 %s Too many connections\r\n", with->smtp.hostname);
	server.proxies = with->proxies.count ? &with->proxies : NULL;
	if (!with->auth && !implicit)
		server.outdated = outdated;
	server.becomes = with->user != NULL;
	server.listen = with->listens;
	server.listens = with->listen_count;
	serve_end(serve(&server));
}
