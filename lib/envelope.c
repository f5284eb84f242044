#include <fcntl.h>
#include <pwd.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "address.h"
#include "addrspec.h"
#include "envelope.h"

void
envelope_sender(struct envelope *e, const char *address, const char *params)
{
	char *a = xstrdup(address), *p = xstrdup(params ? params : "");

	free(e->sender);
	free(e->params);
	e->sender = a;
	e->params = p;
}

void
envelope_rcpt(struct envelope *e, const char *address, const char *params)
{
	struct envelope_rcpt *r;

	if (e->n == e->cap) {
		e->cap = e->cap ? 2 * e->cap : 4;
		e->rcpts = xrealloc(e->rcpts, e->cap * sizeof(*e->rcpts));
	}
	r = &e->rcpts[e->n++];
	r->address = xstrdup(address);
	r->params = xstrdup(params ? params : "");
}

/* Two mailboxes are one where the local parts agree to the octet and the
 * domains but for case (RFC 5321 2.4). */
static int
compare(const char *a, const char *b)
{
	const char *x = strrchr(a, '@'), *y = strrchr(b, '@');
	size_t n = x ? (size_t)(x - a) : strlen(a);
	size_t m = y ? (size_t)(y - b) : strlen(b);
	int c = memcmp(a, b, n < m ? n : m);

	if (c != 0 || n != m)
		return c ? c : n < m ? -1 : 1;
	return strcasecmp(x ? x : "", y ? y : "");
}

static int
by_address(const void *a, const void *b)
{
	const struct envelope_rcpt *const *x = a, *const *y = b;
	int c = compare((*x)->address, (*y)->address);

	return c ? c : *x < *y ? -1 : 1;
}

void
envelope_unique(struct envelope *e)
{
	struct envelope_rcpt **sorted =
	    xrealloc(NULL, (e->n + 1) * sizeof(*sorted));
	size_t i, first = 0, kept = 0;

	for (i = 0; i < e->n; i++)
		sorted[i] = &e->rcpts[i];
	qsort(sorted, e->n, sizeof(*sorted), by_address);
	for (i = 1; i < e->n; i++) {
		if (compare(sorted[i]->address, sorted[first]->address) != 0) {
			first = i;
			continue;
		}
		free(sorted[i]->params);
		sorted[i]->params = NULL;
	}
	for (i = 0; i < e->n; i++) {
		if (e->rcpts[i].params)
			e->rcpts[kept++] = e->rcpts[i];
		else
			free(e->rcpts[i].address);
	}
	e->n = kept;
	free(sorted);
}

void
envelope_free(struct envelope *e)
{
	size_t i;

	for (i = 0; i < e->n; i++) {
		free(e->rcpts[i].address);
		free(e->rcpts[i].params);
	}
	free(e->rcpts);
	free(e->sender);
	free(e->params);
	*e = (struct envelope)ENVELOPE_INIT;
}

/* Adds the first word of /etc/mailname, else the host name. */
static void
add_domain(struct buf *out)
{
	char name[256];
	int fd = open("/etc/mailname", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = fd >= 0 ? read(fd, name, sizeof(name) - 1) : 0;

	if (fd >= 0)
		close(fd);
	name[n > 0 ? n : 0] = '\0';
	name[strcspn(name, " \t\r\n")] = '\0';
	if (name[0] == '\0' && gethostname(name, sizeof(name) - 1) != 0)
		name[0] = '\0';
	name[sizeof(name) - 1] = '\0';
	buf_adds(out, name[0] ? name : "localhost");
}

int
envelope_default_mailbox(struct buf *out)
{
	const char *email = getenv("EMAIL");
	struct buf address = BUF_INIT;
	struct passwd *pw;
	size_t start = out->len;
	int n;

	if (email && *email) {
		buf_adds(out, email);
	} else {
		pw = getpwuid(getuid());
		buf_adds(out, pw ? pw->pw_name : "nobody");
		buf_addc(out, '@');
		add_domain(out);
	}
	buf_str(out);
	n = addrspec_list(out->data + start, out->len - start, &address);
	buf_free(&address);
	return n == 1 ? 0 : -1;
}

int
envelope_default_sender(struct buf *out)
{
	struct buf text = BUF_INIT, bare = BUF_INIT;
	size_t start = out->len;
	struct address a;
	int r = envelope_default_mailbox(&text);

	if (r) {
		buf_adds(out, buf_str(&text));
	} else {
		addrspec_list(text.data, text.len, &bare);
		envelope_qualify(buf_str(&bare), out);
		buf_str(out);
		r = address_parse(
		    &a, out->data + start, out->len - start, ADDRESS_UTF8);
	}
	buf_free(&text);
	buf_free(&bare);
	return r;
}

void
envelope_qualify(const char *address, struct buf *out)
{
	struct address a;

	buf_adds(out, address);
	if (address_parse(&a, address, strlen(address),
		ADDRESS_BARE | ADDRESS_UTF8) == 0 &&
	    a.text[a.domain] == '\0') {
		buf_addc(out, '@');
		add_domain(out);
	}
}

int
envelope_parse_sender(const char *arg, struct buf *out)
{
	size_t n = strlen(arg);
	struct address a;

	if (n >= 2 && arg[0] == '<' && arg[n - 1] == '>') {
		arg++;
		n -= 2;
	}
	if (address_parse(
		&a, arg, n, ADDRESS_NULL | ADDRESS_BARE | ADDRESS_UTF8) != 0)
		return -1;
	buf_adds(out, a.text);
	return 0;
}

void
envelope_mail_id(char out[21])
{
	static const char digit[] = "0123456789abcdefghijklmnopqrstuvwxyz";
	unsigned char noise[10];
	struct timespec now;
	uint64_t us;
	int i;

	clock_gettime(CLOCK_REALTIME, &now);
	us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
	if (getrandom(noise, sizeof(noise), 0) != sizeof(noise))
		memset(noise, getpid() & 0xff, sizeof(noise));
	for (i = 9; i >= 0; i--, us /= 36)
		out[i] = digit[us % 36];
	for (i = 0; i < 10; i++)
		out[10 + i] = digit[noise[i] % 36];
	out[20] = '\0';
}
