/* MIME entities (RFC 2045 to 2049, 2183, 2231, 2392) written by GMime from
 * files that are never in memory as a whole. Sequence: examine a file, make a
 * leaf of it, name it, add it to a multipart, write the outermost, free it. */
#ifndef MIME_H
#define MIME_H

#include <stdbool.h>
#include <stdint.h>

/* What the octets of a file are. */
struct mime_facts {
	uint64_t size;
	uint64_t high;    /* octets over 127 */
	uint64_t longest; /* line, without its end */
	uint64_t invalid; /* offset of what is no UTF-8, + 1; 0 for none */
	uint64_t nul;     /* the same of NUL, of CR and of other controls */
	uint64_t cr;
	uint64_t control;
};

/* Opaque: a GMimeObject. */
struct mime;

/* Reads fd from its start to its end. 0, or -1 with errno. */
int mime_examine(int fd, struct mime_facts *f);
/* The media type for a file of this name: by its extension, else by facts. */
const char *mime_type(const char *name, const struct mime_facts *f);
/* A part of the seekable fd, which must stay open until the end. Text gets a
 * charset and the encoding that keeps it readable, message/rfc822 goes as it
 * is, all else is base64. */
struct mime *mime_leaf(int fd, const char *type, const struct mime_facts *f);
/* "attachment" or "inline", and the file's name. */
void mime_name(struct mime *m, const char *disposition, const char *name);
/* Sets the Content-ID: id without <>. */
void mime_id(struct mime *m, const char *id);
/* "mixed", "alternative" or "related". */
struct mime *mime_multipart(const char *subtype);
/* The child belongs to the parent from here on. */
void mime_add(struct mime *parent, struct mime *child);
/* Writes Content- fields, an empty line and the content to the regular file
 * fd at its offset. 0, or -1 with errno. */
int mime_write(struct mime *m, int fd);
void mime_free(struct mime *m);
/* A field's value with its encoded words decoded, in UTF-8. The caller frees
 * with free(). */
char *mime_decode(const char *value);

#endif
