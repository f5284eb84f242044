#include "accept.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "buf.h"
#include "verdict.h"

static const char TROUBLE[] = "451 4.3.0 Temporary trouble, try again later";
static const char OK_RCPT[] = "250 2.1.5 OK";
static const char BAD_NAME[] = "553 5.1.3 Bad mailbox name";
static const char NO_RELAY[] = "550 5.7.1 No relaying for you";

int
accept_add_local(struct accept_config *c, const char *local)
{
	if (!address_is_domain(local))
		return -1;
	c->locals =
	    xrealloc(c->locals, (c->local_count + 2) * sizeof *c->locals);
	c->locals[c->local_count++] = local;
	c->locals[c->local_count] = NULL;
	return 0;
}

const char *
accept_sender(
    const struct accept *a, const char *login, const struct address *sender)
{
	if (!a->config->sender_map)
		return NULL;
	if (!a->senders)
		return TROUBLE;
	return senders_allow(a->senders, login, sender)
	    ? NULL
	    : "550 5.7.1 Not an address of yours";
}

static bool
is_listed(const struct accept_config *c, const char *domain)
{
	for (size_t i = 0; i < c->local_count; i++)
		if (address_same_domain(c->locals[i], domain))
			return true;
	return false;
}

static bool
is_ours(const struct accept_config *c, const char *domain)
{
	return address_same_domain(c->hostname, domain) || is_listed(c, domain);
}

static const char *
ask_table(const struct accept *a, const struct address *path, bool routed,
    struct mailbox *m)
{
	switch (mailboxes_find(a->table, path, m)) {
	case 0:
		return OK_RCPT;
	case EX_NOUSER:
		return "550 5.1.1 No such user here";
	case EX_DATAERR:
		return BAD_NAME;
	case EX_NOPERM:
		/* Only a route makes the domain local: others know its users.
		 */
		return routed ? OK_RCPT : NO_RELAY;
	default:
		return TROUBLE;
	}
}

static const char *
ask_command(struct accept_check *c, const struct address *path)
{
	struct buf line = BUF_INIT;
	int code =
	    starter_rcpt(c->starter, c->sender, path->text, c->env, &line);
	const char *reply = code == 0 ? OK_RCPT
	    : code == EX_DATAERR      ? BAD_NAME
				      : verdict_reply(code);

	snprintf(c->reply, sizeof c->reply, "%s", reply);
	reply_choose(c->reply, line.data, line.len);
	buf_free(&line);
	return c->reply;
}

/* Where the table is what we deliver by, both are asked. */
static const char *
judge_local(const struct accept *a, const struct address *path, bool routed,
    struct mailbox *m)
{
	const char *reply = OK_RCPT, *found;

	if (!a->table && a->broken)
		return TROUBLE;
	if (a->check)
		reply = ask_command(a->check, path);
	if (*reply != '2' || !a->table || (a->check && !a->delivers))
		return reply;
	found = ask_table(a, path, routed, m);
	return *found == '2' ? reply : found;
}

static const char *
judge(const struct accept *a, const struct address *path, struct mailbox *m)
{
	const char *domain = path->text + path->domain;
	bool routed = a->routes && routes_is_local(a->routes, domain);
	bool local = *domain == '\0' || routed || is_listed(a->config, domain);

	if (local || (a->table && mailboxes_is_local(a->table, domain)))
		return judge_local(a, path, routed, m);
	if (a->may_relay)
		return OK_RCPT;
	return a->broken ? TROUBLE : NO_RELAY;
}

const char *
accept_rcpt(const struct accept *a, struct address *path, struct mailbox *m)
{
	char hop[256];

	m->target = NULL;
	if (address_has_route(path)) {
		if (a->config->source_routes == ACCEPT_REJECT)
			return "550 5.7.1 No source routes";
		if (a->config->source_routes == ACCEPT_STRIP)
			address_strip(path);
	}
	while (address_has_route(path)) {
		address_hop(path, hop);
		if (!is_ours(a->config, hop))
			return a->may_relay ? OK_RCPT : NO_RELAY;
		address_pop(path);
	}
	return judge(a, path, m);
}
