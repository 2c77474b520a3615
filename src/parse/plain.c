/* What is text already: plain, Markdown, comma-separated values. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "parse/doc.h"

#define WRAP_MAX_COLUMNS 100 /* nobody wraps lines that are longer */
#define CSV_LOOK_LINES 20

/* The line at *at, without what ends it; *at goes to the next one.  False: there is none. */
static bool
next_line(const char **at, const char *end, const char **line, size_t *len)
{
	if (*at >= end)
		return false;
	*line = *at;
	while (*at < end && **at != '\n' && **at != '\r' && **at != '\f')
		(*at)++;
	*len = (size_t)(*at - *line);
	if (*at < end && **at == '\r' && *at + 1 < end && (*at)[1] == '\n')
		(*at)++;
	if (*at < end && **at != '\f') /* a page's end is for the caller */
		(*at)++;
	return true;
}

/* ---- plain text ---- */

enum code
read_txt(struct doc *d, const char *bytes, size_t len)
{
	const char *at = bytes, *end = bytes + len, *line;
	unsigned widest = 0, width, before = 0;
	size_t n;

	d->kind = "txt";
	while (next_line(&at, end, &line, &n)) {
		width = text_width(line, n);
		if (width > widest)
			widest = width < WRAP_MAX_COLUMNS ? width : WRAP_MAX_COLUMNS;
		at += at < end && *at == '\f';
	}
	if (memchr(bytes, '\f', len) != NULL) {
		d->pages = 1;
		text_page(&d->text);
	}
	for (at = bytes; !d->text.out.overflow && next_line(&at, end, &line, &n);) {
		/* a line that is as long as others was broken where it ends, not ended there */
		text_line(&d->text, line, n, before <= WRAP_MAX_COLUMNS && before * 10 >= widest * 7);
		before = text_width(line, n);
		if (at < end && *at == '\f') {
			at++;
			if (at < end) {
				text_page(&d->text);
				d->pages++;
			}
		}
	}
	if (d->pages > d->pages_max)
		return doc_fail(d, CODE_TOO_LARGE, "%d pages", d->pages);
	return CODE_OK;
}

/* ---- Markdown ---- */

/* How many of `c` a line begins with, after up to three spaces. */
static size_t
run_of(const char *line, size_t len, char c, size_t *indent)
{
	size_t n = 0;

	for (*indent = 0; *indent < 3 && *indent < len && line[*indent] == ' ';)
		++*indent;
	while (*indent + n < len && line[*indent + n] == c)
		n++;
	return n;
}

/* ``` or ~~~, by which code begins and ends; '\0': no such line. */
static char
fence(const char *line, size_t len)
{
	size_t indent;

	return run_of(line, len, '`', &indent) >= 3 ? '`' : run_of(line, len, '~', &indent) >= 3 ? '~' : '\0';
}

/* === or --- below a line makes it a heading: 1, 2, or 0. */
static int
underline(const char *line, size_t len)
{
	size_t indent, n;
	char c = '=';

	if (run_of(line, len, c, &indent) == 0)
		c = '-';
	n = run_of(line, len, c, &indent);
	if (n < 2)
		return 0;
	for (size_t i = indent + n; i < len; i++)
		if (!isspace((unsigned char)line[i]))
			return 0;
	return c == '=' ? 1 : 2;
}

/* Does a line stand for itself: heading, item, quotation, table, rule, indented? */
static bool
is_own(const char *line, size_t len)
{
	return len == 0 || strchr("#-*+>|=0123456789 \t`~<", *line) != NULL;
}

static void
heading(struct doc *d, int level, const char *line, size_t len)
{
	struct buf b = BUF_INIT(0);

	buf_puts(&b, level == 1 ? "# " : "## ");
	buf_add(&b, line, len);
	text_line(&d->text, b.data, b.len, false);
	buf_free(&b);
}

/* The text of "# text #"; NULL: no heading. */
static const char *
heading_text(const char *line, size_t len, size_t *n)
{
	size_t indent, level = run_of(line, len, '#', &indent), at = indent + level;

	if (level == 0 || level > 6 || (at < len && line[at] != ' '))
		return NULL;
	while (at < len && line[at] == ' ')
		at++;
	while (len > at && strchr(" #", line[len - 1]) != NULL)
		len--;
	*n = len - at;
	return line + at;
}

static void
title_of(struct doc *d, const char *text, size_t len)
{
	char title[500];

	if (d->title != NULL || len == 0 || len >= sizeof(title))
		return;
	memcpy(title, text, len);
	title[len] = '\0';
	doc_title(d, title);
}

/* A line outside of code. */
static void
markdown_line(struct doc *d, const char *line, size_t len, bool join)
{
	const char *text;
	size_t indent, n;
	struct buf b = BUF_INIT(0);

	if ((text = heading_text(line, len, &n)) != NULL)
		title_of(d, text, n);
	for (indent = 0; indent < len && line[indent] == ' ';)
		indent++;
	if (indent + 1 < len && (line[indent] == '*' || line[indent] == '+') && line[indent + 1] == ' ') {
		buf_add(&b, line, indent);
		buf_puts(&b, "- ");
		buf_add(&b, line + indent + 2, len - indent - 2);
		text_line(&d->text, b.data, b.len, false);
		buf_free(&b);
		return;
	}
	text_line(&d->text, line, len, join);
}

enum code
read_markdown(struct doc *d, const char *bytes, size_t len)
{
	const char *at = bytes, *end = bytes + len, *line, *next, *ahead;
	char in_code = '\0', mark;
	bool join = false;
	size_t n, next_len;
	int level;

	d->kind = "md";
	while (!d->text.out.overflow && next_line(&at, end, &line, &n)) {
		at += at < end && *at == '\f';
		mark = fence(line, n);
		if (mark != '\0' && (in_code == '\0' || in_code == mark)) {
			in_code = in_code == '\0' ? mark : '\0';
			text_line(&d->text, "```", 3, false);
			join = false;
			continue;
		}
		if (in_code != '\0') {
			d->text.was_blank = false; /* empty lines of code stay */
			text_line(&d->text, line, n, false);
			continue;
		}
		ahead = at;
		level = !is_own(line, n) && next_line(&ahead, end, &next, &next_len) ? underline(next, next_len) : 0;
		if (level > 0) {
			heading(d, level, line, n);
			title_of(d, line, n);
			at = ahead;
			join = false;
			continue;
		}
		markdown_line(d, line, n, join && !is_own(line, n));
		join = n > 0 && !is_own(line, n) && line[n - 1] != ' ' && line[n - 1] != '\\'; /* a hard break */
	}
	if (in_code != '\0')
		text_line(&d->text, "```", 3, false);
	return CODE_OK;
}

/* ---- comma-separated values (RFC 4180) ---- */

/* What stands between values: the character that the first lines have most evenly. */
static char
separator(const char *bytes, size_t len)
{
	static const char candidates[] = { ',', '\t', ';', '|' };
	char best = ',';
	size_t best_score = 0;

	for (size_t i = 0; i < sizeof(candidates); i++) {
		const char *at = bytes, *line;
		size_t n, first = 0, same = 0, count;
		bool quoted = false;

		for (int row = 0; row < CSV_LOOK_LINES && next_line(&at, bytes + len, &line, &n); row++) {
			count = 0;
			for (size_t k = 0; k < n; k++) {
				quoted = line[k] == '"' ? !quoted : quoted;
				count += line[k] == candidates[i] && !quoted;
			}
			first = row == 0 ? count : first;
			same += count == first && count > 0;
			at += at < bytes + len && *at == '\f';
		}
		if (same * 1000 + first > best_score && same > 0) {
			best_score = same * 1000 + first;
			best = candidates[i];
		}
	}
	return best;
}

/* One value from *at; returns what ended it: the separator, '\n', or '\0' at the end. */
static char
read_value(struct text *t, const char **at, const char *end, char between)
{
	bool quoted = *at < end && **at == '"';
	const char *from;
	char last = '\0';

	*at += quoted;
	from = *at;
	while (*at < end && (quoted || (**at != between && **at != '\n' && **at != '\r'))) {
		if (quoted && **at == '"') {
			text_add(t, from, (size_t)(*at - from));
			from = ++*at;
			if (*at >= end || **at != '"') { /* not a quote within */
				quoted = false;
				continue;
			}
		}
		++*at;
	}
	text_add(t, from, (size_t)(*at - from));
	if (*at < end) {
		last = **at == '\r' ? '\n' : **at;
		*at += **at == '\r' && *at + 1 < end && (*at)[1] == '\n' ? 2 : 1;
	}
	return last;
}

enum code
read_csv(struct doc *d, const char *bytes, size_t len)
{
	const char *at = bytes, *end = bytes + len;
	char between = separator(bytes, len), ended;

	d->kind = "csv";
	text_table(&d->text);
	while (at < end && !d->text.out.overflow) {
		text_row(&d->text);
		do {
			text_cell(&d->text);
			ended = read_value(&d->text, &at, end, between);
			text_cell_end(&d->text);
		} while (ended == between && !d->text.out.overflow && !d->text.line.overflow);
		text_row_end(&d->text);
	}
	text_table_end(&d->text);
	return CODE_OK;
}
