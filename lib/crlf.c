#include "crlf.h"

#include <string.h>

static void
note(uint64_t *first, uint64_t position)
{
	if (!*first)
		*first = position;
}

void
crlf_text(struct crlf_text *t, const char *in, size_t n, struct buf *out)
{
	const char *p = in, *end = in + n, *q;

	if (!n)
		return;
	if (!t->nul && (q = memchr(in, 0, n)))
		t->nul = t->offset + (size_t)(q - in) + 1;
	if (t->cr && *in != '\n') {
		note(&t->bare_cr, t->offset);
		buf_addc(out, '\r');
	}
	t->cr = false;
	while ((q = memchr(p, '\r', (size_t)(end - p)))) {
		buf_add(out, p, (size_t)(q - p));
		p = q + 1;
		if (p == end) {
			t->cr = true;
			break;
		}
		if (*p != '\n') {
			note(&t->bare_cr, t->offset + (size_t)(p - in));
			buf_addc(out, '\r');
		}
	}
	buf_add(out, p, (size_t)(end - p));
	t->offset += n;
}

void
crlf_text_end(struct crlf_text *t, struct buf *out)
{
	if (!t->cr)
		return;
	t->cr = false;
	note(&t->bare_cr, t->offset);
	buf_addc(out, '\r');
}

void
crlf_wire(struct crlf_wire *w, const char *in, size_t n, struct buf *out)
{
	const char *p = in, *end = in + n;

	while (p < end) {
		const char *lf = memchr(p, '\n', (size_t)(end - p));
		size_t len = (size_t)((lf ? lf : end) - p);
		char *to = buf_room(out, len + 3);

		if (w->bol && w->stuff && *p == '.')
			*to++ = '.';
		memcpy(to, p, len);
		to += len;
		if (len)
			w->cr = p[len - 1] == '\r';
		if (lf && !w->cr)
			*to++ = '\r';
		if (lf)
			*to++ = '\n';
		w->bol = lf;
		w->cr &= !lf;
		out->len = (size_t)(to - out->data);
		p += len + 1;
	}
}

void
crlf_wire_end(struct crlf_wire *w, struct buf *out)
{
	if (!w->bol)
		buf_adds(out, w->cr ? "\n" : "\r\n");
	w->bol = true;
	w->cr = false;
}

/* A CR is held until the octet behind it is known, a dot that follows CRLF is
 * dropped. Only the way LINE . CR LF, with LINE reached by CR LF or at the
 * very start, leads to END.
 *
 *	state \ octet	CR	  LF		  .	    other
 *	LINE		CR	  bare LF, TEXT	  DOT	    put, TEXT
 *	TEXT		CR	  bare LF, TEXT	  put, TEXT put, TEXT
 *	CR		bare, CR  put LF, LINE	  bare, put bare, put, TEXT
 *	DOT		DOTCR	  bare LF, TEXT	  put, TEXT put, TEXT
 *	DOTCR		bare, CR  END		  bare, put bare, put, TEXT
 */
enum { LINE, TEXT, CR, DOT, DOTCR, END };
enum { IS_CR, IS_LF, IS_DOT, IS_OTHER };
enum { PUT = 8, BARE_CR = 16, BARE_LF = 32, NEXT = 7 };

static const unsigned char table[END][4] = {
    [LINE] = {CR, BARE_LF | PUT | TEXT, DOT, PUT | TEXT},
    [TEXT] = {CR, BARE_LF | PUT | TEXT, PUT | TEXT, PUT | TEXT},
    [CR] = {BARE_CR | CR, PUT | LINE, BARE_CR | PUT | TEXT,
	BARE_CR | PUT | TEXT},
    [DOT] = {DOTCR, BARE_LF | PUT | TEXT, PUT | TEXT, PUT | TEXT},
    [DOTCR] = {BARE_CR | CR, END, BARE_CR | PUT | TEXT, BARE_CR | PUT | TEXT},
};

/* One octet by the table. */
static void
data_step(struct crlf_data *d, char c, struct buf *out)
{
	int class = c == '\r' ? IS_CR
	    : c == '\n'       ? IS_LF
	    : c == '.'        ? IS_DOT
			      : IS_OTHER;
	int move = table[d->state][class];

	d->state = move & NEXT;
	if (move & BARE_CR) {
		d->bare_cr = true;
		buf_addc(out, '\r');
	}
	if (move & BARE_LF)
		d->bare_lf = true;
	if (move & PUT)
		buf_addc(out, c);
}

size_t
crlf_data(
    struct crlf_data *d, const char *in, size_t n, struct buf *out, bool *end)
{
	size_t i = 0;

	while (i < n && d->state != END) {
		const char *p = in + i, *cr;
		size_t run;

		if (d->chunks && d->state == LINE)
			d->state = TEXT;
		if (d->state != TEXT) {
			data_step(d, *p, out);
			i++;
			continue;
		}
		/* Within a line all but CR stays as it is. */
		cr = memchr(p, '\r', n - i);
		run = cr ? (size_t)(cr - p) : n - i;
		if (!d->bare_lf && memchr(p, '\n', run))
			d->bare_lf = true;
		buf_add(out, p, run);
		i += run;
		if (cr) {
			d->state = CR;
			i++;
		}
	}
	if (!d->nul && i && memchr(in, 0, i))
		d->nul = true;
	*end = d->state == END;
	return i;
}

void
crlf_data_end(struct crlf_data *d)
{
	if (d->chunks && d->state == CR)
		d->bare_cr = true;
}
