/* Media types by the extension of a file's name. */
#ifndef MEDIA_H
#define MEDIA_H

/* "image/png" for "a/b.PNG"; NULL for what is not in the list. */
const char *media_type(const char *name);

#endif
