/*
 * Forms with files (RFC 7578, multipart/form-data): reading one as it stands, without a
 * copy, and writing its parts into another.  What is passed on is written anew, with a
 * mark of our own: of what two readers of a form may take for two things only what
 * we read gets on.  Pure, any thread.
 *
 *	struct multipart m;
 *	struct multipart_part part;
 *
 *	if (multipart_init(&m, content_type, body, len))
 *		while (multipart_next(&m, &part))
 *			…
 *	if (!m.is_whole)
 *		complain();
 */
#ifndef WEIR_BASE_MULTIPART_H
#define WEIR_BASE_MULTIPART_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/status.h"

#define MULTIPART_BOUNDARY_MAX 70 /* RFC 2046 5.1.1 */
#define MULTIPART_NAME_MAX 128

struct multipart {
	char mark[MULTIPART_BOUNDARY_MAX + 3]; /* "--" and the boundary */
	size_t mark_len;
	const char *at, *end;
	bool is_whole; /* the last mark was seen */
};

struct multipart_part {
	char name[MULTIPART_NAME_MAX + 1];	/* as it stands between the quotes */
	char file_name[MULTIPART_NAME_MAX + 1]; /* cut to that */
	char type[MULTIPART_NAME_MAX + 1];	/* its Content-Type; "": none */
	bool is_file;				/* it has a file name */
	const char *data;
	size_t len;
};

/* Begin with a body of that Content-Type; false when that is no multipart/form-data with a
 * boundary.  The body must stay. */
bool multipart_init(struct multipart *m, const char *content_type, const char *body, size_t len) MUST_CHECK;
/* The next part; false after the last one, and where the body is no form any more: a part
 * without a name, or a name that is too long, ends it. */
bool multipart_next(struct multipart *m, struct multipart_part *out) MUST_CHECK;
/* Is it the part of that name, in whatever letters? */
bool multipart_is(const struct multipart_part *part, const char *name);

/* Append a part, behind the mark of that boundary; the end of the form. */
void multipart_put(struct buf *out, const char *boundary, const struct multipart_part *part);
void multipart_put_end(struct buf *out, const char *boundary);

#endif
