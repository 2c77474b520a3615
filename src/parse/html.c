/* HTML, and the chapters of EPUB: libxml2's parser for HTML, event by event, so that there
 * is no tree to grow. */
#include <libxml/HTMLparser.h>
#include <string.h>
#include <strings.h>

#include "parse/doc.h"

#define PIECE_BYTES 65536

struct html {
	struct doc *doc;
	int skipped; /* elements within each other whose text is none */
	int code;    /* pre within each other */
	int items;   /* li without text of their own yet: 0 or 1 */
	bool in_title;
	struct buf title;
};

enum what {
	WHAT_INLINE,
	WHAT_BLOCK,
	WHAT_HEADING,
	WHAT_ITEM,
	WHAT_CODE,
	WHAT_BREAK,
	WHAT_SKIP,
	WHAT_TITLE,
	WHAT_TABLE,
	WHAT_ROW,
	WHAT_CELL
};

static const struct element {
	const char *name;
	enum what what;
	int level;
} elements[] = {
	{ "address", WHAT_BLOCK },
	{ "article", WHAT_BLOCK },
	{ "aside", WHAT_BLOCK },
	{ "blockquote", WHAT_BLOCK },
	{ "body", WHAT_BLOCK },
	{ "br", WHAT_BREAK },
	{ "canvas", WHAT_SKIP },
	{ "caption", WHAT_BLOCK },
	{ "center", WHAT_BLOCK },
	{ "dd", WHAT_BLOCK },
	{ "details", WHAT_BLOCK },
	{ "dialog", WHAT_BLOCK },
	{ "div", WHAT_BLOCK },
	{ "dl", WHAT_BLOCK },
	{ "dt", WHAT_BLOCK },
	{ "fieldset", WHAT_BLOCK },
	{ "figcaption", WHAT_BLOCK },
	{ "figure", WHAT_BLOCK },
	{ "footer", WHAT_BLOCK },
	{ "form", WHAT_BLOCK },
	{ "h1", WHAT_HEADING, 1 },
	{ "h2", WHAT_HEADING, 2 },
	{ "h3", WHAT_HEADING, 3 },
	{ "h4", WHAT_HEADING, 4 },
	{ "h5", WHAT_HEADING, 5 },
	{ "h6", WHAT_HEADING, 6 },
	{ "header", WHAT_BLOCK },
	{ "hr", WHAT_BLOCK },
	{ "iframe", WHAT_SKIP },
	{ "legend", WHAT_BLOCK },
	{ "li", WHAT_ITEM },
	{ "main", WHAT_BLOCK },
	{ "nav", WHAT_SKIP },
	{ "noscript", WHAT_SKIP },
	{ "object", WHAT_SKIP },
	{ "ol", WHAT_BLOCK },
	{ "p", WHAT_BLOCK },
	{ "pre", WHAT_CODE },
	{ "script", WHAT_SKIP },
	{ "section", WHAT_BLOCK },
	{ "select", WHAT_SKIP },
	{ "style", WHAT_SKIP },
	{ "summary", WHAT_BLOCK },
	{ "svg", WHAT_SKIP },
	{ "table", WHAT_TABLE },
	{ "td", WHAT_CELL },
	{ "template", WHAT_SKIP },
	{ "textarea", WHAT_SKIP },
	{ "th", WHAT_CELL },
	{ "title", WHAT_TITLE },
	{ "tr", WHAT_ROW },
	{ "ul", WHAT_BLOCK },
};

static struct element
element(const xmlChar *name)
{
	for (size_t i = 0; i < sizeof(elements) / sizeof(*elements); i++)
		if (strcasecmp((const char *)name, elements[i].name) == 0)
			return elements[i];
	return (struct element){ .what = WHAT_INLINE };
}

/* Text that begins now: in pre it is code, after <li> the item. */
static enum block
block_now(struct html *h)
{
	bool is_item = h->items > 0;

	h->items = 0;
	return h->code > 0 ? BLOCK_CODE : is_item ? BLOCK_ITEM : BLOCK_PARAGRAPH;
}

static void
opened(void *arg, const xmlChar *name, const xmlChar **attributes)
{
	struct html *h = arg;
	struct text *t = &h->doc->text;
	struct element e = element(name);

	(void)attributes;
	switch (e.what) {
	case WHAT_SKIP: h->skipped++; break;
	case WHAT_TITLE:
		h->in_title = h->skipped == 0 && h->title.len == 0;
		break; /* neither a picture's nor a second */
	case WHAT_CODE:
		h->code++;
		text_block(t, BLOCK_CODE, 0);
		h->items = 0;
		break;
	case WHAT_HEADING:
		text_block(t, BLOCK_HEADING, e.level);
		h->items = 0;
		break;
	case WHAT_ITEM:
		text_block(t, BLOCK_ITEM, 0);
		h->items = 1;
		break;
	case WHAT_BLOCK:
		if (h->code > 0)
			break;
		if (h->items == 0 || t->block.len > 0) /* <li><p> is still the item */
			text_block(t, block_now(h), 0);
		break;
	case WHAT_BREAK: text_break(t); break;
	case WHAT_TABLE: text_table(t); break;
	case WHAT_ROW: text_row(t); break;
	case WHAT_CELL: text_cell(t); break;
	case WHAT_INLINE: break;
	}
}

static void
closed(void *arg, const xmlChar *name)
{
	struct html *h = arg;
	struct text *t = &h->doc->text;

	switch (element(name).what) {
	case WHAT_SKIP: h->skipped -= h->skipped > 0; break;
	case WHAT_TITLE: h->in_title = false; break;
	case WHAT_CODE:
		h->code -= h->code > 0;
		if (h->code == 0)
			text_block(t, BLOCK_PARAGRAPH, 0);
		break;
	case WHAT_HEADING:
	case WHAT_ITEM:
	case WHAT_BLOCK:
		h->items = 0;
		if (h->code == 0)
			text_block(t, BLOCK_PARAGRAPH, 0);
		break;
	case WHAT_TABLE: text_table_end(t); break;
	case WHAT_ROW: text_row_end(t); break;
	case WHAT_CELL: text_cell_end(t); break;
	case WHAT_BREAK:
	case WHAT_INLINE: break;
	}
}

static void
characters(void *arg, const xmlChar *s, int len)
{
	struct html *h = arg;

	if (h->in_title)
		buf_add(&h->title, s, (size_t)len);
	else if (h->skipped == 0)
		text_add(&h->doc->text, (const char *)s, (size_t)len);
}

enum code
read_html(struct doc *d, const char *bytes, size_t len)
{
	htmlSAXHandler sax = { .startElement = opened,
		.endElement = closed,
		.characters = characters,
		.ignorableWhitespace = characters };
	struct html h = { .doc = d, .title = BUF_INIT(65536) };
	htmlParserCtxtPtr parser = htmlCreatePushParserCtxt(&sax, &h, NULL, 0, NULL, XML_CHAR_ENCODING_UTF8);
	size_t at, n;

	if (parser == NULL)
		return doc_fail(d, CODE_PARSER_FAILED, "no memory");
	htmlCtxtUseOptions(parser,
	    HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING | HTML_PARSE_NONET | HTML_PARSE_IGNORE_ENC);
	text_block(&d->text, BLOCK_PARAGRAPH, 0);
	for (at = 0; at < len && !d->text.out.overflow; at += n) {
		n = len - at < PIECE_BYTES ? len - at : PIECE_BYTES;
		htmlParseChunk(parser, bytes + at, (int)n, 0);
	}
	htmlParseChunk(parser, NULL, 0, 1);
	htmlFreeParserCtxt(parser);
	while (d->text.depth > 0)
		text_table_end(&d->text);
	text_block(&d->text, BLOCK_PARAGRAPH, 0);
	if (h.title.len > 0)
		doc_title(d, h.title.data);
	buf_free(&h.title);
	return CODE_OK;
}
