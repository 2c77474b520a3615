/* Which part of an Office document leads to which (ECMA-376 part 2, relationships). */
#ifndef WEIR_PARSE_RELS_H
#define WEIR_PARSE_RELS_H

#include "parse/zipbox.h"

struct rels {
	struct rel *items;
	size_t n;
};

/* Those of a part; "" is the document itself.  None where there is no such part.  rels_free(). */
void rels_read(struct rels *r, struct zipbox *z, const char *part);
void rels_free(struct rels *r);
/* The part's name that an id leads to; NULL: none within the archive. */
const char *rels_by_id(const struct rels *r, const char *id);
/* Does the type of an id end so? */
bool rels_is(const struct rels *r, const char *id, const char *type_end);
/* The first whose type ends so, such as "/styles". */
const char *rels_by_type(const struct rels *r, const char *type_end);

#endif
