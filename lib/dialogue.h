/* What passes while libcurl speaks: kept as far as errors and engines need it,
 * and shown with secrets masked. */
#ifndef DIALOGUE_H
#define DIALOGUE_H

#include <stdbool.h>
#include <stddef.h>

#include "esmtp.h"
#include "reply.h"

enum dialogue_kind {
	DIALOGUE_SENT,       /* a line, as it is: it may hold a secret */
	DIALOGUE_RECEIVED,   /* a line */
	DIALOGUE_TLS,        /* "TLSv1.3 / CIPHER" */
	DIALOGUE_CERTIFICATE /* "Subject:CN=...", each field in turn */
};

/* Who wants to see it as it comes. Lines have no line end. */
struct dialogue_watch {
	void (*saw)(
	    void *arg, enum dialogue_kind kind, const char *line, size_t n);
	void *arg;
};

struct dialogue {
	bool verbose; /* on stderr */
	bool smtp, imap;
	const struct dialogue_watch *watch; /* or NULL */
	/* The reply to the last line that was sent: of SMTP the last whole
	 * one; of others the last line, in text. */
	struct reply last;
	struct esmtp_offer offer; /* of the answer to the last EHLO */
	bool login;               /* something was sent that is part of one */
	/* CAPA was answered behind STLS without a way to log in: libcurl would
	 * go by what was offered in clear. */
	bool forgotten;

	/* its own */
	bool stls, offered;
	struct reply coming;
	bool ehlo; /* the reply to one is coming */
};

void dialogue_sent(struct dialogue *d, const char *line, size_t n);
void dialogue_received(struct dialogue *d, const char *line, size_t n);
void dialogue_saw(const struct dialogue *d, enum dialogue_kind kind,
    const char *text, size_t n);

#endif
