#include "routes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "address.h"
#include "buf.h"

#define ROUTES_MAX (64 << 20)
#define BLANKS " \t"

static char *
next_word(char **rest)
{
	char *word = *rest + strspn(*rest, BLANKS);

	if (!*word)
		return NULL;
	*rest = word + strcspn(word, BLANKS);
	if (**rest)
		*(*rest)++ = '\0';
	return word;
}

static int
parse_kind(const char *word, struct route *r)
{
	static const char *const names[] = {"mx", "relay", "lmtp", "deliver"};
	unsigned i;

	for (i = 0; i < sizeof names / sizeof *names; i++)
		if (!strcmp(word, names[i])) {
			r->kind = (enum route_kind)i;
			return 0;
		}
	return -1;
}

static void
add_word(struct route *r, size_t n, const char *word)
{
	r->words = xrealloc(r->words, (n + 2) * sizeof *r->words);
	r->words[n] = word ? xstrdup(word) : NULL;
	r->words[n + 1] = NULL;
}

/* What follows the target's name: its argument, then options; for deliver all
 * of it is the command. */
static const char *
parse_rest(struct route *r, char *rest)
{
	const char *word;
	size_t n = 0;

	rest += strspn(rest, BLANKS);
	add_word(r, 0, NULL);
	if (r->kind == ROUTE_MX)
		word = "";
	else if (r->kind == ROUTE_DELIVER)
		word = *rest ? rest : NULL;
	else
		word = next_word(&rest);
	if (!word)
		return "the target lacks its place or command";
	r->target = xstrdup(word);
	while (r->kind != ROUTE_DELIVER && (word = next_word(&rest)))
		add_word(r, n++, word);
	return NULL;
}

/* NULL, or what is wrong. */
static const char *
parse_line(struct routes *routes, char *line)
{
	struct route *r;
	char *key, *target, *end = line + strlen(line);

	while (end > line && strchr(" \t\r", end[-1]))
		*--end = '\0';
	key = next_word(&line);
	if (!key || *key == '#')
		return NULL;
	target = next_word(&line);
	if (!target)
		return "no target";
	if (!strcmp(key, "from:") || !strcmp(key, "."))
		return "the key lacks its name";
	routes->list =
	    xrealloc(routes->list, (routes->n + 1) * sizeof *routes->list);
	r = &routes->list[routes->n++];
	*r = (struct route){.key = xstrdup(key)};
	if (parse_kind(target, r))
		return "unknown target";
	return parse_rest(r, line);
}

static int
read_lines(struct routes *r, FILE *f, const char *name, char *why, size_t size)
{
	char *line = NULL;
	const char *wrong = NULL;
	size_t cap = 0, number = 0;
	ssize_t n;
	int err;

	while (!wrong && (n = getline(&line, &cap, f)) > 0) {
		number++;
		if (line[n - 1] == '\n')
			line[--n] = '\0';
		wrong = strlen(line) == (size_t)n ? parse_line(r, line)
						  : "NUL in the line";
	}
	err = wrong ? EINVAL : errno;
	free(line);
	if (wrong)
		snprintf(why, size, "%s:%zu: %s", name, number, wrong);
	else if (!feof(f))
		snprintf(why, size, "%s: %s", name, strerror(err));
	else
		return 0;
	errno = err;
	return -1;
}

static void
everything_mx(struct routes *r)
{
	r->list = xrealloc(NULL, sizeof *r->list);
	r->list[0] = (struct route){
	    .key = xstrdup("*"), .kind = ROUTE_MX, .target = xstrdup("")};
	add_word(r->list, 0, NULL);
	r->n = 1;
}

int
routes_read(
    struct routes *r, int dirfd, const char *name, char *why, size_t size)
{
	struct stat st;
	FILE *f;
	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK), result;
	int saved;

	*r = (struct routes){0};
	if (fd < 0 && errno == ENOENT) {
		everything_mx(r);
		return 0;
	}
	if (fd < 0 || fstat(fd, &st) || !(f = fdopen(fd, "r"))) {
		snprintf(why, size, "%s: %s", name, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	if (!S_ISREG(st.st_mode) || st.st_size > ROUTES_MAX ||
	    st.st_mode & (S_IWGRP | S_IWOTH)) {
		snprintf(why, size, "%s: %s", name,
		    !S_ISREG(st.st_mode)          ? "not a regular file"
			: st.st_size > ROUTES_MAX ? "over 64 MiB"
						  : "others may write it");
		errno = EPERM;
		result = -1;
	} else {
		result = read_lines(r, f, name, why, size);
	}
	saved = errno;
	fclose(f);
	if (result)
		routes_free(r);
	errno = saved;
	return result;
}

static bool
matches_domain(const char *key, const char *domain)
{
	size_t n = strlen(domain), k = strlen(key);

	if (n > 0 && domain[n - 1] == '.')
		n--;
	if (*key == '.')
		return n > k && !strncasecmp(domain + n - k, key, k);
	return address_same_domain(key, domain);
}

static bool
matches_sender(const char *key, const char *sender)
{
	const char *domain = strrchr(sender, '@');

	if (*key == '@')
		return domain && address_same_domain(key + 1, domain + 1);
	return !strcasecmp(key, sender);
}

const struct route *
routes_find(const struct routes *r, const char *sender, const char *domain)
{
	size_t i;

	for (i = 0; i < r->n; i++) {
		const char *key = r->list[i].key;

		if (!strncmp(key, "from:", 5)
			? matches_sender(key + 5, sender)
			: !strcmp(key, "*") || matches_domain(key, domain))
			return &r->list[i];
	}
	return NULL;
}

bool
routes_is_local(const struct routes *r, const char *domain)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		if (strncmp(r->list[i].key, "from:", 5) &&
		    strcmp(r->list[i].key, "*") &&
		    matches_domain(r->list[i].key, domain))
			return r->list[i].kind == ROUTE_DELIVER ||
			    r->list[i].kind == ROUTE_LMTP;
	return false;
}

void
routes_free(struct routes *r)
{
	size_t i, k;

	for (i = 0; i < r->n; i++) {
		for (k = 0; r->list[i].words && r->list[i].words[k]; k++)
			free(r->list[i].words[k]);
		free(r->list[i].words);
		free(r->list[i].key);
		free(r->list[i].target);
	}
	free(r->list);
	*r = (struct routes){0};
}
