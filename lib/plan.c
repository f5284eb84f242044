#include "plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "health.h"
#include "log.h"

#define POLL_SECONDS 60

void
plan_trouble(struct plan *p, const char *text)
{
	if (strncmp(p->trouble, text, sizeof p->trouble - 1))
		log_error("%s", text);
	snprintf(p->trouble, sizeof p->trouble, "%s", text);
}

void
plan_failed(struct plan *p, const char *action, const char *id)
{
	char text[200];

	snprintf(text, sizeof text, "%s %s: %s", action, id, strerror(errno));
	plan_trouble(p, text);
	p->failed = true;
}

void
plan_sync(struct plan *p)
{
	if (p->dirty && fsync(p->q->queue))
		plan_failed(p, "sync", "queue");
	p->dirty = false;
}

void
plan_tell(struct plan *p)
{
	if (!p->resolved && !*p->trouble)
		memcpy(p->trouble, p->unresolved, sizeof p->trouble);
	if (p->tried || *p->trouble || !p->waiting)
		health_note(p->q, p->trouble);
	p->tried = p->resolved = false;
	p->waiting = true; /* until a scan says no */
	*p->trouble = *p->unresolved = '\0';
}

static void
set_aside(struct plan *p, const char *file)
{
	if (queue_set_aside(p->q, file)) {
		if (errno != ENOENT)
			plan_failed(p, "set aside", file);
		return;
	}
	log_event("corrupt", "file", file, NULL);
}

static void
set_aside_name(struct plan *p, const struct qname *name)
{
	char file[QNAME];

	qname_write(name, file);
	set_aside(p, file);
}

/* --- items --- */

static struct item **
bucket(struct plan *p, const char *id)
{
	unsigned n = (unsigned char)id[18] * 36u + (unsigned char)id[19];
	struct item **at = &p->items[n % PLAN_BUCKETS];

	while (*at && strcmp((*at)->name.id, id))
		at = &(*at)->chain;
	return at;
}

static void
item_free(struct plan *p, struct item *i)
{
	*bucket(p, i->name.id) = i->chain;
	p->n--;
	free(i);
}

/* Claims it for one more group. */
int
plan_open(struct plan *p, struct item *i)
{
	int saved;

	if (i->gone)
		return -1;
	if (i->users == 0)
		i->entry = xrealloc(NULL, sizeof *i->entry);
	if (i->users > 0 || !entry_claim(p->q, &i->name, i->entry)) {
		p->tried = true;
		i->users++;
		return 0;
	}
	i->gone = true;
	saved = errno;
	free(i->entry);
	errno = saved;
	if (errno == EBADMSG)
		set_aside_name(p, &i->name);
	else if (errno != EAGAIN && errno != ENOENT)
		plan_failed(p, "claim", i->name.id);
	return -1;
}

/* A group is done with what it opened. */
void
plan_close(struct plan *p, struct item *i)
{
	i->users--;
	i->groups--;
	if (i->users > 0)
		return;
	if (i->groups == 0 && !i->gone) {
		p->dirty = true;
		if (settle(p->q, i->entry, p->settle))
			plan_failed(p, "settle", i->name.id);
	}
	entry_release(p->q, i->entry);
	free(i->entry);
	if (i->groups == 0)
		item_free(p, i);
}

void
plan_skip(struct plan *p, struct item *i)
{
	if (--i->groups == 0 && i->users == 0)
		item_free(p, i);
}

/* --- where a recipient goes --- */

static bool
is_ours(const struct plan *p, const char *domain)
{
	const char **name;

	for (name = p->own; *name; name++)
		if (address_same_domain(*name, domain))
			return true;
	return false;
}

/* The path for the next hop, its route, and for mx the domain. */
static const struct route *
find_route(const struct plan *p, const char *sender, const char *rcpt,
    struct address *a, char domain[256])
{
	const struct route *route;

	*domain = '\0';
	if (address_parse(a, rcpt, strlen(rcpt), ADDRESS_BARE | ADDRESS_UTF8))
		return NULL;
	for (;;) {
		address_hop(a, domain);
		if (!address_has_route(a) || !is_ours(p, domain))
			break;
		address_pop(a);
	}
	if (!*domain)
		snprintf(domain, 256, "%s", p->settle->hostname);
	route = routes_find(&p->routes, sender, domain);
	if (!route || route->kind != ROUTE_MX)
		*domain = '\0';
	return route;
}

static void
group_add(struct plan *p, const struct route *route, const char *domain,
    struct item *i)
{
	struct group *g, **end = &p->groups;

	for (; (g = *end); end = &g->next)
		if (g->route == route && !strcmp(g->domain, domain))
			break;
	if (!g) {
		g = *end = xrealloc(NULL, sizeof *g);
		*g = (struct group){.route = route};
		snprintf(g->domain, sizeof g->domain, "%s", domain);
	}
	if (g->n > g->at && g->items[g->n - 1] == i)
		return;
	if (g->n == g->cap && g->at > g->n / 2) {
		g->n -= g->at;
		memmove(g->items, g->items + g->at, g->n * sizeof *g->items);
		g->at = 0;
	}
	if (g->n == g->cap) {
		g->cap = g->cap ? 2 * g->cap : 16;
		g->items = xrealloc(g->items, g->cap * sizeof(struct item *));
	}
	g->items[g->n++] = i;
	i->groups++;
}

/* Into the groups of its recipients; without any to try it only settles. */
static void
add_item(struct plan *p, const struct qname *name)
{
	struct item **at = bucket(p, name->id), *i;
	struct address a;
	struct entry e;
	char domain[256];
	size_t k;

	if (*at)
		return;
	if (entry_open(p->q->queue, name, &e)) {
		if (errno == EBADMSG)
			set_aside_name(p, name);
		else if (errno != ENOENT)
			plan_failed(p, "read", name->id);
		return;
	}
	p->n++;
	i = *at = xrealloc(NULL, sizeof *i);
	*i = (struct item){.name = *name};
	for (k = 0; k < e.n; k++)
		if (settle_wants(p->settle, &e.rcpts[k])) {
			const struct route *route = find_route(
			    p, e.sender, e.rcpts[k].address, &a, domain);

			group_add(p, route, domain, i);
		}
	if (i->groups == 0)
		group_add(p, NULL, "", i);
	entry_close(&e);
}

/* --- what is due --- */

/* The first most of the names, in order, and others behind them. */
struct due {
	struct plan *p;
	struct qname *names;
	size_t n, cap, most;
};

static int
by_due(const void *a, const void *b)
{
	const struct qname *x = a, *y = b;

	if (x->due != y->due)
		return x->due < y->due ? -1 : 1;
	return strcmp(x->id, y->id);
}

/* Sorts, and forgets what is too much. */
static void
keep_first(struct due *d)
{
	if (d->n > 0)
		qsort(d->names, d->n, sizeof *d->names, by_due);
	if (d->n > d->most) {
		d->n = d->most;
		d->p->more = true;
	}
}

static int
note_due(const char *file, const struct qname *n, void *arg)
{
	struct due *d = arg;

	if (!n) {
		if (strncmp(file, ".nfs", 4))
			set_aside(d->p, file);
		return 0;
	}
	if (n->state != 'q')
		return 0;
	if (n->due > d->p->now) {
		d->p->waiting = true;
		if (n->due < d->p->next_due)
			d->p->next_due = n->due;
		return 0;
	}
	if (by_due(n, &d->p->last) <= 0)
		return 0;
	if (d->n >= 2 * d->most)
		keep_first(d);
	if (d->n == d->cap) {
		d->cap = d->cap ? 2 * d->cap : 64;
		d->names = xrealloc(d->names, d->cap * sizeof *d->names);
	}
	d->names[d->n++] = *n;
	return 0;
}

bool
plan_has_room(const struct plan *p)
{
	return p->more && p->n < PLAN_ITEMS / 2;
}

void
plan_scan(struct plan *p)
{
	struct due d = {.p = p, .most = PLAN_ITEMS - p->n};
	size_t i;

	if (!p->more) {
		p->now = time(NULL);
		p->last = (struct qname){.due = -1};
	}
	p->more = false;
	p->next_due = time(NULL) + POLL_SECONDS;
	p->waiting = false;
	if (qname_each(p->q->queue, note_due, &d) < 0)
		plan_failed(p, "read", "queue");
	keep_first(&d);
	for (i = 0; i < d.n; i++)
		add_item(p, &d.names[i]);
	if (d.n > 0)
		p->last = d.names[d.n - 1];
	free(d.names);
}

/* --- for a group --- */

size_t
plan_pick(const struct plan *p, const struct group *g, const struct entry *e,
    size_t *rcpts)
{
	struct address a;
	char domain[256];
	size_t k, n = 0;

	for (k = g->from; k < e->n; k++)
		if (settle_wants(p->settle, &e->rcpts[k]) &&
		    find_route(p, e->sender, e->rcpts[k].address, &a, domain) ==
			g->route &&
		    !strcmp(domain, g->domain))
			rcpts[n++] = k;
	return n;
}

void
plan_path(
    const struct plan *p, const struct entry *e, size_t rcpt, struct address *a)
{
	char domain[256];

	find_route(p, e->sender, e->rcpts[rcpt].address, a, domain);
}

void
plan_drop(struct plan *p, struct group **g)
{
	struct group *old = *g;

	for (; old->at < old->n; old->at++) {
		old->items[old->at]->gone = true;
		plan_skip(p, old->items[old->at]);
	}
	*g = old->next;
	free(old->items);
	free(old);
}

int
plan_routes(struct plan *p)
{
	struct routes new;
	char why[200];
	int saved;

	if (routes_read(&new, p->q->dir, "routes", why, sizeof why)) {
		saved = errno;
		plan_trouble(p, why);
		errno = saved;
		return -1;
	}
	routes_free(&p->routes);
	p->routes = new;
	return 0;
}
