/* PPTX (ECMA-376 part 1, 19): a slide is a page; what the speaker notes follows it. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "parse/office.h"
#include "parse/rels.h"
#include "parse/xml.h"

struct pptx {
	struct doc *doc;
	struct zipbox *zip;
};

/* What of a shape's place says what it is. */
struct shape {
	bool is_title, is_body, is_left_out;
};

static void
read_placeholder(struct shape *s, struct xml *x, bool notes)
{
	static const char *const left_out[] = { "sldNum", "dt", "ftr", "hdr", "sldImg" };
	const char *type = xml_attr(x, "type");

	*s = (struct shape){ 0 };
	s->is_title = type != NULL && (strcmp(type, "title") == 0 || strcmp(type, "ctrTitle") == 0);
	s->is_body = type == NULL || strcmp(type, "body") == 0 || strcmp(type, "obj") == 0;
	for (size_t i = 0; type != NULL && i < sizeof(left_out) / sizeof(*left_out); i++)
		s->is_left_out = s->is_left_out || strcmp(type, left_out[i]) == 0;
	s->is_left_out = s->is_left_out || (notes && !s->is_body); /* the slide's picture and number */
}

static enum block
kind_of(const struct shape *s)
{
	return s->is_title ? BLOCK_HEADING : s->is_body ? BLOCK_ITEM : BLOCK_PARAGRAPH;
}

static void
opened(struct text *t, struct xml *x, struct shape *s, bool notes)
{
	if (xml_is(x, "Fallback") || xml_is(x, "tableStyleId"))
		xml_skip(x);
	else if (xml_is(x, "sp") || xml_is(x, "graphicFrame"))
		*s = (struct shape){ .is_left_out = notes };
	else if (xml_is(x, "ph"))
		read_placeholder(s, x, notes);
	else if (xml_is(x, "txBody") && s->is_left_out)
		xml_skip(x);
	else if (xml_is(x, "p"))
		text_block(t, notes ? BLOCK_PARAGRAPH : kind_of(s), 1);
	else if (xml_is(x, "br"))
		text_break(t);
	else if (xml_is(x, "tbl"))
		text_table(t);
	else if (xml_is(x, "tr"))
		text_row(t);
	else if (xml_is(x, "tc")) /* cells that it covers follow as cells of their own */
		text_cell(t);
}

static void
closed(struct text *t, struct xml *x)
{
	if (xml_is(x, "p") || xml_is(x, "txBody"))
		text_block(t, BLOCK_PARAGRAPH, 0);
	else if (xml_is(x, "tc"))
		text_cell_end(t);
	else if (xml_is(x, "tr"))
		text_row_end(t);
	else if (xml_is(x, "tbl"))
		text_table_end(t);
}

/* The text of a slide, or of its notes. */
static enum code
read_slide(struct pptx *p, const char *part, bool notes)
{
	struct text *t = &p->doc->text;
	struct shape shape = { 0 };
	enum xml_event e = XML_BROKEN;
	int in_text = 0;
	struct xml x;

	if (xml_open(&x, p->zip, part))
		while (!t->out.overflow && (e = xml_next(&x)) > XML_END) {
			if (e == XML_TEXT) {
				if (in_text > 0)
					text_add(t, xml_text(&x), strlen(xml_text(&x)));
			} else if (xml_is(&x, "t")) {
				in_text += e == XML_OPEN ? 1 : -1;
			} else if (e == XML_OPEN) {
				opened(t, &x, &shape, notes);
			} else {
				closed(t, &x);
			}
		}
	xml_close(&x);
	return e == XML_BROKEN ? doc_fail(p->doc, CODE_DAMAGED, "%.100s is missing or no whole XML", part) : CODE_OK;
}

static enum code
read_page(struct pptx *p, const char *part)
{
	struct rels rels;
	const char *notes;
	enum code code;

	if (p->doc->pages++ >= p->doc->pages_max)
		return doc_fail(p->doc, CODE_TOO_LARGE, "more than %d slides", p->doc->pages_max);
	text_page(&p->doc->text);
	code = read_slide(p, part, false);
	if (code != CODE_OK)
		return code;
	rels_read(&rels, p->zip, part);
	notes = rels_by_type(&rels, "/notesSlide");
	if (notes != NULL && zipbox_has(p->zip, notes))
		code = read_slide(p, notes, true);
	rels_free(&rels);
	return code;
}

enum code
read_pptx(struct doc *d, struct zipbox *z, const char *main_part)
{
	struct pptx p = { .doc = d, .zip = z };
	enum xml_event e = XML_BROKEN;
	enum code code = CODE_OK;
	struct rels rels;
	const char *part;
	struct xml x;

	d->kind = "pptx";
	rels_read(&rels, z, main_part);
	if (xml_open(&x, z, main_part))
		while (code == CODE_OK && !d->text.out.overflow && (e = xml_next(&x)) > XML_END)
			if (e == XML_OPEN && xml_is(&x, "sldId") && (part = rels_by_id(&rels, xml_rel_id(&x))) != NULL)
				code = read_page(&p, part);
	xml_close(&x);
	rels_free(&rels);
	if (e == XML_BROKEN)
		code = doc_fail(d, CODE_DAMAGED, "the list of slides is no whole XML");
	if (code == CODE_OK)
		office_title(d, z);
	return office_end(z, code);
}
