#include "parse/doc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/memory.h"
#include "parse/charset.h"
#include "parse/frame.h"
#include "parse/rels.h"
#include "parse/xml.h"
#include "parse/zipbox.h"

#define HEAD_BYTES 4096
#define PDF_WITHIN_BYTES 1024 /* ISO 32000-1, annex H: where readers look for %PDF- */

enum code
doc_fail(struct doc *d, enum code code, const char *fmt, ...)
{
	va_list ap;

	if (d->detail[0] != '\0') /* the first is the cause */
		return code;
	va_start(ap, fmt);
	vsnprintf(d->detail, sizeof(d->detail), fmt, ap);
	va_end(ap);
	return code;
}

const char *
doc_code_name(enum code code)
{
	static const char *const names[] = {
		NULL,
#define CODE(NAME, code, en, zh) code,
#include "parse/codes.def"
#undef CODE
	};

	return names[code];
}

void
doc_title(struct doc *d, const char *title)
{
	if (d->title == NULL)
		d->title = text_plain(title, FRAME_VALUE_MAX_BYTES / 2);
}

void
doc_free(struct doc *d)
{
	text_free(&d->text);
	free(d->title);
	d->title = NULL;
}

/* ---- archives ---- */

/* An Office document is what the root of its main part says. */
static enum code
read_office(struct doc *d, struct zipbox *z, const char *main_part)
{
	static const struct {
		const char *root;
		enum code (*read)(struct doc *d, struct zipbox *z, const char *main_part);
	} kinds[] = { { "document", read_docx }, { "presentation", read_pptx }, { "workbook", read_xlsx } };
	char root[40] = "";
	enum xml_event e;
	struct xml x;

	if (xml_open(&x, z, main_part)) {
		while ((e = xml_next(&x)) > XML_END && e != XML_OPEN)
			;
		if (e == XML_OPEN)
			snprintf(root, sizeof(root), "%s", xml_name(&x));
	}
	xml_close(&x);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strcmp(root, kinds[i].root) == 0)
			return kinds[i].read(d, z, main_part);
	if (zipbox_code(z) != CODE_OK)
		return zipbox_code(z);
	return root[0] != '\0' ? doc_fail(d, CODE_UNSUPPORTED_TYPE, "the main part is <%s>", root)
			       : doc_fail(d, CODE_DAMAGED, "the main part is missing or no XML");
}

/* OpenDocument and EPUB say what they are in an entry of that name. */
static enum code
read_by_mimetype(struct doc *d, struct zipbox *z, const char *type)
{
	if (strncmp(type, "application/epub+zip", 20) == 0)
		return read_epub(d, z);
	if (strncmp(type, "application/vnd.oasis.opendocument.text", 39) == 0)
		return read_odt(d, z);
	return doc_fail(d, CODE_UNSUPPORTED_TYPE, "an archive of type %.80s", type);
}

/* The main part of an Office document; NULL: it is none. */
static const char *
main_part_of(struct zipbox *z, const struct rels *rels)
{
	/* where it stands when nobody says */
	static const char *const usual[] = { "word/document.xml", "ppt/presentation.xml", "xl/workbook.xml" };
	const char *part = rels_by_type(rels, "/officeDocument");

	for (size_t i = 0; part == NULL && i < sizeof(usual) / sizeof(*usual); i++)
		if (zipbox_has(z, usual[i]))
			part = usual[i];
	return part;
}

static enum code
read_archive(struct doc *d)
{
	struct zipbox *z;
	enum code code;
	struct rels rels;
	const char *main_part;
	char *type = NULL;
	size_t len;

	z = zipbox_open(d, &code);
	if (z == NULL)
		return code;
	rels_read(&rels, z, "");
	main_part = main_part_of(z, &rels);
	if (main_part != NULL)
		code = read_office(d, z, main_part);
	else if ((type = zipbox_read(z, "mimetype", &len)) != NULL)
		code = read_by_mimetype(d, z, type);
	else if (zipbox_code(z) != CODE_OK)
		code = zipbox_code(z);
	else if (zipbox_has(z, "META-INF/container.xml"))
		code = read_epub(d, z);
	else
		code = doc_fail(d, CODE_UNSUPPORTED_TYPE, "an archive of no known kind");
	free(type);
	rels_free(&rels);
	zipbox_free(z);
	return code;
}

/* ---- text ---- */

/* All of the file; NULL: it cannot be read. */
static char *
read_whole(struct doc *d, size_t *len)
{
	char *bytes = xmalloc(d->size_bytes + 1);
	ssize_t n;

	for (*len = 0; *len < d->size_bytes; *len += (size_t)n) {
		n = pread(d->fd, bytes + *len, d->size_bytes - *len, (off_t)*len);
		if (n <= 0)
			break;
	}
	bytes[*len] = '\0';
	return bytes;
}

/* Does it look like HTML, whatever its name? */
static bool
is_html(const char *s, size_t len)
{
	static const char *const begins[] = { "<!doctype html", "<html", "<head", "<body" };
	const char *end = s + (len < HEAD_BYTES ? len : HEAD_BYTES), *at = s;

	while (at < end && (unsigned char)*at <= ' ')
		at++;
	if (end - at > 5 && memcmp(at, "<?xml", 5) == 0) { /* XHTML */
		at = memchr(at, '>', (size_t)(end - at));
		at = at == NULL ? end : at + 1;
		while (at < end && (unsigned char)*at <= ' ')
			at++;
	}
	while (end - at > 4 && memcmp(at, "<!--", 4) == 0) {
		at = memmem(at, (size_t)(end - at), "-->", 3);
		if (at == NULL)
			return false;
		for (at += 3; at < end && (unsigned char)*at <= ' ';)
			at++;
	}
	for (size_t i = 0; i < sizeof(begins) / sizeof(*begins); i++)
		if ((size_t)(end - at) >= strlen(begins[i]) && strncasecmp(at, begins[i], strlen(begins[i])) == 0)
			return true;
	return false;
}

static bool
hint_is(const struct doc *d, const char *names)
{
	size_t len = strlen(d->hint);

	for (const char *at = names; len > 0 && (at = strstr(at, d->hint)) != NULL; at += len)
		if ((at == names || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0'))
			return true;
	return false;
}

/* It is nothing else: text in some charset, or nothing that can be read. */
static enum code
read_text(struct doc *d)
{
	size_t len, utf8_len;
	char *bytes = read_whole(d, &len), *utf8;
	bool html = is_html(bytes, len) || hint_is(d, "html htm xhtml");
	enum code code;

	utf8 = charset_decode(bytes, len, html ? CHARSET_HTML : CHARSET_TEXT, d->is_zh, &utf8_len);
	free(bytes);
	if (utf8 == NULL)
		return doc_fail(d, CODE_UNSUPPORTED_TYPE, "it is no text, and nothing that is known");
	if (html || is_html(utf8, utf8_len)) {
		d->kind = "html";
		code = read_html(d, utf8, utf8_len);
	} else if (hint_is(d, "md markdown mdown mkd")) {
		code = read_markdown(d, utf8, utf8_len);
	} else if (hint_is(d, "csv tsv")) {
		code = read_csv(d, utf8, utf8_len);
	} else {
		code = read_txt(d, utf8, utf8_len);
	}
	free(utf8);
	return code;
}

/* ---- what it is ---- */

/* Files that look like text, or have a name like one, and are none. */
static enum code
refuse(struct doc *d, const char *head, size_t len)
{
	static const struct {
		const char *begin;
		size_t len;
		enum code code;
		const char *what;
	} known[] = {
		{ "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", 8, CODE_ENCRYPTED_OR_LEGACY, "an OLE file" },
		{ "{\\rtf", 5, CODE_UNSUPPORTED_TYPE, "RTF" },
		{ "%!PS", 4, CODE_UNSUPPORTED_TYPE, "PostScript" },
		{ "Rar!", 4, CODE_UNSUPPORTED_TYPE, "RAR" },
		{ "7z\xBC\xAF\x27\x1C", 6, CODE_UNSUPPORTED_TYPE, "7z" },
		{ "\x1F\x8B", 2, CODE_UNSUPPORTED_TYPE, "gzip" },
		{ "\xFF\xD8\xFF", 3, CODE_UNSUPPORTED_TYPE, "JPEG" },
		{ "\x89PNG", 4, CODE_UNSUPPORTED_TYPE, "PNG" },
		{ "GIF8", 4, CODE_UNSUPPORTED_TYPE, "GIF" },
		{ "\x7F"
		  "ELF",
		    4, CODE_UNSUPPORTED_TYPE, "a program" },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (len >= known[i].len && memcmp(head, known[i].begin, known[i].len) == 0)
			return doc_fail(d, known[i].code, "%s", known[i].what);
	return CODE_OK;
}

enum code
doc_read(struct doc *d)
{
	char head[HEAD_BYTES];
	ssize_t n = pread(d->fd, head, sizeof(head), 0);
	size_t len = n < 0 ? 0 : (size_t)n;
	enum code code;

	if (n < 0)
		return doc_fail(d, CODE_PARSER_FAILED, "the file cannot be read");
	if ((code = refuse(d, head, len)) != CODE_OK)
		return code;
	if (memmem(head, len < PDF_WITHIN_BYTES ? len : PDF_WITHIN_BYTES, "%PDF-", 5) != NULL)
		return read_pdf(d);
	if (len >= 4 && (memcmp(head, "PK\3\4", 4) == 0 || memcmp(head, "PK\5\6", 4) == 0))
		code = read_archive(d);
	else if (d->size_bytes > INPUT_MAX_BYTES)
		code = doc_fail(d, CODE_TOO_LARGE, "%zu bytes", d->size_bytes);
	else
		code = read_text(d);
	if (code == CODE_OK && !d->text.out.overflow && text_is_blank(&d->text))
		code = doc_fail(d, CODE_EMPTY, "there is no text in it");
	return code;
}
