/*
 * XML of a stranger (libxml2's reader), as what opens, closes and is said.  Entities that
 * the document declares stay unread, nothing is fetched, and the library's own bounds on
 * depth and size hold.
 *
 *	while ((e = xml_next(&x)) > XML_END)
 *		if (e == XML_OPEN && xml_is(&x, "p")) …
 */
#ifndef WEIR_PARSE_XML_H
#define WEIR_PARSE_XML_H

#include <libxml/xmlreader.h>
#include <stdbool.h>
#include <stddef.h>

#include "parse/zipbox.h"

/* XML_BROKEN: the document is damaged, or memory has run out. */
enum xml_event { XML_BROKEN = -1, XML_END = 0, XML_OPEN, XML_CLOSE, XML_TEXT };

#define XML_VALUE_MAX_BYTES 1024 /* of an attribute; longer ones are cut */

struct xml {
	xmlTextReaderPtr reader;
	char *bytes;	 /* owned */
	bool must_close; /* an empty element was opened: it closes next */
	char value[XML_VALUE_MAX_BYTES];
};

/* Read an entry of the archive.  False: it is not there, or zipbox_code() says why.
 * xml_close() in either case. */
bool xml_open(struct xml *x, struct zipbox *z, const char *name);
void xml_close(struct xml *x);
enum xml_event xml_next(struct xml *x);
/* The name of what opened or closed, without its prefix. */
const char *xml_name(const struct xml *x);
bool xml_is(const struct xml *x, const char *name);
/* The text of XML_TEXT. */
const char *xml_text(const struct xml *x);
/* The attribute of that name, whatever its prefix; in x until the next call.  NULL: there is none. */
const char *xml_attr(struct xml *x, const char *name);
/* The attribute r:id, by its namespace. */
const char *xml_rel_id(struct xml *x);
/* Is an attribute there, and neither 0, false nor off? */
bool xml_flag(struct xml *x, const char *name);
int xml_number(struct xml *x, const char *name, int otherwise);
/* Skip what opened, to where it closes. */
void xml_skip(struct xml *x);

#endif
