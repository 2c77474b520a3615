/* XLSX (ECMA-376 part 1, 18): a sheet is a page, with its name as the heading; what stands
 * between empty rows is a table.  Hidden sheets are left out. */
#include <ctype.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "parse/office.h"
#include "parse/rels.h"
#include "parse/xml.h"

#define STRINGS_MAX 2000000
#define FORMATS_MAX 100000
#define COLUMNS_MAX 256 /* cells that are left free for empty columns */

enum format { FORMAT_PLAIN, FORMAT_PERCENT, FORMAT_DATE, FORMAT_TIME, FORMAT_DATE_TIME };

struct xlsx {
	struct doc *doc;
	struct zipbox *zip;
	struct buf strings; /* shared ones, one after the other */
	size_t *starts;	    /* n_strings + 1 */
	size_t n_strings;
	unsigned char *formats; /* enum format, by style */
	size_t n_formats;
	bool is_1904; /* days are counted from 1904 */
};

/* ---- shared strings ---- */

static void
begin_string(struct xlsx *s)
{
	if ((s->n_strings & (s->n_strings - 1)) == 0) /* room for n + 1 at each power of two */
		s->starts = xrealloc(s->starts, (s->n_strings == 0 ? 2 : 2 * s->n_strings + 1) * sizeof(size_t));
	s->starts[s->n_strings++] = s->strings.len;
	s->starts[s->n_strings] = s->strings.len;
}

static void
read_strings(struct xlsx *s, const char *part)
{
	enum xml_event e;
	int in_text = 0;
	struct xml x;

	if (part == NULL)
		return;
	if (xml_open(&x, s->zip, part))
		while ((e = xml_next(&x)) > XML_END && s->n_strings < STRINGS_MAX) {
			if (e == XML_OPEN && xml_is(&x, "rPh")) /* how it is spoken */
				xml_skip(&x);
			else if (e == XML_OPEN && xml_is(&x, "si"))
				begin_string(s), in_text = 0;
			else if (e != XML_TEXT && xml_is(&x, "t"))
				in_text = e == XML_OPEN;
			else if (e == XML_TEXT && in_text && s->n_strings > 0) {
				buf_puts(&s->strings, xml_text(&x));
				s->starts[s->n_strings] = s->strings.len;
			}
		}
	xml_close(&x);
}

/* ---- styles: what of the numbers are dates ---- */

/* ECMA-376 part 1, 18.8.30: the formats that need not be declared. */
static enum format
built_in(int id)
{
	if (id == 9 || id == 10)
		return FORMAT_PERCENT;
	if (id == 22)
		return FORMAT_DATE_TIME;
	if ((id >= 14 && id <= 17) || (id >= 27 && id <= 31) || id == 36 || (id >= 50 && id <= 58))
		return FORMAT_DATE;
	if ((id >= 18 && id <= 21) || (id >= 45 && id <= 47) || (id >= 32 && id <= 35))
		return FORMAT_TIME;
	return FORMAT_PLAIN;
}

/* What a format's code makes of a number: what stands in quotes and brackets aside. */
static enum format
judge(const char *code)
{
	bool date = false, time = false, percent = false;

	for (; *code != '\0' && *code != ';'; code++) {
		if (*code == '"' || *code == '[') {
			const char *end = strchr(code + 1, *code == '"' ? '"' : ']');

			if (end == NULL)
				break;
			if (*code == '[' && strchr("hHmMsS", code[1]) != NULL) /* [h]: hours without end */
				time = true;
			code = end;
		} else if ((*code == '\\' || *code == '_' || *code == '*') && code[1] != '\0') {
			code++;
		} else if (strncasecmp(code, "general", 7) == 0) {
			return FORMAT_PLAIN;
		} else {
			date = date || strchr("yYdD", *code) != NULL;
			time = time || strchr("hHsS", *code) != NULL;
			percent = percent || *code == '%';
		}
	}
	return date && time ? FORMAT_DATE_TIME
	    : date	    ? FORMAT_DATE
	    : time	    ? FORMAT_TIME
	    : percent	    ? FORMAT_PERCENT
			    : FORMAT_PLAIN;
}

/* What a declared format of the styles part is, by its id. */
struct declared {
	int id;
	enum format format;
};

static void
add_format(struct xlsx *s, int id, const struct declared *declared, size_t n)
{
	enum format format = built_in(id);

	for (size_t i = 0; i < n; i++)
		if (declared[i].id == id)
			format = declared[i].format;
	if ((s->n_formats & (s->n_formats - 1)) == 0)
		s->formats = xrealloc(s->formats, s->n_formats == 0 ? 1 : 2 * s->n_formats);
	s->formats[s->n_formats++] = (unsigned char)format;
}

static void
read_formats(struct xlsx *s, const char *part)
{
	struct declared declared[1000];
	size_t n = 0;
	enum xml_event e;
	bool in_cells = false;
	struct xml x;

	if (part == NULL)
		return;
	if (xml_open(&x, s->zip, part))
		while ((e = xml_next(&x)) > XML_END && s->n_formats < FORMATS_MAX) {
			if (xml_is(&x, "cellXfs") && e != XML_TEXT)
				in_cells = e == XML_OPEN;
			else if (e == XML_OPEN && xml_is(&x, "numFmt") && n < 1000) {
				declared[n].id = xml_number(&x, "numFmtId", -1);
				declared[n++].format = xml_attr(&x, "formatCode") == NULL ? FORMAT_PLAIN
											  : judge(x.value);
			} else if (e == XML_OPEN && in_cells && xml_is(&x, "xf"))
				add_format(s, xml_number(&x, "numFmtId", 0), declared, n);
		}
	xml_close(&x);
}

/* Days since 1 January 1970 as a date (Howard Hinnant's civil_from_days). */
static void
write_date(char *out, size_t size, int64_t days)
{
	int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097, doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365,
		doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153, month = mp < 10 ? mp + 3 : mp - 9;

	snprintf(out, size, "%04lld-%02lld-%02lld", (long long)(yoe + era * 400 + (month <= 2)), (long long)month,
	    (long long)(doy - (153 * mp + 2) / 5 + 1));
}

/* A cell's number as people see it, or nearly so; `value` when it is none. */
static void
write_number(const struct xlsx *s, char *out, size_t size, const char *value, int style)
{
	enum format format = style >= 0 && (size_t)style < s->n_formats ? (enum format)s->formats[style] : FORMAT_PLAIN;
	char *end, date[64] = "";
	double n = strtod(value, &end), days;
	int64_t seconds;

	if (end == value || *end != '\0' || !isfinite(n)) {
		snprintf(out, size, "%s", value);
		return;
	}
	if (format == FORMAT_PERCENT) {
		snprintf(out, size, "%.15g%%", round(n * 1e10) / 1e8);
		return;
	}
	if (format == FORMAT_PLAIN || n < 0 || n > 2958465) { /* the year 9999 */
		snprintf(out, size, "%.15g", n);
		return;
	}
	/* To a second; 1900 was no leap year but in spreadsheets: serial 60 is its 29 February. */
	days = floor(n + 0.5 / 86400);
	seconds = (int64_t)((n - days) * 86400 + 0.5);
	if (format != FORMAT_TIME)
		write_date(date, sizeof(date), (int64_t)days + (s->is_1904 ? -24107 : days < 60 ? -25568 : -25569));
	else
		seconds += (int64_t)days * 86400;
	if (format == FORMAT_DATE)
		snprintf(out, size, "%s", date);
	else
		snprintf(out, size, "%s%s%02lld:%02lld:%02lld", date, *date != '\0' ? " " : "",
		    (long long)(seconds / 3600), (long long)(seconds / 60 % 60), (long long)(seconds % 60));
}

/* ---- sheets ---- */

struct sheet {
	struct xlsx *book;
	bool in_table;
	long row, last_row; /* from 1; the last one that had a cell */
	long column;	    /* the next one, from 1 */
	char type[12];	    /* of the cell */
	int style;
	long at; /* the cell's column */
	struct buf value;
	bool in_value;
};

/* The column of a reference such as AB12; 0: none. */
static long
column_of(const char *ref)
{
	long column = 0;

	for (; ref != NULL && isupper((unsigned char)*ref) && column < 20000; ref++)
		column = column * 26 + (*ref - 'A' + 1);
	return column;
}

static void
begin_cell(struct sheet *s, struct xml *x)
{
	const char *type = xml_attr(x, "t");

	snprintf(s->type, sizeof(s->type), "%s", type == NULL ? "n" : type);
	s->style = xml_number(x, "s", -1);
	s->at = column_of(xml_attr(x, "r"));
	buf_clear(&s->value);
	s->in_value = false;
}

/* The text of the cell that ends; in s->value. */
static void
read_value(struct sheet *s)
{
	const struct xlsx *b = s->book;
	const char *value = buf_str(&s->value);
	char text[400];
	char *end;
	unsigned long n;

	if (strcmp(s->type, "s") == 0) {
		n = strtoul(value, &end, 10);
		buf_clear(&s->value);
		if (end != value && n < b->n_strings)
			buf_add(&s->value, buf_str(&b->strings) + b->starts[n], b->starts[n + 1] - b->starts[n]);
	} else if (strcmp(s->type, "b") == 0) {
		snprintf(text, sizeof(text), "%s", *value == '1' ? "TRUE" : "FALSE");
		buf_clear(&s->value);
		buf_puts(&s->value, text);
	} else if (strcmp(s->type, "n") == 0 && s->value.len > 0) {
		write_number(b, text, sizeof(text), value, s->style);
		buf_clear(&s->value);
		buf_puts(&s->value, text);
	}
}

static void
end_cell(struct sheet *s)
{
	struct text *t = &s->book->doc->text;
	long at = s->at > 0 ? s->at : s->column;

	read_value(s);
	if (s->value.len == 0 || strspn(buf_str(&s->value), " \t\r\n") == s->value.len) {
		s->column = s->at > 0 ? s->column : s->column + 1;
		return;
	}
	if (s->in_table && s->row > s->last_row + 1) {
		text_table_end(t);
		s->in_table = false;
	}
	if (!s->in_table) {
		text_table(t);
		s->in_table = true;
	}
	if (s->row != s->last_row || !t->in_row) {
		text_row(t);
		s->column = 1;
	}
	s->last_row = s->row;
	for (int i = 0; s->column < at && i < COLUMNS_MAX; i++, s->column++) {
		text_cell(t);
		text_cell_end(t);
	}
	text_cell(t);
	text_add(t, s->value.data, s->value.len);
	text_cell_end(t);
	s->column = at + 1;
}

static void
on_sheet_event(struct sheet *s, struct xml *x, enum xml_event e)
{
	if (e == XML_TEXT) {
		if (s->in_value)
			buf_puts(&s->value, xml_text(x));
	} else if (xml_is(x, "v") || xml_is(x, "t")) {
		s->in_value = e == XML_OPEN;
	} else if (e == XML_OPEN && (xml_is(x, "rPh") || xml_is(x, "f"))) {
		xml_skip(x);
	} else if (xml_is(x, "row")) {
		if (e == XML_OPEN) {
			s->row = xml_number(x, "r", (int)s->row + 1);
			s->column = 1;
		} else {
			text_row_end(&s->book->doc->text);
		}
	} else if (xml_is(x, "c")) {
		if (e == XML_OPEN)
			begin_cell(s, x);
		else
			end_cell(s);
	}
}

static enum code
read_sheet(struct xlsx *b, const char *part, const char *name)
{
	struct sheet s = { .book = b, .value = BUF_INIT(1u << 20) };
	struct text *t = &b->doc->text;
	enum xml_event e = XML_BROKEN;
	struct xml x;

	if (b->doc->pages++ >= b->doc->pages_max)
		return doc_fail(b->doc, CODE_TOO_LARGE, "more than %d sheets", b->doc->pages_max);
	text_page(t);
	text_block(t, BLOCK_HEADING, 1);
	text_add(t, name, strlen(name));
	if (xml_open(&x, b->zip, part))
		while (!t->out.overflow && (e = xml_next(&x)) > XML_END)
			on_sheet_event(&s, &x, e);
	xml_close(&x);
	text_table_end(t);
	text_block(t, BLOCK_PARAGRAPH, 0);
	buf_free(&s.value);
	return e == XML_BROKEN ? doc_fail(b->doc, CODE_DAMAGED, "a sheet is missing or no whole XML") : CODE_OK;
}

/* The sheets in the order of the book. */
static enum code
read_sheets(struct xlsx *b, const struct rels *rels, const char *main_part)
{
	enum xml_event e = XML_BROKEN;
	enum code code = CODE_OK;
	char name[XML_VALUE_MAX_BYTES];
	const char *state;
	struct xml x;

	if (xml_open(&x, b->zip, main_part))
		while (code == CODE_OK && !b->doc->text.out.overflow && (e = xml_next(&x)) > XML_END) {
			if (e == XML_OPEN && xml_is(&x, "workbookPr"))
				b->is_1904 = xml_flag(&x, "date1904");
			if (e != XML_OPEN || !xml_is(&x, "sheet"))
				continue;
			state = xml_attr(&x, "state");
			if (state != NULL && strcmp(state, "visible") != 0)
				continue;
			snprintf(name, sizeof(name), "%s", xml_attr(&x, "name") == NULL ? "" : x.value);
			if (rels_is(rels, xml_rel_id(&x), "/worksheet")) /* no chart, no dialog */
				code = read_sheet(b, rels_by_id(rels, x.value), name);
		}
	xml_close(&x);
	return e == XML_BROKEN && code == CODE_OK ? doc_fail(b->doc, CODE_DAMAGED, "the list of sheets is no whole XML")
						  : code;
}

enum code
read_xlsx(struct doc *d, struct zipbox *z, const char *main_part)
{
	struct xlsx b = { .doc = d, .zip = z, .strings = BUF_INIT(ZIP_TOTAL_MAX_BYTES) };
	enum code code;
	struct rels rels;

	d->kind = "xlsx";
	rels_read(&rels, z, main_part);
	read_strings(&b, rels_by_type(&rels, "/sharedStrings"));
	read_formats(&b, rels_by_type(&rels, "/styles"));
	code = read_sheets(&b, &rels, main_part);
	rels_free(&rels);
	if (code == CODE_OK)
		office_title(d, z);
	buf_free(&b.strings);
	free(b.starts);
	free(b.formats);
	return office_end(z, code);
}
