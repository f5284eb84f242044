#include "resolve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <resolv.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "address.h"
#include "buf.h"
#include "conn.h"
#include "mx.h"
#include "parse.h"

#define PORT 53

union endpoint {
	struct sockaddr_storage all;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/* What the process that looks up works with. */
struct look {
	struct __res_state libc;
	int64_t enough; /* then what was found has to do */
	bool failed;    /* a look-up that may work later */
	bool alone;     /* no server could be reached, at the last one */
	struct dns_answer answer, more;
	struct mx mx;
	unsigned char message[DNS_MESSAGE];
};

static int
set_address(union endpoint *e, const char *address, uint16_t port)
{
	*e = (union endpoint){.in.sin_family = AF_INET};
	e->in.sin_port = htons(port);
	if (inet_pton(AF_INET, address, &e->in.sin_addr) == 1)
		return 0;
	*e = (union endpoint){.in6.sin6_family = AF_INET6};
	e->in6.sin6_port = htons(port);
	return inet_pton(AF_INET6, address, &e->in6.sin6_addr) == 1 ? 0 : -1;
}

int
resolver_set(struct resolver *r, const char *text)
{
	char address[64];
	const char *colon = strrchr(text, ':'), *end = text + strlen(text);
	union endpoint e;
	uint64_t port = PORT;
	bool brackets = *text == '[';

	if (colon &&
	    (brackets ? colon[-1] == ']' : strchr(text, ':') == colon)) {
		if (parse_number(colon + 1, 65535, &port) < 0 || port == 0)
			return -1;
		end = colon;
	}
	if (brackets && *--end != ']')
		return -1;
	text += brackets;
	if (end <= text || (size_t)(end - text) >= sizeof address)
		return -1;
	snprintf(address, sizeof address, "%.*s", (int)(end - text), text);
	if (set_address(&e, address, (uint16_t)port) < 0)
		return -1;
	r->server = e.all;
	return 0;
}

static void
fail(struct places *p, bool perm, int code, const char *enhanced,
    const char *format, const char *domain)
{
	p->n = 0;
	p->perm = perm;
	p->why = (struct reply){.code = code};
	snprintf(p->why.enhanced, sizeof p->why.enhanced, "%s", enhanced);
	snprintf(p->why.text, sizeof p->why.text, format, domain);
}

/* --- in the process of its own --- */

/* glibc keeps the servers of IPv6 behind those of IPv4. */
static int
open_libc(struct look *l, const struct resolver *r)
{
	static union endpoint e;

	if (res_ninit(&l->libc) < 0)
		return -1;
	e.all = r->server;
	if (e.all.ss_family == AF_UNSPEC)
		return 0;
	l->libc.nscount = 1;
	l->libc._u._ext.nscount = 0;
	l->libc.nsaddr_list[0] = (struct sockaddr_in){0};
	if (e.all.ss_family == AF_INET)
		l->libc.nsaddr_list[0] = e.in;
	else
		l->libc._u._ext.nsaddrs[0] = &e.in6;
	return 0;
}

static enum dns_status
ask(struct look *l, const char *name, enum dns_type type, struct dns_answer *a)
{
	unsigned char query[512];
	int n = res_nmkquery(&l->libc, ns_o_query, name, ns_c_in, (int)type,
	    NULL, 0, NULL, query, sizeof query);

	a->n = 0;
	errno = 0;
	if (n > 0)
		n = res_nsend(
		    &l->libc, query, n, l->message, sizeof l->message);
	/* libc's word for no route and the like too, not for silence. */
	l->alone = n < 0 && errno == ECONNREFUSED;
	if (n < 0 || n > (int)sizeof l->message)
		return DNS_FAILED;
	return dns_read(l->message, (size_t)n, name, type, a);
}

static void
fail_for_now(const struct look *l, struct places *p, const char *format,
    const char *domain)
{
	if (l->alone)
		fail(p, false, 0, "4.3.5",
		    "no DNS server can be reached to ask for %s", domain);
	else
		fail(p, false, 451, "4.4.3", format, domain);
}

static void
add_place(struct places *p, const char *host, const struct dns_record *r)
{
	struct place *new = &p->list[p->n];

	if (p->n == RESOLVE_PLACES)
		return;
	snprintf(new->host, sizeof new->host, "%s", host);
	snprintf(new->address, sizeof new->address, "%.45s", r->name);
	p->n++;
}

/* The addresses of a host, IPv6 and IPv4 by turns. */
static void
add_host(struct look *l, const char *host, struct places *p)
{
	struct dns_answer *six = &l->answer, *four = &l->more;
	size_t most = p->n + RESOLVE_EACH;
	enum dns_status s6 = ask(l, host, DNS_AAAA, six);
	enum dns_status s4 = ask(l, host, DNS_A, four);

	if (s6 == DNS_FAILED || s4 == DNS_FAILED)
		l->failed = true;
	six->n = s6 == DNS_OK ? six->n : 0;
	four->n = s4 == DNS_OK ? four->n : 0;
	for (size_t i = 0; i < six->n || i < four->n; i++) {
		if (i < six->n && p->n < most)
			add_place(p, host, &six->records[i]);
		if (i < four->n && p->n < most)
			add_place(p, host, &four->records[i]);
	}
}

static void
add_hosts(struct look *l, const char *domain, struct places *p)
{
	for (size_t i = 0; i < l->mx.n && p->n < RESOLVE_PLACES; i++) {
		if (conn_now() > l->enough) {
			l->failed = true;
			break;
		}
		add_host(l, l->mx.hosts[i], p);
	}
	if (p->n)
		return;
	if (l->failed)
		fail_for_now(l, p,
		    "no answer from DNS for the mail hosts of %s", domain);
	else
		fail(p, true, 550, "5.4.4", "no mail host of %s has an address",
		    domain);
}

static void
fail_by_ourselves(const char *domain, struct places *p)
{
	fail(p, false, 0, "4.3.5",
	    "the best mail host of %s is this one, which has no route for it",
	    domain);
}

/* A name of our own need not be in DNS. */
static void
fail_unknown(const struct resolver *r, const char *domain, struct places *p)
{
	for (const char *const *own = r->own; *own; own++)
		if (address_same_domain(*own, domain)) {
			fail_by_ourselves(domain, p);
			return;
		}
	fail(p, true, 550, "5.1.2", "no such domain: %s", domain);
}

/* Without a record the domain is its own host (RFC 5321 5.1). */
static void
look_up(struct look *l, const struct resolver *r, const char *domain,
    struct places *p)
{
	uint32_t ties[DNS_RECORDS] = {0};

	switch (ask(l, domain, DNS_MX, &l->answer)) {
	case DNS_NO_NAME:
		fail_unknown(r, domain, p);
		return;
	case DNS_FAILED:
		fail_for_now(l, p, "no answer from DNS for %s", domain);
		return;
	case DNS_NONE:
		l->answer.n = 1;
		l->answer.records[0] = (struct dns_record){0};
		strcpy(l->answer.records[0].name, domain);
		break;
	case DNS_OK:
		/* Without random numbers their own order has to do. */
		(void)!getrandom(ties, sizeof ties, 0);
		break;
	}
	switch (mx_order(&l->answer, ties, r->own, &l->mx)) {
	case MX_OK:
		add_hosts(l, domain, p);
		break;
	case MX_NULL:
		fail(p, true, 556, "5.1.10", "%s takes no mail (null MX)",
		    domain);
		break;
	case MX_SELF:
		fail_by_ourselves(domain, p);
		break;
	case MX_UNUSABLE:
		fail(p, true, 550, "5.4.4", "no mail host of %s is a host name",
		    domain);
		break;
	}
}

/* libc would wait for ever for a server that says nothing by TCP: SIGALRM ends
 * all. */
static _Noreturn void
look_up_and_exit(const struct resolver *r, const char *domain, int out)
{
	struct look *l = xrealloc(NULL, sizeof *l);
	struct places p = {0};
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGALRM, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	alarm(r->seconds);
	memset(l, 0, sizeof *l);
	l->enough = conn_now() + r->seconds * INT64_C(500);
	if (open_libc(l, r) < 0)
		fail(&p, false, 0, "4.3.5", "no resolver for %s", domain);
	else
		look_up(l, r, domain, &p);
	/* A pipe takes it in one piece, or in as many as it likes. */
	for (size_t at = 0; at < sizeof p;) {
		ssize_t n = write(out, (char *)&p + at, sizeof p - at);
		if (n <= 0)
			_exit(1);
		at += (size_t)n;
	}
	_exit(0);
}

/* --- here --- */

static bool
read_places(int in, struct places *p)
{
	size_t at = 0;
	ssize_t n;

	do {
		n = read(in, (char *)p + at, sizeof *p - at);
		at += n > 0 ? (size_t)n : 0;
	} while (at < sizeof *p && (n > 0 || (n < 0 && errno == EINTR)));
	return at == sizeof *p;
}

static bool
is_literal(const char *domain, struct places *p)
{
	const char *text = domain + 1;
	size_t n = strlen(domain);

	if (*domain != '[')
		return false;
	if (strncasecmp(text, "IPv6:", 5) == 0)
		text += 5;
	n -= (size_t)(text - domain) + 1;
	*p = (struct places){.n = 1};
	snprintf(p->list[0].address, RESOLVE_ADDRESS, "%.*s", (int)n, text);
	return true;
}

void
resolve(const struct resolver *r, const char *domain, struct places *p)
{
	int ends[2];
	bool whole;
	pid_t pid;

	if (is_literal(domain, p))
		return;
	fail(p, false, 451, "4.4.3", "no answer from DNS in time for %s",
	    domain);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return;
	pid = fork();
	if (pid == 0)
		look_up_and_exit(r, domain, ends[1]);
	close(ends[1]);
	struct places found;
	whole = pid > 0 && read_places(ends[0], &found);
	close(ends[0]);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (whole)
		*p = found;
}
