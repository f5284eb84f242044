#include "mime.h"

#include <errno.h>
#include <gmime/gmime.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "media.h"
#include "parse.h"

#define BLOCK 65536
#define TEXT_LINE_MAX 998

static const char binary[] = "application/octet-stream";

static void
note(uint64_t *first, uint64_t offset)
{
	if (!*first)
		*first = offset + 1;
}

/* An octet below 128 at offset at; line is the length of its line. */
static void
examine_ascii(struct mime_facts *f, char c, uint64_t at, uint64_t *line)
{
	if (c == '\n') {
		*line = 0;
		return;
	}
	if (!c)
		note(&f->nul, at);
	else if (c == '\r')
		note(&f->cr, at);
	else if ((c < ' ' && !strchr("\t\f\033", c)) || c == 127)
		note(&f->control, at);
	if (++*line > f->longest)
		f->longest = *line;
}

int
mime_examine(int fd, struct mime_facts *f)
{
	static char block[BLOCK + 4];
	size_t have = 0, i, step;
	uint64_t line = 0;
	uint32_t point;
	ssize_t n;

	*f = (struct mime_facts){0};
	do {
		n = pread(fd, block + have, BLOCK, (off_t)(f->size + have));
		if (n < 0)
			return -1;
		have += (size_t)n;
		/* A sequence that the block's end cuts waits for the next. */
		for (i = 0; i < have && (!n || i + 4 <= have); i += step) {
			step = 1;
			if (!(block[i] & 0x80)) {
				examine_ascii(f, block[i], f->size + i, &line);
				continue;
			}
			step = parse_utf8(block + i, have - i, &point);
			if (!step) {
				note(&f->invalid, f->size + i);
				step = 1;
			}
			f->high += step;
			line += step;
			if (line > f->longest)
				f->longest = line;
		}
		f->size += i;
		have -= i;
		memmove(block, block + i, have);
	} while (n && !(f->invalid && f->nul));
	/* What is neither text nor mail needs no closer look. */
	if (n && (n = lseek(fd, 0, SEEK_END)) >= 0)
		f->size = (uint64_t)n;
	return n < 0 ? -1 : 0;
}

const char *
mime_type(const char *name, const struct mime_facts *f)
{
	const char *type = media_type(name);
	bool text = !f->invalid && !f->nul;

	if (!type)
		return text && !f->control ? "text/plain" : binary;
	return strncmp(type, "text/", 5) || text ? type : binary;
}

static GMimeContentEncoding
text_encoding(const struct mime_facts *f)
{
	if (f->nul || f->cr)
		return GMIME_CONTENT_ENCODING_BASE64;
	if (!f->high && f->longest <= TEXT_LINE_MAX)
		return GMIME_CONTENT_ENCODING_7BIT;
	if (f->high < f->size / 4)
		return GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE;
	return GMIME_CONTENT_ENCODING_BASE64;
}

static GMimeContentEncoding
encoding_of(const char *type, const struct mime_facts *f)
{
	if (!strncmp(type, "text/", 5))
		return text_encoding(f);
	if (strcmp(type, "message/rfc822"))
		return GMIME_CONTENT_ENCODING_BASE64;
	return f->high || f->longest > TEXT_LINE_MAX
	    ? GMIME_CONTENT_ENCODING_8BIT
	    : GMIME_CONTENT_ENCODING_7BIT;
}

struct mime *
mime_leaf(int fd, const char *type, const struct mime_facts *f)
{
	const char *slash = strchr(type, '/');
	char *media = g_strndup(type, (gsize)(slash - type));
	GMimeContentEncoding encoding = encoding_of(type, f);
	GMimeDataWrapper *content;
	GMimeStream *stream;
	GMimePart *part;

	g_mime_init();
	stream = g_mime_stream_fs_new_with_bounds(fd, 0, (gint64)f->size);
	g_mime_stream_fs_set_owner(GMIME_STREAM_FS(stream), FALSE);
	content = g_mime_data_wrapper_new_with_stream(
	    stream, GMIME_CONTENT_ENCODING_DEFAULT);
	part = g_mime_part_new_with_type(media, slash + 1);
	g_mime_part_set_content(part, content);
	g_mime_part_set_content_encoding(part, encoding);
	if (!strncmp(type, "text/", 5))
		g_mime_object_set_content_type_parameter(GMIME_OBJECT(part),
		    "charset", f->high ? "utf-8" : "us-ascii");
	g_object_unref(content);
	g_object_unref(stream);
	g_free(media);
	return (struct mime *)part;
}

void
mime_name(struct mime *m, const char *disposition, const char *name)
{
	g_mime_object_set_disposition(GMIME_OBJECT(m), disposition);
	g_mime_object_set_content_disposition_parameter(
	    GMIME_OBJECT(m), "filename", name);
}

void
mime_id(struct mime *m, const char *id)
{
	g_mime_object_set_content_id(GMIME_OBJECT(m), id);
}

struct mime *
mime_multipart(const char *subtype)
{
	g_mime_init();
	return (struct mime *)g_mime_multipart_new_with_subtype(subtype);
}

/* What carries 8 bits must say so itself (RFC 2045 6.4). */
static bool
is_8bit(GMimeObject *o)
{
	const char *value =
	    g_mime_object_get_header(o, "Content-Transfer-Encoding");

	return value && !strcmp(value, "8bit");
}

void
mime_add(struct mime *parent, struct mime *child)
{
	g_mime_multipart_add(GMIME_MULTIPART(parent), GMIME_OBJECT(child));
	if (is_8bit(GMIME_OBJECT(child)))
		g_mime_object_set_header(GMIME_OBJECT(parent),
		    "Content-Transfer-Encoding", "8bit", NULL);
	g_object_unref(child);
}

/* A file that got shorter since it was examined is not an end of file. */
static void
check_whole(GMimeObject *parent, GMimeObject *part, gpointer cut)
{
	GMimeStream *stream;
	struct stat st;

	(void)parent;
	if (!GMIME_IS_PART(part))
		return;
	stream = g_mime_data_wrapper_get_stream(
	    g_mime_part_get_content(GMIME_PART(part)));
	if (fstat(GMIME_STREAM_FS(stream)->fd, &st) < 0 ||
	    (S_ISREG(st.st_mode) && st.st_size < stream->bound_end))
		*(bool *)cut = true;
}

int
mime_write(struct mime *m, int fd)
{
	GMimeStream *stream = g_mime_stream_fs_new(fd);
	bool cut = false;
	ssize_t n;

	g_mime_stream_fs_set_owner(GMIME_STREAM_FS(stream), FALSE);
	errno = 0;
	n = g_mime_object_write_to_stream(GMIME_OBJECT(m), NULL, stream);
	if (n >= 0)
		n = g_mime_stream_flush(stream);
	check_whole(NULL, GMIME_OBJECT(m), &cut);
	if (GMIME_IS_MULTIPART(m))
		g_mime_multipart_foreach(GMIME_MULTIPART(m), check_whole, &cut);
	g_object_unref(stream);
	if (cut || (n < 0 && !errno))
		errno = EIO;
	return cut || n < 0 ? -1 : 0;
}

void
mime_free(struct mime *m)
{
	g_object_unref(m);
}

char *
mime_decode(const char *value)
{
	char *text, *copy;

	g_mime_init();
	text = g_mime_utils_header_decode_text(NULL, value);
	copy = xstrdup(text ? text : "");
	g_free(text);
	return copy;
}
