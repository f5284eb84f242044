#include "hop.h"

#include <stdio.h>
#include <string.h>

#include "address.h"
#include "buf.h"
#include "conn.h"

#define DOWN_SECONDS 30   /* until what failed is asked again */
#define ROUND_SECONDS 900 /* then no further place is tried */

void
hop_domain(const struct hop *h, const char *path, char out[DNS_NAME])
{
	struct address a;

	*out = '\0';
	if (h->server ||
	    address_parse(&a, path, strlen(path), ADDRESS_BARE | ADDRESS_UTF8))
		return;
	address_hop(&a, out);
	if (!*out)
		snprintf(out, DNS_NAME, "%.255s", h->resolver.own[0]);
}

bool
hop_leads_to(const struct hop *h, const char *domain)
{
	return h->server || address_same_domain(h->domain, domain);
}

static void
forget(struct hop *h)
{
	url_free(&h->url);
	h->known = false;
	h->tried[0] = '\0';
}

void
hop_turn(struct hop *h, const char *domain)
{
	forget(h);
	h->down_until = 0;
	snprintf(h->domain, sizeof h->domain, "%.255s", domain);
}

static void
down(struct hop *h, enum batch_fate fate, const struct reply *why)
{
	forget(h);
	h->fate = fate;
	h->why = *why;
	h->down_until = conn_now() + DOWN_SECONDS * INT64_C(1000);
}

static int
find_places(struct hop *h)
{
	char ascii[DNS_NAME];
	struct reply why = {553, "5.1.3", "not an address", 1};
	int r;

	if (!*h->domain) {
		down(h, BATCH_PERM, &why);
		return -1;
	}
	why = (struct reply){.code = 550, .enhanced = "5.1.2"};
	r = url_ascii_host(h->domain, ascii, why.text, sizeof why.text);
	if (r != 0) {
		if (r > 0) {
			why.code = 0;
			why.enhanced[0] = '\0';
		}
		down(h, r > 0 ? BATCH_TEMP : BATCH_PERM, &why);
		return -1;
	}
	resolve(&h->resolver, ascii, &h->places);
	h->known = h->places.n > 0;
	h->at = 0;
	h->round_ends = conn_now() +
	    (h->seconds ? h->seconds : ROUND_SECONDS) * INT64_C(1000);
	if (h->known)
		return 0;
	down(h, h->places.perm ? BATCH_PERM : BATCH_TEMP, &h->places.why);
	return -1;
}

struct url *
hop_url(struct hop *h)
{
	const struct place *p;

	if (h->server)
		return h->server;
	if (!h->known && find_places(h) < 0)
		return NULL;
	p = &h->places.list[h->at];
	if (!h->url.name)
		url_place(&h->url, p->host, p->address, h->port, h->tls);
	return &h->url;
}

bool
hop_has_more(const struct hop *h)
{
	return h->known && h->at + 1 < h->places.n &&
	    conn_now() < h->round_ends;
}

int64_t
hop_share(const struct hop *h, int64_t ms)
{
	int64_t left;

	if (!h->known)
		return ms;
	left = (h->round_ends - conn_now()) / (int64_t)(h->places.n - h->at);
	return left < ms ? left : ms;
}

/* Puts what failed before in front of text; where there is too much of it, its
 * end is left out. */
static void
prepend(const struct hop *h, char text[REPLY_TEXT])
{
	char all[2 * REPLY_TEXT];
	size_t n = strlen(text),
	       room = n + 10 < REPLY_TEXT ? REPLY_TEXT - n - 10 : 0;

	if (!h->tried[0] || !room)
		return;
	snprintf(all, sizeof all, "%.*s%s; %s", (int)room, h->tried,
	    strlen(h->tried) > room ? "..." : "", text);
	snprintf(text, REPLY_TEXT, "%.*s", REPLY_TEXT - 1, all);
}

void
hop_failed(struct hop *h, const struct reply *why)
{
	struct reply all = *why;

	prepend(h, all.text);
	if (!hop_has_more(h)) {
		down(h, BATCH_TEMP, &all);
		return;
	}
	memcpy(h->tried, all.text, sizeof h->tried);
	h->at++;
	url_free(&h->url);
}

bool
hop_is_down(const struct hop *h)
{
	return conn_now() < h->down_until;
}

const struct reply *
hop_named(struct hop *h, const struct reply *reply)
{
	if (h->server || !h->url.name)
		return reply;
	h->named = *reply;
	snprintf(h->named.text, sizeof h->named.text, "%.300s: %.*s",
	    h->url.name, REPLY_TEXT - 310, reply->text);
	return &h->named;
}

const struct reply *
hop_told(struct hop *h, const struct reply *reply)
{
	h->named = *hop_named(h, reply);
	prepend(h, h->named.text);
	return &h->named;
}

void
hop_free(struct hop *h)
{
	url_free(&h->url);
}
