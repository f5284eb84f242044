/* The next hop of a session's mail: one server for all, or the mail hosts of a
 * domain, whose addresses are tried in order. What failed is not asked again
 * for a while. */
#ifndef HOP_H
#define HOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "batch.h"
#include "reply.h"
#include "resolve.h"
#include "url.h"

struct hop {
	/* The caller's: */
	struct url *server; /* for all mail; NULL: mail hosts, as follows */
	struct resolver resolver;
	unsigned port;
	enum tls tls;
	unsigned seconds; /* for all places of a domain; 0: 900 */

	/* Its own: */
	char domain[DNS_NAME];
	bool known; /* places are those of domain */
	struct places places;
	size_t at;
	int64_t round_ends;
	struct url url; /* of place at */
	int64_t down_until;
	enum batch_fate fate; /* of mail until then, */
	struct reply why;     /* and the reason */
	struct reply named;
	char tried[REPLY_TEXT]; /* what the places before this one said */
};

/* The domain that mail to a path goes to: of its first hop, or our own name;
 * "" for what is no path, and where one server takes all. */
void hop_domain(const struct hop *h, const char *path, char out[DNS_NAME]);
bool hop_leads_to(const struct hop *h, const char *domain);
/* From now on its mail is for that domain; what was known is forgotten. */
void hop_turn(struct hop *h, const char *domain);
/* Where to connect to; NULL: nowhere, hop_is_down. */
struct url *hop_url(struct hop *h);
/* Whether there is another place to try behind this one. */
bool hop_has_more(const struct hop *h);
/* How many of ms milliseconds may pass until it is connected, so that places
 * behind this one have their share. */
int64_t hop_share(const struct hop *h, int64_t ms);
/* This place failed, why is hop_named: the next, or, behind the last, nowhere
 * for a while, and all that failed is the reason. */
void hop_failed(struct hop *h, const struct reply *why);
bool hop_is_down(const struct hop *h);
/* The reply with the name of the mail host that gave it before its text, as
 * "mx.example[192.0.2.1]: no such user", until the next call. */
const struct reply *hop_named(struct hop *h, const struct reply *reply);
/* The same behind what the places said that failed before. */
const struct reply *hop_told(struct hop *h, const struct reply *reply);
void hop_free(struct hop *h);

#endif
