/* ODT (OASIS OpenDocument 1.3): content.xml. */
#include <stdlib.h>
#include <string.h>

#include "parse/office.h"
#include "parse/xml.h"

#define SPACES_MAX 64  /* that one element stands for */
#define REPEATS_MAX 64 /* of a cell */

struct odt {
	struct doc *doc;
	int items, notes, paragraphs; /* that are open */
	int repeats;		      /* of the open cell */
	bool began_item;
};

/* What is no text of the document: what was deleted, remarks, how it looks. */
static bool
is_skipped(const struct xml *x)
{
	static const char *const names[] = { "tracked-changes", "annotation", "automatic-styles", "font-face-decls",
		"scripts", "forms", "sequence-decls", "variable-decls", "user-field-decls", "note-citation",
		"binary-data", "desc", "event-listeners" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (xml_is(x, names[i]))
			return true;
	return false;
}

/* A paragraph or heading; in a note it goes on in the one that it belongs to. */
static void
open_paragraph(struct odt *o, struct xml *x)
{
	struct text *t = &o->doc->text;

	o->paragraphs++;
	if (o->notes > 0) {
		text_add(t, " ", 1);
	} else if (xml_is(x, "h")) {
		text_block(t, BLOCK_HEADING, xml_number(x, "outline-level", 1));
	} else {
		text_block(t, o->items > 0 && !o->began_item ? BLOCK_ITEM : BLOCK_PARAGRAPH, 0);
		o->began_item = true;
	}
}

static void
opened(struct odt *o, struct xml *x)
{
	struct text *t = &o->doc->text;
	int n;

	if (is_skipped(x))
		xml_skip(x);
	else if (xml_is(x, "h") || xml_is(x, "p"))
		open_paragraph(o, x);
	else if (xml_is(x, "list-item"))
		o->items++, o->began_item = false;
	else if (xml_is(x, "s"))
		for (n = xml_number(x, "c", 1); n > 0 && n <= SPACES_MAX; n--)
			text_add(t, " ", 1);
	else if (xml_is(x, "tab"))
		text_add(t, "\t", 1);
	else if (xml_is(x, "line-break"))
		text_break(t);
	else if (xml_is(x, "note-body"))
		text_add(t, " [", 2), o->notes++;
	else if (xml_is(x, "table"))
		text_table(t);
	else if (xml_is(x, "table-row"))
		text_row(t);
	else if (xml_is(x, "table-cell") || xml_is(x, "covered-table-cell"))
		o->repeats = xml_number(x, "number-columns-repeated", 1), text_cell(t);
}

static void
closed(struct odt *o, struct xml *x)
{
	struct text *t = &o->doc->text;

	if (xml_is(x, "h") || xml_is(x, "p")) {
		o->paragraphs--;
		if (o->notes == 0)
			text_block(t, BLOCK_PARAGRAPH, 0);
	} else if (xml_is(x, "list-item")) {
		o->items--;
	} else if (xml_is(x, "note-body")) {
		text_add(t, "]", 1);
		o->notes--;
	} else if (xml_is(x, "table")) {
		text_table_end(t);
	} else if (xml_is(x, "table-row")) {
		text_row_end(t);
	} else if (xml_is(x, "table-cell") || xml_is(x, "covered-table-cell")) {
		text_cell_end(t);
		for (; o->repeats > 1 && o->repeats <= REPEATS_MAX && t->depth == 1; o->repeats--) {
			text_cell(t);
			text_cell_end(t);
		}
	}
}

/* dc:title of meta.xml. */
static void
read_title(struct doc *d, struct zipbox *z)
{
	enum xml_event e;
	bool in_title = false;
	struct xml x;

	if (xml_open(&x, z, "meta.xml")) {
		while ((e = xml_next(&x)) > XML_END)
			if (e == XML_TEXT && in_title)
				doc_title(d, xml_text(&x));
			else
				in_title = e == XML_OPEN && xml_is(&x, "title");
	}
	xml_close(&x);
}

/* Does the manifest say that parts are encrypted? */
static bool
is_encrypted(struct zipbox *z)
{
	enum xml_event e;
	bool found = false;
	struct xml x;

	if (xml_open(&x, z, "META-INF/manifest.xml")) {
		while (!found && (e = xml_next(&x)) > XML_END)
			found = e == XML_OPEN && (xml_is(&x, "encryption-data") || xml_is(&x, "encrypted-key"));
	}
	xml_close(&x);
	return found;
}

enum code
read_odt(struct doc *d, struct zipbox *z)
{
	struct odt o = { .doc = d };
	enum xml_event e = XML_BROKEN;
	struct xml x;

	d->kind = "odt";
	if (is_encrypted(z))
		return doc_fail(d, CODE_ENCRYPTED, "the manifest says so");
	if (xml_open(&x, z, "content.xml")) {
		while (!d->text.out.overflow && (e = xml_next(&x)) > XML_END)
			if (e == XML_OPEN)
				opened(&o, &x);
			else if (e == XML_CLOSE)
				closed(&o, &x);
			else if (o.paragraphs > 0)
				text_add(&d->text, xml_text(&x), strlen(xml_text(&x)));
	}
	xml_close(&x);
	if (e == XML_BROKEN)
		return office_end(z, doc_fail(d, CODE_DAMAGED, "content.xml is missing or no whole XML"));
	read_title(d, z);
	return office_end(z, CODE_OK);
}
