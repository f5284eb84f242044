#include "batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "parse.h"
#include "reply.h"

static const char *const fates[] = {"ok", "temp", "perm", "unsure"};

/* Cuts the next field off *at (left characters remain), NUL behind it; NULL
 * when there is none. */
static char *
field(char **at)
{
	char *start = *at, *tab;

	if (!start)
		return NULL;
	tab = strchr(start, '\t');
	if (tab)
		*tab++ = '\0';
	*at = tab;
	return start;
}

/* "<path>[ param]...": a '>' within quotes does not end the path, and nothing
 * in it can end a command. -1 for anything else. */
static int
parse_path(char *s, struct batch_path *p)
{
	bool quoted = false;

	if (!s || *s++ != '<')
		return -1;
	p->address = s;
	for (; *s && (quoted || *s != '>'); s++) {
		if ((unsigned char)*s < 0x20 || *s == 0x7f ||
		    (*s == ' ' && !quoted))
			return -1;
		if (*s == '"')
			quoted = !quoted;
		else if (quoted && *s == '\\' && s[1])
			s++;
	}
	if (*s != '>' || (s[1] && s[1] != ' '))
		return -1;
	*s++ = '\0';
	p->params = *s ? s + 1 : s;
	for (s = p->params; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return -1;
	return 0;
}

static int
parse_place(struct batch_job *j, char **at)
{
	char *offset, *size;

	j->path = field(at);
	offset = field(at);
	size = field(at);
	if (!size || !*j->path ||
	    parse_number(offset, INT64_MAX, &j->offset) < 0)
		return -1;
	if (strcmp(size, "-") == 0) {
		j->size = UINT64_MAX;
		return j->offset == 0 ? 0 : -1;
	}
	return parse_number(size, INT64_MAX, &j->size);
}

static int
parse_rcpts(struct batch_job *j, char *at)
{
	size_t n = 1;

	for (const char *s = at; s && (s = strchr(s, '\t')); s++)
		n++;
	j->rcpts = xrealloc(NULL, n * sizeof *j->rcpts);
	for (j->n = 0; j->n < n; j->n++)
		if (parse_path(field(&at), &j->rcpts[j->n]) < 0 ||
		    !j->rcpts[j->n].address[0])
			return -1;
	return 0;
}

int
batch_job_parse(struct batch_job *j, char *line, size_t n, const char **why)
{
	char *at = line;

	*j = (struct batch_job){0};
	if (n > BATCH_LINE || memchr(line, '\0', n) || memchr(line, '\r', n)) {
		*why = n > BATCH_LINE ? "line too long" : "NUL or CR in it";
		return -1;
	}
	line[n] = '\0';
	j->id = field(&at);
	if (!j->id || !*j->id || strlen(j->id) > BATCH_ID)
		*why = "no ID, or one of over 128 octets";
	else if (parse_place(j, &at) < 0)
		*why = "no PATH, OFFSET and SIZE";
	else if (parse_path(field(&at), &j->sender) < 0)
		*why = "no <sender>";
	else if (parse_rcpts(j, at) < 0)
		*why = "no <rcpt>";
	else
		return 0;
	batch_job_free(j);
	return -1;
}

void
batch_job_free(struct batch_job *j)
{
	free(j->rcpts);
	j->rcpts = NULL;
	j->n = 0;
}

static void
add_path(const struct batch_path *p, struct buf *out)
{
	buf_addf(out, "\t<%s>", p->address);
	if (p->params && p->params[0])
		buf_addf(out, " %s", p->params);
}

static bool
same_envelope(const struct batch_job *a, const struct batch_job *b)
{
	if (a->n != b->n || strcmp(a->sender.address, b->sender.address) != 0)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->rcpts[i].address, b->rcpts[i].address) != 0)
			return false;
	return true;
}

int
batch_job_write(const struct batch_job *j, struct buf *out)
{
	struct batch_job back;
	struct buf b = BUF_INIT;
	const char *why;
	int r = -1;

	buf_addf(&b, "%s\t%s\t%llu\t", j->id, j->path,
	    (unsigned long long)j->offset);
	if (j->size == UINT64_MAX)
		buf_addc(&b, '-');
	else
		buf_addf(&b, "%llu", (unsigned long long)j->size);
	add_path(&j->sender, &b);
	for (size_t i = 0; i < j->n; i++)
		add_path(&j->rcpts[i], &b);
	size_t start = out->len, n = b.len;
	buf_add(out, b.data, n);
	buf_addc(out, '\n');
	/* What reads back the same had no octet that ends a field. */
	if (!memchr(b.data, '\n', n) &&
	    batch_job_parse(&back, buf_str(&b), n, &why) == 0) {
		r = same_envelope(&back, j) ? 0 : -1;
		batch_job_free(&back);
	}
	if (r < 0) {
		out->len = start;
		errno = EINVAL;
	}
	buf_free(&b);
	return r;
}

void
batch_result_write(const struct batch_result *r, struct buf *out)
{
	char text[REPLY_TEXT];
	size_t start = out->len, used, room, n;

	buf_addf(out, "%s\t<%s>\t%s\t%03d\t%s\t", r->id, r->rcpt,
	    fates[r->fate], r->code,
	    r->enhanced && r->enhanced[0] ? r->enhanced : "-");
	used = out->len - start + 1;
	room = used < BATCH_RESULT ? BATCH_RESULT - used : 0;
	n = reply_escape(r->text, strlen(r->text), text, sizeof text);
	while (n > room || (n < strlen(text) && (text[n] & 0xc0) == 0x80))
		n--;
	buf_add(out, text, n);
	buf_addc(out, '\n');
}

static int
parse_fate(const char *s, enum batch_fate *f)
{
	for (int i = BATCH_OK; i <= BATCH_UNSURE; i++)
		if (strcmp(s, fates[i]) == 0) {
			*f = (enum batch_fate)i;
			return 0;
		}
	return -1;
}

int
batch_result_parse(struct batch_result *r, char *line, size_t n)
{
	struct batch_path rcpt;
	char *at = line, *path, *fate, *code, *enhanced;
	uint64_t number;

	if (memchr(line, '\0', n))
		return -1;
	line[n] = '\0';
	r->id = field(&at);
	path = field(&at);
	fate = field(&at);
	code = field(&at);
	enhanced = field(&at);
	r->text = at;
	if (!enhanced || !at || !r->id[0] || parse_path(path, &rcpt) < 0 ||
	    parse_fate(fate, &r->fate) < 0 || strlen(code) != 3 ||
	    parse_number(code, 599, &number) < 0)
		return -1;
	r->rcpt = rcpt.address;
	r->code = (int)number;
	r->enhanced = strcmp(enhanced, "-") == 0 ? "" : enhanced;
	return 0;
}

const char *
batch_fate_name(enum batch_fate f)
{
	return fates[f];
}
