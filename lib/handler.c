#include "handler.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "child.h"

/* What h adds and these two, to be freed. */
static const char **
environment(const struct handler *h, const char *id, const char *size)
{
	const char **env;
	size_t n = 0;

	while (h->env && h->env[n])
		n++;
	env = xrealloc(NULL, (n + 3) * sizeof *env);
	for (size_t i = 0; i < n; i++)
		env[i] = h->env[i];
	env[n] = id;
	env[n + 1] = size;
	env[n + 2] = NULL;
	return env;
}

int
handler_run(const struct handler *h, int body, struct buf *line)
{
	char *args[] = {(char *)"-f", (char *)h->sender, (char *)"--",
	    (char *)h->rcpt, NULL};
	struct child c = {.in = body,
	    .out = -1,
	    .seconds = h->seconds,
	    .keep = h->keep,
	    .exact = h->exact};
	char id[60], size[60], **argv;
	off_t octets = lseek(body, 0, SEEK_END);
	const char **env;
	int code;

	if (octets < 0 || lseek(body, 0, SEEK_SET) != 0)
		return EX_TEMPFAIL;
	snprintf(id, sizeof id, "MAIL_ID=%s", h->mail_id);
	snprintf(size, sizeof size, "MAIL_SIZE=%lld", (long long)octets);
	env = environment(h, id, size);
	argv = child_shell(h->command, args);
	c.argv = argv;
	c.env = env;
	code = child_run(&c, line);
	free(argv);
	free(env);
	return code;
}
