#include "login.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "secret.h"

static bool
has_mechanism(const struct url *t, const char *name)
{
	return t->mechanism && strstr(t->mechanism, name);
}

static bool
takes_token(const struct url *t)
{
	return has_mechanism(t, "XOAUTH2") || has_mechanism(t, "OAUTHBEARER");
}

static int
run_command(struct url *t, const struct login *l, const char *const *env,
    char *why, size_t size)
{
	struct secret_command c = {.command = l->oauth2_command
		? l->oauth2_command
		: l->password_command,
	    .user = t->user,
	    .env = env,
	    .seconds = l->seconds};

	return secret_command(&c, &t->password, why, size);
}

/* What no errno explains is a mistake. */
static int
mistake(int r)
{
	errno = EINVAL;
	return r;
}

static int
find_token(struct url *t, const struct login *l, char *why, size_t size)
{
	if (takes_token(t) || !t->mechanism)
		return mistake(run_command(t, l, NULL, why, size));
	snprintf(
	    why, size, "%s takes no token (--oauth2-command)", t->mechanism);
	return mistake(-1);
}

static int
find_password(struct url *t, const struct login *l, char *why, size_t size)
{
	struct buf *out = &t->password;
	int r;

	if (takes_token(t)) {
		snprintf(why, size, "%s takes a token: --oauth2-command",
		    t->mechanism);
		return mistake(-1);
	}
	if (has_mechanism(t, "GSSAPI"))
		return 0; /* a ticket */
	if (l->password_command)
		return mistake(run_command(t, l, NULL, why, size));
	if (l->password_file)
		return secret_file(l->password_file, out, why, size);
	if (l->password_fd)
		return secret_fd(l->password_fd, out, why, size);
	r = secret_netrc(t->host, t->user, out, why, size);
	if (r == 1)
		r = secret_prompt(t->name, out, why, size);
	if (r == 1)
		snprintf(why, size,
		    "no password: put `machine %s login %s password ...' into "
		    "~/.netrc, or use --password-command, --password-file or "
		    "--password-fd",
		    t->host, t->user);
	return mistake(r ? -1 : 0);
}

int
login_find(struct url *t, const struct login *l, char *why, size_t size)
{
	int r = 0;

	if (!t->asked && t->user)
		r = l->oauth2_command ? find_token(t, l, why, size)
				      : find_password(t, l, why, size);
	t->asked = r == 0;
	return r;
}

int
login_renew(struct url *t, const struct login *l, char *why, size_t size)
{
	static const char *const stale[] = {"TOKEN_STALE=1", NULL};

	if (!l->oauth2_command)
		return 0;
	secret_free(&t->password);
	t->asked = run_command(t, l, stale, why, size) == 0;
	return t->asked ? 1 : -1;
}

const char *
login_mechanisms(const struct url *t, const struct login *l)
{
	if (t->mechanism || !l->oauth2_command)
		return t->mechanism;
	return "AUTH=OAUTHBEARER;AUTH=XOAUTH2";
}
