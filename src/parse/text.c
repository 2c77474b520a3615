#include "parse/text.h"

#include <stdlib.h>
#include <string.h>
#include <uninorm.h>
#include <unistr.h>

#include "base/memory.h"
#include "base/utf8.h"

#define BLOCK_MAX_BYTES (64u << 20)
#define TAB "    "

/* ---- characters ---- */

/* The character at s[0..len), U+FFFD where there is none; returns the bytes it takes. */
static size_t
character(ucs4_t *c, const char *s, size_t len)
{
	if ((unsigned char)*s < 0x80) {
		*c = (unsigned char)*s;
		return 1;
	}
	return (size_t)u8_mbtouc(c, (const uint8_t *)s, len);
}

/* Does it begin a line anew?  NEL, LINE and PARAGRAPH SEPARATOR are none of Unicode's white space that is kept. */
static bool
is_newline(ucs4_t c)
{
	return c == '\n' || c == '\r' || c == 0x85 || c == 0x2028 || c == 0x2029 || c == '\v' || c == '\f';
}

static bool
is_space(ucs4_t c)
{
	return c == ' ' || c == '\t' || c == 0xA0 || c == 0x3000 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) ||
	    c == 0x202F || c == 0x205F || is_newline(c);
}

/* Controls, marks that are not seen, overrides of the direction, tags, and what is no character. */
static bool
is_unwanted(ucs4_t c)
{
	return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0xAD || c == 0x200B || c == 0x2060 || c == 0xFEFF ||
	    (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || (c >= 0xFDD0 && c <= 0xFDEF) ||
	    (c & 0xFFFE) == 0xFFFE || (c >= 0xE0000 && c <= 0xE007F);
}

static bool
is_han(ucs4_t c)
{
	return (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0xF900 && c <= 0xFAFF) ||
	    (c >= 0x20000 && c <= 0x3FFFF) || (c >= 0x3041 && c <= 0x30FF) || c == 0x3005 || c == 0x3007;
}

/* Full-width punctuation after which a line goes on: a comma, what opens. */
static bool
goes_on(ucs4_t c)
{
	return c == 0xFF0C || c == 0x3001 || c == 0xFF1B || c == 0x300A || c == 0x300C || c == 0x300E || c == 0x3010 ||
	    c == 0xFF08 || c == 0x201C;
}

/* The last character of `b`, 0 when it is empty. */
static ucs4_t
last(const struct buf *b)
{
	size_t at = b->len;
	ucs4_t c = 0;

	if (at == 0)
		return 0;
	while (--at > 0 && ((unsigned char)b->data[at] & 0xC0) == 0x80)
		;
	character(&c, b->data + at, b->len - at);
	return c;
}

static void
put(struct buf *b, ucs4_t c)
{
	uint8_t bytes[6];
	int n = u8_uctomb(bytes, c, sizeof(bytes));

	if (n > 0)
		buf_add(b, bytes, (size_t)n);
}

unsigned
text_width(const char *s, size_t len)
{
	unsigned columns = 0;
	ucs4_t c;

	for (size_t i = 0; i < len;) {
		i += character(&c, s + i, len - i);
		columns += is_han(c) || (c >= 0x3000 && c <= 0x303F) || (c >= 0xFF01 && c <= 0xFF60) ||
			(c >= 0xAC00 && c <= 0xD7A3)
		    ? 2
		    : 1;
	}
	return columns;
}

/* ---- blocks ---- */

void
text_init(struct text *t, size_t max_bytes)
{
	*t = (struct text){ .out = BUF_INIT(max_bytes),
		.block = BUF_INIT(BLOCK_MAX_BYTES),
		.line = BUF_INIT(BLOCK_MAX_BYTES),
		.was_blank = true };
}

void
text_free(struct text *t)
{
	buf_free(&t->out);
	buf_free(&t->block);
	buf_free(&t->line);
}

/* What stands between the last block or line and what comes now. */
static void
separate(struct text *t, const char *between)
{
	while (t->out.len > 0 && t->out.data[t->out.len - 1] == '\n')
		t->out.data[--t->out.len] = '\0';
	if (t->out.len > 0 && t->out.data[t->out.len - 1] != '\f')
		buf_puts(&t->out, between);
}

static void
trim(struct buf *b)
{
	while (b->len > 0 && (b->data[b->len - 1] == ' ' || b->data[b->len - 1] == '\n'))
		b->data[--b->len] = '\0';
}

/* The lines of a block of code; a fence within it is moved in by a space. */
static void
write_code(struct text *t)
{
	const char *at = buf_str(&t->block), *end = at + t->block.len, *newline;

	buf_puts(&t->out, "```\n");
	for (; at < end; at = newline + 1) {
		newline = memchr(at, '\n', (size_t)(end - at));
		if (newline == NULL)
			newline = end;
		if (strncmp(at, "```", 3) == 0)
			buf_puts(&t->out, " ");
		buf_add(&t->out, at, (size_t)(newline - at));
		buf_puts(&t->out, "\n");
	}
	buf_puts(&t->out, "```");
}

/* What is collected becomes part of the text. */
static void
end_block(struct text *t)
{
	static const char marks[] = "###### ";

	trim(&t->block);
	t->out.overflow = t->out.overflow || t->block.overflow;
	if (t->block.len > 0) {
		separate(t, t->kind == BLOCK_ITEM && t->last == BLOCK_ITEM ? "\n" : "\n\n");
		if (t->kind == BLOCK_CODE) {
			write_code(t);
		} else {
			if (t->kind == BLOCK_HEADING)
				buf_puts(&t->out, marks + 6 - t->level);
			else if (t->kind == BLOCK_ITEM)
				buf_puts(&t->out, "- ");
			buf_add(&t->out, t->block.data, t->block.len);
		}
		t->last = t->kind;
		t->was_blank = false;
	}
	buf_clear(&t->block);
	t->has_space = t->has_newline = false;
	t->kind = BLOCK_PARAGRAPH;
}

void
text_kind(struct text *t, enum block kind, int level)
{
	if (t->depth > 0)
		return;
	t->kind = kind;
	t->level = level < 1 ? 1 : level > 6 ? 6 : level;
}

void
text_block(struct text *t, enum block kind, int level)
{
	if (t->depth > 0) { /* in a table: a space */
		t->has_space = true;
		return;
	}
	end_block(t);
	text_kind(t, kind, level);
}

/* Code keeps its white space. */
static void
add_code(struct text *t, const char *s, size_t len)
{
	ucs4_t c;

	for (size_t i = 0; i < len;) {
		i += character(&c, s + i, len - i);
		if (c == '\r' && i < len && s[i] == '\n')
			continue;
		if (is_newline(c)) {
			while (t->block.len > 0 && t->block.data[t->block.len - 1] == ' ')
				t->block.data[--t->block.len] = '\0';
			if (t->block.len > 0)
				buf_puts(&t->block, "\n");
		} else if (c == '\t') {
			buf_puts(&t->block, TAB);
		} else if (!is_unwanted(c)) {
			put(&t->block, c == 0xA0 ? ' ' : c);
		}
	}
}

void
text_add(struct text *t, const char *s, size_t len)
{
	ucs4_t c, before;

	if (t->depth > 0 && !t->in_cell)
		return;
	if (t->kind == BLOCK_CODE && t->depth == 0) {
		add_code(t, s, len);
		return;
	}
	for (size_t i = 0; i < len;) {
		i += character(&c, s + i, len - i);
		if (is_space(c)) {
			t->has_space = true;
			t->has_newline = t->has_newline || is_newline(c);
			continue;
		}
		if (is_unwanted(c))
			continue;
		before = last(&t->block);
		if (t->has_space && before != 0 && before != '\n' &&
		    !(t->has_newline && (is_han(before) || goes_on(before)) && is_han(c)))
			buf_puts(&t->block, " ");
		t->has_space = t->has_newline = false;
		if (c == '|' && t->depth > 0)
			buf_puts(&t->block, "\\");
		put(&t->block, c);
	}
}

void
text_break(struct text *t)
{
	if (t->depth > 0 || t->kind == BLOCK_HEADING) {
		t->has_space = true;
		return;
	}
	if (t->kind != BLOCK_CODE)
		trim(&t->block);
	if (t->block.len > 0)
		buf_puts(&t->block, "\n");
	t->has_space = t->has_newline = false;
}

/* ---- tables ---- */

void
text_table(struct text *t)
{
	if (t->depth++ > 0)
		return;
	t->depth = 0;
	end_block(t);
	t->depth = 1;
	t->rows = t->cells = 0;
	t->in_row = t->in_cell = false;
}

void
text_row(struct text *t)
{
	if (t->depth != 1)
		return;
	text_row_end(t);
	t->in_row = true;
	t->cells = 0;
	buf_clear(&t->line);
}

void
text_cell(struct text *t)
{
	if (t->depth != 1) {
		t->has_space = true;
		return;
	}
	if (!t->in_row)
		text_row(t);
	text_cell_end(t);
	t->in_cell = true;
	t->has_space = t->has_newline = false;
	buf_clear(&t->block);
}

void
text_cell_end(struct text *t)
{
	if (t->depth != 1) {
		t->has_space = true;
		return;
	}
	if (!t->in_cell)
		return;
	trim(&t->block);
	buf_puts(&t->line, t->cells++ == 0 ? "| " : " | ");
	if (t->block.len > 0)
		buf_add(&t->line, t->block.data, t->block.len);
	buf_clear(&t->block);
	t->in_cell = false;
}

void
text_row_end(struct text *t)
{
	if (t->depth != 1) {
		t->has_space = true;
		return;
	}
	text_cell_end(t);
	if (!t->in_row)
		return;
	t->in_row = false;
	t->out.overflow = t->out.overflow || t->line.overflow || t->block.overflow;
	if (t->cells == 0 || strspn(buf_str(&t->line), " |") == t->line.len) /* nothing in it */
		return;
	separate(t, t->rows == 0 ? "\n\n" : "\n");
	buf_add(&t->out, t->line.data, t->line.len);
	buf_puts(&t->out, " |");
	if (t->rows++ == 0)
		for (unsigned i = 0; i < t->cells; i++)
			buf_puts(&t->out, i == 0 ? "\n| --- |" : " --- |");
	t->last = BLOCK_PARAGRAPH;
	t->was_blank = false;
}

void
text_table_end(struct text *t)
{
	if (t->depth == 0)
		return;
	if (t->depth == 1)
		text_row_end(t);
	t->depth--;
	if (t->depth == 0) {
		buf_clear(&t->block);
		t->has_space = t->has_newline = false;
		t->kind = BLOCK_PARAGRAPH;
	}
}

/* ---- pages and lines ---- */

void
text_page(struct text *t)
{
	while (t->depth > 0)
		text_table_end(t);
	end_block(t);
	t->was_blank = true;
	if (t->pages++ == 0)
		return;
	while (t->out.len > 0 && t->out.data[t->out.len - 1] == '\n')
		t->out.data[--t->out.len] = '\0';
	buf_puts(&t->out, t->out.len > 0 && t->out.data[t->out.len - 1] != '\f' ? "\n\f" : "\f");
}

/* The line's characters that are kept, into t->line. */
static void
clean_line(struct text *t, const char *s, size_t len)
{
	ucs4_t c;

	buf_clear(&t->line);
	for (size_t i = 0; i < len;) {
		i += character(&c, s + i, len - i);
		if (c == '\t')
			buf_puts(&t->line, TAB);
		else if (is_space(c))
			buf_puts(&t->line, " ");
		else if (!is_unwanted(c))
			put(&t->line, c);
	}
	trim(&t->line);
}

void
text_line(struct text *t, const char *s, size_t len, bool join)
{
	bool after_block;
	size_t indent;
	ucs4_t before, first = 0;

	clean_line(t, s, len);
	t->out.overflow = t->out.overflow || t->line.overflow;
	after_block = t->out.len > 0 && t->out.data[t->out.len - 1] != '\n' && t->out.data[t->out.len - 1] != '\f';
	if (t->line.len == 0) {
		if (!t->was_blank && !after_block)
			buf_puts(&t->out, "\n");
		t->was_blank = t->was_blank || !after_block;
		return;
	}
	if (after_block)
		buf_puts(&t->out, "\n\n");
	indent = strspn(t->line.data, " ");
	character(&first, t->line.data + indent, t->line.len - indent);
	if (t->out.len > 0 && t->out.data[t->out.len - 1] == '\n' && !t->was_blank && !after_block && join) {
		t->out.data[--t->out.len] = '\0';
		before = last(&t->out);
		if (!(is_han(before) || goes_on(before)) || !is_han(first))
			buf_puts(&t->out, "\n");
		else
			buf_consume(&t->line, indent);
	}
	buf_add(&t->out, t->line.data, t->line.len);
	buf_puts(&t->out, "\n");
	t->last = BLOCK_PARAGRAPH;
	t->was_blank = false;
}

/* ---- the end ---- */

bool
text_is_blank(const struct text *t)
{
	for (size_t i = 0; i < t->out.len; i++)
		if (t->out.data[i] != '\n' && t->out.data[i] != '\f' && t->out.data[i] != ' ')
			return false;
	return strspn(buf_str(&t->block), " \n") == t->block.len;
}

char *
text_take(struct text *t, size_t *len)
{
	size_t made_len = 0;
	char *made;

	while (t->depth > 0)
		text_table_end(t);
	end_block(t);
	separate(t, "\n");
	if (t->out.overflow)
		return NULL;
	made = (char *)u8_normalize(UNINORM_NFC, (const uint8_t *)buf_str(&t->out), t->out.len, NULL, &made_len);
	if (made == NULL && t->out.len > 0)
		abort(); /* well-formed text fails for want of memory only */
	made = xrealloc(made, made_len + 1);
	made[made_len] = '\0';
	*len = made_len;
	return made;
}

char *
text_plain(const char *s, size_t max_bytes)
{
	struct text t;
	char *made = NULL;
	size_t len;

	if (s == NULL)
		return NULL;
	text_init(&t, 0);
	text_add(&t, s, strnlen(s, 4 * max_bytes));
	len = t.block.len;
	if (len > max_bytes)
		for (len = max_bytes; len > 0 && ((unsigned char)t.block.data[len] & 0xC0) == 0x80;)
			len--;
	if (len > 0) {
		made = xmalloc(len + 1);
		memcpy(made, t.block.data, len);
		made[len] = '\0';
	}
	text_free(&t);
	return made;
}
