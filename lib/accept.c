#include "accept.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "buf.h"

static const char TROUBLE[] = "451 4.3.0 Temporary trouble, try again later";
static const char NO_RELAY[] = "550 5.7.1 No relaying for you";

bool
accept_domain(const char *s)
{
	char text[ADDRESS_MAX];
	struct address a;
	int n = snprintf(text, sizeof text, "postmaster@%s", s);

	return n < (int)sizeof text &&
	    address_parse(&a, text, (size_t)n, 0) == 0 &&
	    strcmp(a.text + a.domain, s) == 0;
}

int
accept_add_local(struct accept_config *c, const char *local)
{
	if (!accept_domain(local))
		return -1;
	c->locals =
	    xrealloc(c->locals, (c->local_count + 2) * sizeof *c->locals);
	c->locals[c->local_count++] = local;
	c->locals[c->local_count] = NULL;
	return 0;
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
		return "250 2.1.5 OK";
	case EX_NOUSER:
		return "550 5.1.1 No such user here";
	case EX_DATAERR:
		return "553 5.1.3 Bad mailbox name";
	case EX_NOPERM:
		/* Only a route makes the domain local: others know its users.
		 */
		return routed ? "250 2.1.5 OK" : NO_RELAY;
	default:
		return TROUBLE;
	}
}

static const char *
judge(const struct accept *a, const struct address *path, struct mailbox *m)
{
	const char *domain = path->text + path->domain;
	bool routed = a->routes && routes_is_local(a->routes, domain);
	bool local = *domain == '\0' || routed || is_listed(a->config, domain);

	if (a->table && (local || mailboxes_is_local(a->table, domain)))
		return ask_table(a, path, routed, m);
	if (local)
		return a->broken ? TROUBLE : "250 2.1.5 OK";
	if (a->may_relay)
		return "250 2.1.5 OK";
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
			return a->may_relay ? "250 2.1.5 OK" : NO_RELAY;
		address_pop(path);
	}
	return judge(a, path, m);
}
