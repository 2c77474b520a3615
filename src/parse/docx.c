/* DOCX (ECMA-376 part 1, 17): the body, then the notes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "parse/office.h"
#include "parse/rels.h"
#include "parse/xml.h"

#define STYLES_MAX 5000
#define BASED_ON_MAX 16 /* styles that are based on each other */

struct style {
	char *id, *based_on;
	int level; /* 1 to 9: a heading; 0: not known */
	bool is_item;
};

struct docx {
	struct doc *doc;
	struct zipbox *zip;
	struct style *styles;
	size_t n_styles;
	char mark[40]; /* of the note whose text comes; "" */
};

/* ---- styles ---- */

/* What a style's name says: "heading 2", "Title", "List Bullet". */
static void
judge_name(struct style *s, const char *name)
{
	if (strncasecmp(name, "heading ", 8) == 0 && name[8] >= '1' && name[8] <= '9')
		s->level = name[8] - '0';
	else if (strcasecmp(name, "title") == 0)
		s->level = 1;
	else if (strncasecmp(name, "list bullet", 11) == 0 || strncasecmp(name, "list number", 11) == 0)
		s->is_item = true;
}

static void
read_style(struct docx *w, struct xml *x)
{
	struct style s = { .id = xstrdup(xml_attr(x, "styleId") == NULL ? "" : x->value) };
	enum xml_event e;
	int depth = 1;

	while (depth > 0 && (e = xml_next(x)) > XML_END) {
		depth += e == XML_OPEN ? 1 : e == XML_CLOSE ? -1 : 0;
		if (e != XML_OPEN)
			continue;
		if (xml_is(x, "name") && xml_attr(x, "val") != NULL)
			judge_name(&s, x->value);
		else if (xml_is(x, "outlineLvl") && xml_number(x, "val", 9) < 9)
			s.level = xml_number(x, "val", 0) + 1;
		else if (xml_is(x, "basedOn") && s.based_on == NULL && xml_attr(x, "val") != NULL)
			s.based_on = xstrdup(x->value);
		else if (xml_is(x, "numPr"))
			s.is_item = true;
	}
	if ((w->n_styles & (w->n_styles - 1)) == 0)
		w->styles = xrealloc(w->styles, (w->n_styles == 0 ? 1 : 2 * w->n_styles) * sizeof(s));
	w->styles[w->n_styles++] = s;
}

static void
read_styles(struct docx *w, const char *part)
{
	enum xml_event e;
	struct xml x;

	if (part != NULL && xml_open(&x, w->zip, part)) {
		while ((e = xml_next(&x)) > XML_END && w->n_styles < STYLES_MAX)
			if (e == XML_OPEN && xml_is(&x, "style"))
				read_style(w, &x);
		xml_close(&x);
	}
}

static const struct style *
find_style(const struct docx *w, const char *id)
{
	for (size_t i = 0; id != NULL && i < w->n_styles; i++)
		if (strcmp(w->styles[i].id, id) == 0)
			return &w->styles[i];
	return NULL;
}

/* The paragraph is of that style, or of one that it is based on. */
static void
apply_style(const struct docx *w, const char *id)
{
	const struct style *s = find_style(w, id);

	for (int i = 0; s != NULL && i < BASED_ON_MAX; i++, s = find_style(w, s->based_on)) {
		if (s->level > 0 || s->is_item) {
			text_kind(&w->doc->text, s->level > 0 ? BLOCK_HEADING : BLOCK_ITEM, s->level);
			return;
		}
	}
}

/* ---- text ---- */

/* w:pPr: what kind of paragraph it is. */
static void
read_properties(struct docx *w, struct xml *x)
{
	struct text *t = &w->doc->text;
	enum xml_event e;
	int depth = 1, level = 0;
	bool is_item = false, is_plain = false;

	while (depth > 0 && (e = xml_next(x)) > XML_END) {
		if (e == XML_OPEN && (xml_is(x, "pPrChange") || xml_is(x, "rPr") || xml_is(x, "sectPr"))) {
			xml_skip(x);
			continue;
		}
		depth += e == XML_OPEN ? 1 : e == XML_CLOSE ? -1 : 0;
		if (e != XML_OPEN)
			continue;
		if (xml_is(x, "pStyle"))
			apply_style(w, xml_attr(x, "val"));
		else if (xml_is(x, "outlineLvl") && xml_number(x, "val", 9) < 9)
			level = xml_number(x, "val", 0) + 1;
		else if (xml_is(x, "numId"))
			*(xml_number(x, "val", 0) != 0 ? &is_item : &is_plain) = true;
	}
	if (level > 0)
		text_kind(t, BLOCK_HEADING, level);
	else if (is_item && t->kind != BLOCK_HEADING)
		text_kind(t, BLOCK_ITEM, 0);
	else if (is_plain && t->kind == BLOCK_ITEM)
		text_kind(t, BLOCK_PARAGRAPH, 0);
}

/* Where text stands a second time, or not any more. */
static bool
is_skipped(const struct xml *x)
{
	static const char *const names[] = { "Fallback", "moveFrom", "del", "rPr", "sectPr", "tblPr", "trPr", "tblGrid",
		"instrText", "delText", "comment" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (xml_is(x, names[i]))
			return true;
	return false;
}

/* [^2] of a footnote, [^e2] of an endnote. */
static void
note_mark(struct docx *w, struct xml *x, const char *prefix)
{
	const char *id = xml_attr(x, "id");

	snprintf(w->mark, sizeof(w->mark), "[^%s%.20s]", prefix, id == NULL ? "?" : id);
}

/* The mark stands here. */
static void
put_mark(struct docx *w)
{
	text_add(&w->doc->text, w->mark, strlen(w->mark));
	w->mark[0] = '\0';
}

/* What opens within a part. */
static void
opened(struct docx *w, struct xml *x, int *span)
{
	struct text *t = &w->doc->text;

	if (is_skipped(x))
		xml_skip(x);
	else if (xml_is(x, "p"))
		text_block(t, BLOCK_PARAGRAPH, 0), put_mark(w);
	else if (xml_is(x, "pPr"))
		read_properties(w, x);
	else if (xml_is(x, "tab"))
		text_add(t, "\t", 1);
	else if (xml_is(x, "br") || xml_is(x, "cr"))
		text_break(t);
	else if (xml_is(x, "noBreakHyphen"))
		text_add(t, "-", 1);
	else if (xml_is(x, "footnoteReference"))
		note_mark(w, x, ""), put_mark(w);
	else if (xml_is(x, "endnoteReference"))
		note_mark(w, x, "e"), put_mark(w);
	else if (xml_is(x, "tbl"))
		text_table(t);
	else if (xml_is(x, "tr"))
		text_row(t);
	else if (xml_is(x, "tc"))
		*span = 1, text_cell(t);
	else if (xml_is(x, "gridSpan"))
		*span = xml_number(x, "val", 1);
}

static void
closed(struct docx *w, struct xml *x, int *span)
{
	struct text *t = &w->doc->text;

	if (xml_is(x, "p")) {
		text_block(t, BLOCK_PARAGRAPH, 0);
	} else if (xml_is(x, "tc")) {
		text_cell_end(t);
		for (; *span > 1 && *span < 64 && t->depth == 1; --*span) {
			text_cell(t);
			text_cell_end(t);
		}
		*span = 1;
	} else if (xml_is(x, "tr")) {
		text_row_end(t);
	} else if (xml_is(x, "tbl")) {
		text_table_end(t);
	}
}

/* The text of a part, to its end or to where `until` closes. */
static enum code
read_text(struct docx *w, struct xml *x, const char *until)
{
	enum xml_event e = XML_END;
	int in_text = 0, span = 1;

	while (!w->doc->text.out.overflow && (e = xml_next(x)) > XML_END) {
		if (e == XML_TEXT) {
			if (in_text > 0)
				text_add(&w->doc->text, xml_text(x), strlen(xml_text(x)));
		} else if (xml_is(x, "t")) {
			in_text += e == XML_OPEN ? 1 : -1;
		} else if (e == XML_OPEN) {
			opened(w, x, &span);
		} else if (until != NULL && xml_is(x, until)) {
			return CODE_OK;
		} else {
			closed(w, x, &span);
		}
	}
	return e == XML_BROKEN ? doc_fail(w->doc, CODE_DAMAGED, "a part is no whole XML") : CODE_OK;
}

/* Footnotes and endnotes, each after its mark. */
static void
read_notes(struct docx *w, const char *part, const char *name, const char *prefix)
{
	enum xml_event e;
	struct xml x;

	if (part == NULL)
		return;
	if (xml_open(&x, w->zip, part))
		while ((e = xml_next(&x)) > XML_END) {
			if (e != XML_OPEN || !xml_is(&x, name))
				continue;
			if (xml_attr(&x, "type") != NULL && strcmp(x.value, "normal") != 0) { /* a separator */
				xml_skip(&x);
				continue;
			}
			note_mark(w, &x, prefix);
			if (read_text(w, &x, name) != CODE_OK)
				break;
		}
	xml_close(&x);
}

enum code
read_docx(struct doc *d, struct zipbox *z, const char *main_part)
{
	struct docx w = { .doc = d, .zip = z };
	enum code code = CODE_DAMAGED;
	struct rels rels;
	struct xml x;

	d->kind = "docx";
	rels_read(&rels, z, main_part);
	read_styles(&w, rels_by_type(&rels, "/styles"));
	if (xml_open(&x, z, main_part))
		code = read_text(&w, &x, NULL);
	xml_close(&x);
	if (code == CODE_OK) {
		read_notes(&w, rels_by_type(&rels, "/footnotes"), "footnote", "");
		read_notes(&w, rels_by_type(&rels, "/endnotes"), "endnote", "e");
		office_title(d, z);
	}
	rels_free(&rels);
	for (size_t i = 0; i < w.n_styles; i++) {
		free(w.styles[i].id);
		free(w.styles[i].based_on);
	}
	free(w.styles);
	return office_end(z, code);
}
