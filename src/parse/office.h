/* What DOCX, PPTX and XLSX have in common. */
#ifndef WEIR_PARSE_OFFICE_H
#define WEIR_PARSE_OFFICE_H

#include "parse/zipbox.h"

/* The title of docProps/core.xml, if it has one. */
void office_title(struct doc *d, struct zipbox *z);
/* How the reading of an archive's parts ended: `read`, or what is wrong with the archive. */
enum code office_end(const struct zipbox *z, enum code read);

#endif
