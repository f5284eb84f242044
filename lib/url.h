/* Where a mail server is, from its URL (RFC 2384, 5092 and their like) or an
 * LMTP place, and whether TLS must be used there. */
#ifndef URL_H
#define URL_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

enum tls {
	TLS_AUTO, /* by scheme and login */
	TLS_REQUIRED,
	TLS_OPPORTUNISTIC, /* not verified unless there is a cafile */
	TLS_OFF
};

/* All strings are its own. */
struct url {
	char *scheme;    /* "smtp", "pop3", "imap" or "lmtp" */
	bool implicit;   /* TLS from the first octet */
	enum tls tls;    /* never TLS_AUTO */
	char *user;      /* NULL: no login */
	char *mechanism; /* "AUTH=..." from the URL, upper case, or NULL */
	char *host;      /* NULL for a Unix socket */
	char *address;   /* of host, to connect to; NULL: libcurl finds it */
	unsigned port;
	char *path; /* of the URL, decoded, no leading slash; of the socket */
	char *name; /* "smtp://alice@host:25": for diagnostics, journals */
	struct buf password; /* or token; asked for by the first dial_open */
	bool asked;
};

/* Reads a URL of the protocol ("smtp": smtp://, smtps://, submission://;
 * "pop3": pop3://, pop3s://; "imap": imap://, imaps://); without a scheme it is
 * that protocol's plain one. A user may carry a mechanism, as in
 * smtp://alice;AUTH=PLAIN@host. A login needs TLS unless tls is off; without
 * one plain schemes use TLS where it is offered. 0, or -1 with the reason in
 * why (command line, 64): a password in the URL is one. */
int url_parse(struct url *t, const char *protocol, const char *text,
    enum tls tls, char *why, size_t size);
/* The same for LMTP: an absolute path, HOST:PORT or [ADDR]:PORT. */
int url_parse_lmtp(struct url *t, const char *place, char *why, size_t size);
/* A mail host at one of its addresses; host "" is an address literal. Where
 * TLS is not said it is opportunistic. */
void url_place(struct url *t, const char *host, const char *address,
    unsigned port, enum tls tls);
/* A domain as DNS has it, in lower case, A-labels for those in UTF-8 (RFC
 * 5891). 0, or with the reason in why -1, as it has none, or 1, as that cannot
 * be found out here. */
int url_ascii_host(const char *domain, char out[256], char *why, size_t size);
void url_free(struct url *t);

#endif
