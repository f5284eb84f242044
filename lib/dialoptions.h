/* What the clients' options say of a connection: how to make it, who logs in,
 * and how long that may take. */
#ifndef DIALOPTIONS_H
#define DIALOPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dialogue.h"
#include "login.h"
#include "options.h"
#include "url.h"

struct dial_options {
	enum tls tls; /* what was asked for; url_parse says what it means */
	const char *cafile;
	const char *proxy;
	struct login login;
	const char *hostname; /* for EHLO; NULL: the system's */
	unsigned timeout;     /* seconds, each wait; 0: those of the protocol */
	int64_t most; /* milliseconds up to and with the login; 0: none */
	bool verbose; /* the dialogue on stderr, secrets masked */
	const struct dialogue_watch *watch; /* or NULL */
};

/* The clients' common options, for their tables and their set functions. */
enum dial_key {
	DIAL_TLS = 0x200,
	DIAL_CAFILE,
	DIAL_PROXY,
	DIAL_PASSWORD_COMMAND,
	DIAL_PASSWORD_FILE,
	DIAL_PASSWORD_FD,
	DIAL_OAUTH2_COMMAND,
	DIAL_TIMEOUT
};
/* clang-format off */
#define DIAL_OPTIONS \
	{"tls", DIAL_TLS, true}, {"cafile", DIAL_CAFILE, true}, \
	{"proxy", DIAL_PROXY, true}, \
	{"password-command", DIAL_PASSWORD_COMMAND, true}, \
	{"password-file", DIAL_PASSWORD_FILE, true}, \
	{"password-fd", DIAL_PASSWORD_FD, true}, \
	{"oauth2-command", DIAL_OAUTH2_COMMAND, true}, \
	{"timeout", DIAL_TIMEOUT, true}, {"verbose", 'v', false}
/* clang-format on */
/* 0 taken; 1 not one of these; -1 with the reason in why. */
int dial_option(
    struct dial_options *o, int key, const char *value, char *why, size_t size);

#endif
