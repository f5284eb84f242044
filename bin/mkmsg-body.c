/* The body of a draft: the text, its page, and files, in no more multiparts
 * than they need. Content is read from files, never held. */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "buf.h"
#include "crlf.h"
#include "log.h"
#include "mime.h"
#include "mkmsg.h"
#include "verdict.h"

/* Copies fd to an unlinked file; lines have their ends made LF, and whole. */
static int
copy(int fd, const char *name, bool lines, bool whole)
{
	static char block[BLOCK];
	struct crlf_text text = {0};
	struct buf out = BUF_INIT;
	int to_fd = scratch();
	char last = '\n';
	size_t n;

	do {
		n = take(fd, name, block);
		if (lines)
			crlf_text(&text, block, n, &out);
		else
			buf_add(&out, block, n);
		if (!n)
			crlf_text_end(&text, &out);
		put_all(to_fd, "temporary file", out.data, out.len);
		last = out.len ? out.data[out.len - 1] : last;
		buf_reset(&out);
	} while (n);
	if (whole && last != '\n')
		put_all(to_fd, "temporary file", "\n", 1);
	buf_free(&out);
	return to_fd;
}

static struct mime *
leaf(int fd, const char *name, const char *type, struct mime_facts *facts)
{
	if (mime_examine(fd, facts) < 0)
		log_die(verdict_exit_of_errno(errno, EX_NOINPUT), "read %s: %s",
		    name, strerror(errno));
	return mime_leaf(fd, type ? type : mime_type(name, facts), facts);
}

/* Text of type; NULL when it is empty. */
static struct mime *
text_part(int fd, const char *name, const char *type)
{
	struct mime_facts facts;
	struct mime *m = leaf(copy(fd, name, true, true), name, type, &facts);

	if (facts.invalid)
		log_die(EX_DATAERR,
		    "read %s: octet %ju is not UTF-8 (iconv converts)", name,
		    (uintmax_t)facts.invalid - 1);
	if (facts.size)
		return m;
	mime_free(m);
	return NULL;
}

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	check_text("file name", path);
	return slash ? slash + 1 : path;
}

static struct mime *
file_part(const char *path, const char *disposition)
{
	const char *name = base_name(path);
	struct mime_facts facts;
	struct mime *m;
	struct stat st;
	int fd = open_file(path);

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		fd = copy(fd, path, false, false);
	m = leaf(fd, path, NULL, &facts);
	mime_name(m, disposition, name);
	return m;
}

/* Forwarded octets are not encoded (RFC 2046 5.2.1), so they must be fit for
 * transport as they are. */
static struct mime *
forward_part(const char *path)
{
	int fd = open_file(path);
	struct mime_facts facts;
	struct mime *m;

	m = leaf(copy(fd, path, true, false), path, "message/rfc822", &facts);
	close(fd);
	if (!facts.size)
		log_die(EX_DATAERR, "forward %s: an empty message", path);
	if (facts.nul || facts.cr)
		log_die(EX_DATAERR, "forward %s: %s (attach it instead)", path,
		    facts.nul ? "NUL" : "a bare CR");
	return m;
}

static struct mime *
inline_part(const char *path)
{
	struct mime *m = file_part(path, "inline");
	struct buf id = BUF_INIT;

	for (const char *s = base_name(path); *s; s++)
		buf_addc(&id,
		    strchr("()<>[]:;@\\,\" %", *s) || *s & 0x80 ? '_' : *s);
	buf_adds(&id, "@mkmsg");
	mime_id(m, buf_str(&id));
	buf_free(&id);
	return m;
}

static struct mime *
html_part(const struct draft *d)
{
	int fd = open_file(d->html);
	struct mime *page = text_part(fd, d->html, "text/html"), *related;

	close(fd);
	if (!page)
		log_die(EX_DATAERR, "read %s: an empty page", d->html);
	if (!d->inlined.n)
		return page;
	related = mime_multipart("related");
	mime_add(related, page);
	for (size_t i = 0; i < d->inlined.n; i++)
		mime_add(related, inline_part(d->inlined.v[i]));
	return related;
}

/* related in alternative in mixed, each only where there is need of it. */
struct mime *
draft_body(const struct draft *d)
{
	struct mime *text = text_part(0, "standard input", "text/plain");
	struct mime *page = d->html ? html_part(d) : NULL, *all;

	if (text && page) {
		all = mime_multipart("alternative");
		mime_add(all, text);
		mime_add(all, page);
		text = all;
	} else if (page) {
		text = page;
	}
	if (!d->attached.n && !d->forward) {
		struct mime_facts none = {0};

		return text ? text : mime_leaf(0, "text/plain", &none);
	}
	all = mime_multipart("mixed");
	if (text)
		mime_add(all, text);
	if (d->forward)
		mime_add(all, forward_part(d->forward));
	for (size_t i = 0; i < d->attached.n; i++)
		mime_add(all, file_part(d->attached.v[i], "attachment"));
	return all;
}
