#include "parse/office.h"

#include "parse/rels.h"
#include "parse/xml.h"

void
office_title(struct doc *d, struct zipbox *z)
{
	struct rels rels;
	const char *part;
	enum xml_event e = XML_END;
	bool in_title = false;
	struct xml x;

	rels_read(&rels, z, "");
	part = rels_by_type(&rels, "/core-properties");
	if (xml_open(&x, z, part != NULL ? part : "docProps/core.xml")) {
		while ((e = xml_next(&x)) > XML_END)
			if (e == XML_TEXT && in_title)
				doc_title(d, xml_text(&x));
			else
				in_title = e == XML_OPEN && xml_is(&x, "title");
	}
	xml_close(&x);
	rels_free(&rels);
}

enum code
office_end(const struct zipbox *z, enum code read)
{
	return zipbox_code(z) != CODE_OK ? zipbox_code(z) : read;
}
