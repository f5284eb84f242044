/* Why a connection failed: libcurl's codes and the server's last words as one
 * reply, with the option that would allow what was refused. */
#ifndef REFUSAL_H
#define REFUSAL_H

#include <stdbool.h>

#include "dialogue.h"
#include "reply.h"
#include "url.h"

struct refusal {
	int code;          /* CURLcode */
	const char *error; /* CURLOPT_ERRORBUFFER */
	long verified;     /* CURLINFO_SSL_VERIFYRESULT */
};

/* See dial_open for what is in why. */
void refusal_explain(const struct refusal *f, const struct url *t,
    const struct dialogue *talk, struct reply *why);
/* Whether the server has refused the login, and not for the moment. */
bool refusal_of_login(int code, const struct dialogue *talk);

#endif
