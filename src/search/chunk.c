#include "search/chunk.h"

#include <stdlib.h>
#include <string.h>
#include <unictype.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "search/script.h"

enum {
	TOKENS = 250,
	OVERLAP_PERCENT = 15,
	TOKENS_LEAST = 20,
	TOKENS_MOST = 4000,
	LEVELS = 6,
	NAME_CHARS = 80, /* of each heading in a path */
};

/* ---- tokens, in hundredths --------------------------------------------------- */

enum {
	COST_WORD = 110,
	COST_LETTER = 15, /* each beyond LETTERS */
	LETTERS = 6,
	COST_DIGIT = 90,
	COST_MARK = 70,
	COST_OTHER = 30,
};

/* Letters that stand in words with spaces between them. */
static bool
is_letter(uint32_t c)
{
	if (c < 0x80)
		return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
	return c < 0x0e00 && uc_is_general_category_withtable(c, UC_CATEGORY_MASK_L | UC_CATEGORY_MASK_M);
}

/* What a character adds behind `*letters` letters of a word. */
static int64_t
cost_of(uint32_t c, int64_t *letters)
{
	int64_t before = *letters;

	*letters = 0;
	if (script_is_blank(c))
		return 0;
	if (script_is_cjk(c) || script_is_wide_mark(c))
		return 100;
	if (is_letter(c)) {
		*letters = before + 1;
		return before == 0 ? COST_WORD : before >= LETTERS ? COST_LETTER : 0;
	}
	if (c >= '0' && c <= '9')
		return COST_DIGIT;
	return c < 0x80 ? COST_MARK : COST_OTHER;
}

static int64_t
cost_text(const char *text, size_t len)
{
	int64_t sum = 0, letters = 0;

	for (size_t at = 0; at < len;)
		sum += cost_of(script_next(text, len, &at), &letters);
	return sum;
}

int
chunk_tokens(const char *text, size_t len)
{
	return (int)((cost_text(text, len) + 99) / 100);
}

/* ---- atoms: what is not cut unless it must be -------------------------------- */

enum kind {
	KIND_PROSE, /* a sentence */
	KIND_ITEM,  /* of a list */
	KIND_ROW,   /* of a table */
	KIND_CODE,  /* a line */
};

struct atom {
	size_t from, to; /* bytes */
	int64_t cost;
	enum kind kind;
	int block;  /* atoms of one block belong together */
	int header; /* of its table, an index into cutting.headers; -1: none */
};

struct header {
	size_t from, to;
	int64_t cost;
};

struct cutting {
	struct arena *arena;
	const char *text;
	size_t len;
	int64_t goal, cap, overlap; /* hundredths of a token */
	struct atom *atoms;	    /* of the section */
	size_t atom_count, atom_room;
	struct header *headers;
	size_t header_count, header_room;
	struct chunk *chunks;
	size_t chunk_count, chunk_room;
	int block;
	const char *title;
	const char *names[LEVELS]; /* the headings above the section; NULL: none at that level */
	struct atom heading;	   /* its line, in case that nothing is below it */
	bool has_heading;
	/* Where counting of code points and pages has come to. */
	size_t at;
	int64_t chars;
	int page;
};

/* Room for one more in an array of the arena. */
static void *
grown(struct arena *a, void *items, size_t count, size_t *room, size_t size)
{
	char *more;

	if (count < *room)
		return items;
	*room = *room * 2 + 32;
	more = arena_alloc(a, *room * size);
	if (count > 0)
		memcpy(more, items, count * size);
	return more;
}

static void
add_atom(struct cutting *c, struct atom atom)
{
	c->atoms = grown(c->arena, c->atoms, c->atom_count, &c->atom_room, sizeof *c->atoms);
	c->atoms[c->atom_count++] = atom;
}

static size_t
skip_blank(const char *text, size_t from, size_t to)
{
	size_t at = from, next = from;

	while (at < to && script_is_blank(script_next(text, to, &next)))
		at = next;
	return at;
}

static size_t
trim_blank(const char *text, size_t from, size_t to)
{
	while (to > from) {
		size_t at = to - 1, next;

		while (at > from && ((unsigned char)text[at] & 0xc0) == 0x80)
			at--;
		next = at;
		if (!script_is_blank(script_next(text, to, &next)))
			break;
		to = at;
	}
	return to;
}

/* [from, to) as atoms of at most `cap`: cut where words end, else anywhere. */
static void
add_cut(struct cutting *c, size_t from, size_t to, enum kind kind, int header, int64_t cap)
{
	while ((from = skip_blank(c->text, from, to)) < to) {
		size_t at = from, next = from, best = from;
		int64_t cost = 0, letters = 0;

		for (; at < to; at = next) {
			uint32_t ch = script_next(c->text, to, &next);
			int64_t more = cost_of(ch, &letters);

			if (cost + more > cap && at > from)
				break;
			cost += more;
			if (script_is_blank(ch) || script_is_wide_mark(ch))
				best = next;
		}
		if (at < to && best > from)
			at = best;
		next = trim_blank(c->text, from, at);
		add_atom(c,
		    (struct atom){ .from = from,
			.to = next,
			.kind = kind,
			.block = c->block,
			.header = header,
			.cost = cost_text(c->text + from, next - from) });
		from = at;
	}
}

static void
add_piece(struct cutting *c, size_t from, size_t to, enum kind kind, int header, int64_t cap)
{
	from = skip_blank(c->text, from, to);
	to = trim_blank(c->text, from, to);
	if (from >= to)
		return;
	add_cut(c, from, to, kind, header, cap);
}

static bool
is_closing(uint32_t c)
{
	return c == '"' || c == '\'' || c == ')' || c == ']' || c == 0x201d || c == 0x2019 || c == 0x300d ||
	    c == 0x300f || c == 0xff09 || c == 0x3011 || c == 0x300b;
}

/* Where the sentence that begins at `from` ends. */
static size_t
sentence_end(const char *text, size_t from, size_t to)
{
	for (size_t at = from, next; at < to; at = next) {
		uint32_t c, after;
		size_t end;

		next = at;
		c = script_next(text, to, &next);
		if (c != '.' && c != '!' && c != '?' && c != 0x3002 && c != 0xff01 && c != 0xff1f && c != 0xff1b)
			continue;
		for (end = next; end < to && is_closing(script_next(text, to, &next));)
			end = next;
		if (c > 0x80)
			return end;
		next = end;
		if (end >= to || !script_is_blank(script_next(text, to, &next)))
			continue;
		next = skip_blank(text, end, to);
		if (next >= to)
			return end;
		after = (unsigned char)text[next];
		if (!(after >= 'a' && after <= 'z'))
			return end;
		next = end;
	}
	return to;
}

/* Where the line at `at` ends what is one sentence: before a blank line, an item, a row. */
static size_t
block_of(const char *text, size_t at, size_t len)
{
	for (; at < len; at++) {
		if (text[at] == '\f')
			return at;
		if (text[at] == '\n' && (at + 1 >= len || strchr("\n|-*#`\f", text[at + 1]) != NULL))
			return at;
	}
	return len;
}

bool
chunk_next_sentence(const char *text, size_t len, size_t *at, size_t *from, size_t *to)
{
	size_t begin = skip_blank(text, *at, len), block, end;

	if (begin >= len)
		return false;
	block = block_of(text, begin, len);
	end = sentence_end(text, begin, block);
	*from = begin;
	*to = trim_blank(text, begin, end);
	*at = end > begin ? end : len;
	return true;
}

size_t
chunk_last_sentence(const char *text, size_t from, size_t to)
{
	size_t at = from, begin, end, last = from;

	while (chunk_next_sentence(text, to, &at, &begin, &end))
		last = begin;
	return last;
}

static void
add_prose(struct cutting *c, size_t from, size_t to, enum kind kind)
{
	while ((from = skip_blank(c->text, from, to)) < to) {
		size_t end = sentence_end(c->text, from, to);

		add_piece(c, from, end, kind, -1, c->cap);
		from = end;
	}
}

/* ---- chunks of a section ------------------------------------------------------ */

/* "Title › A › B". */
static const char *
path_of(struct cutting *c)
{
	struct buf out = BUF_INIT(0);
	const char *path;

	for (int i = -1; i < LEVELS; i++) {
		const char *name = i < 0 ? c->title : c->names[i];
		size_t len;

		if (name == NULL || *name == '\0' || (i == 0 && c->title != NULL && strcmp(name, c->title) == 0))
			continue;
		len = strlen(name);
		if (out.len > 0)
			buf_puts(&out, " › ");
		buf_add(&out, name, utf8_prefix(name, len, NAME_CHARS));
	}
	path = arena_strndup(c->arena, buf_str(&out), out.len);
	buf_free(&out);
	return path;
}

/* Count on, or anew where `to` was passed: chunks overlap. */
static void
count_to(struct cutting *c, size_t to)
{
	if (to < c->at) {
		for (; c->at > to; c->at--) {
			c->chars -= ((unsigned char)c->text[c->at - 1] & 0xc0) != 0x80;
			c->page -= c->text[c->at - 1] == '\f';
		}
		return;
	}
	for (; c->at < to; c->at++) {
		c->chars += ((unsigned char)c->text[c->at] & 0xc0) != 0x80;
		c->page += c->text[c->at] == '\f';
	}
}

/* Atoms [first, last] as a chunk. */
static void
put_chunk(struct cutting *c, const char *heading, size_t first, size_t last)
{
	const struct atom *from = &c->atoms[first], *to = &c->atoms[last];
	struct chunk *chunk;

	c->chunks = grown(c->arena, c->chunks, c->chunk_count, &c->chunk_room, sizeof *c->chunks);
	chunk = &c->chunks[c->chunk_count];
	*chunk = (struct chunk){ .ord = (int)c->chunk_count, .heading = heading };
	c->chunk_count++;
	count_to(c, from->from);
	chunk->c0 = c->chars;
	chunk->page_from = c->page + 1;
	count_to(c, to->to);
	chunk->c1 = c->chars;
	chunk->page_to = c->page + 1;
	if (from->header >= 0) {
		const struct header *h = &c->headers[from->header];

		chunk->body = arena_printf(c->arena, "%.*s\n%.*s", (int)(h->to - h->from), c->text + h->from,
		    (int)(to->to - from->from), c->text + from->from);
		chunk->body_len = strlen(chunk->body);
	} else {
		chunk->body_len = to->to - from->from;
		chunk->body = arena_strndup(c->arena, c->text + from->from, chunk->body_len);
	}
	chunk->tokens = chunk_tokens(heading, strlen(heading)) + chunk_tokens(chunk->body, chunk->body_len);
}

/* What atoms [first, last] cost, with the header that is put before them. */
static int64_t
cost_of_atoms(const struct cutting *c, size_t first, size_t last)
{
	int64_t cost = c->atoms[first].header >= 0 ? c->headers[c->atoms[first].header].cost : 0;

	for (size_t i = first; i <= last; i++)
		cost += c->atoms[i].cost;
	return cost;
}

/* The last atom of the block of atom i. */
static size_t
block_end(const struct cutting *c, size_t i)
{
	while (i + 1 < c->atom_count && c->atoms[i + 1].block == c->atoms[i].block)
		i++;
	return i;
}

/* The last atom of the chunk that begins with atom `first`, and has to have `fresh` in it. */
static size_t
fill(const struct cutting *c, size_t first, size_t fresh)
{
	size_t last = fresh;
	int64_t cost = cost_of_atoms(c, first, fresh);

	for (size_t i = fresh; i < c->atom_count; i++) {
		/* Tables, code and lists are kept whole where that is possible. */
		bool begins = i == 0 || c->atoms[i - 1].block != c->atoms[i].block;

		if (i > fresh)
			cost += c->atoms[i].cost;
		if (cost > c->cap)
			break;
		if (begins && c->atoms[i].kind != KIND_PROSE) {
			size_t end = block_end(c, i);
			int64_t whole = cost_of_atoms(c, first, end);

			if (whole <= c->cap &&
			    (i == first || i == fresh || whole <= c->goal + (c->cap - c->goal) / 2)) {
				cost = whole;
				last = i = end;
				continue;
			}
			if (i > fresh && cost_of_atoms(c, i, end) <= c->cap)
				break; /* it fits into the next one */
		}
		if (i > fresh && cost > c->goal)
			break;
		last = i;
	}
	return last;
}

/* The first of the atoms before `next` that are repeated. */
static size_t
overlap_from(const struct cutting *c, size_t first, size_t next)
{
	size_t from = next;
	int64_t cost = 0;

	while (from > first + 1 && c->atoms[from - 1].kind != KIND_ROW && c->atoms[from - 1].kind != KIND_CODE &&
	    cost + c->atoms[from - 1].cost <= c->overlap)
		cost += c->atoms[--from].cost;
	if (from < next && cost_of_atoms(c, from, next) > c->cap)
		return next;
	return from;
}

/* End the section. */
static void
end_section(struct cutting *c, bool deeper)
{
	const char *heading;

	if (c->atom_count == 0 && c->has_heading && !deeper)
		add_piece(c, c->heading.from, c->heading.to, KIND_PROSE, -1, c->cap);
	if (c->atom_count == 0)
		return;
	heading = path_of(c);
	for (size_t first = 0, fresh = 0; fresh < c->atom_count;) {
		size_t last = fill(c, first, fresh);

		put_chunk(c, heading, first, last);
		fresh = last + 1;
		if (fresh < c->atom_count)
			first = overlap_from(c, first, fresh);
	}
	c->atom_count = 0;
}

/* ---- lines -------------------------------------------------------------------- */

/* The end of the line at `from`, without its newline; *next: where the next one begins.
 * A form feed ends a line, too. */
static size_t
line_end(const struct cutting *c, size_t from, size_t *next)
{
	size_t at = from;

	while (at < c->len && c->text[at] != '\n' && c->text[at] != '\f')
		at++;
	*next = at < c->len ? at + 1 : at;
	return at;
}

static bool
is_blank_line(const struct cutting *c, size_t from, size_t to)
{
	return skip_blank(c->text, from, to) >= to;
}

/* The level of the heading in a line, or 0. */
static int
heading_level(const struct cutting *c, size_t from, size_t to)
{
	int level = 0;

	while (from < to && c->text[from] == '#' && level <= LEVELS) {
		level++;
		from++;
	}
	return level >= 1 && level <= LEVELS && from < to && (c->text[from] == ' ' || c->text[from] == '\t') ? level
													     : 0;
}

static bool
is_fence(const struct cutting *c, size_t from, size_t to)
{
	return to - from >= 3 && strncmp(c->text + from, "```", 3) == 0;
}

static bool
is_row(const struct cutting *c, size_t from, size_t to)
{
	return to - from >= 2 && c->text[from] == '|';
}

/* | --- | :-: | */
static bool
is_rule(const struct cutting *c, size_t from, size_t to)
{
	bool dash = false;

	for (size_t i = from; i < to; i++) {
		if (strchr("|-: \t\r", c->text[i]) == NULL)
			return false;
		dash = dash || c->text[i] == '-';
	}
	return dash && is_row(c, from, to);
}

static bool
is_item(const struct cutting *c, size_t from, size_t to)
{
	size_t at = from;

	while (at < to && (c->text[at] == ' ' || c->text[at] == '\t'))
		at++;
	if (at + 1 < to && strchr("-*+", c->text[at]) != NULL && c->text[at + 1] == ' ')
		return true;
	from = at;
	while (at < to && at - from < 4 && c->text[at] >= '0' && c->text[at] <= '9')
		at++;
	return at > from && at + 1 < to && (c->text[at] == '.' || c->text[at] == ')') && c->text[at + 1] == ' ';
}

static size_t
read_heading(struct cutting *c, size_t from, size_t to, int level, size_t next)
{
	size_t name = skip_blank(c->text, from + (size_t)level, to);
	size_t end = trim_blank(c->text, name, to);

	/* With nothing below it, the one before is a section of its own. */
	end_section(c, c->heading.header < level);
	c->block++;
	for (int i = level - 1; i < LEVELS; i++)
		c->names[i] = NULL;
	c->names[level - 1] = arena_strndup(c->arena, c->text + name, end - name);
	c->heading = (struct atom){ .from = name, .to = end, .header = level };
	c->has_heading = end > name;
	return next;
}

/* Code from its fence to the closing one, or to the end of the text. */
static size_t
read_code(struct cutting *c, size_t from)
{
	size_t next;

	c->block++;
	for (size_t at = from; at < c->len; at = next) {
		size_t end = line_end(c, at, &next);

		add_piece(c, at, end, KIND_CODE, -1, c->cap);
		if (at > from && is_fence(c, at, end))
			return next;
	}
	return c->len;
}

static size_t
read_table(struct cutting *c, size_t from)
{
	size_t next, end = line_end(c, from, &next), at = from, after, to;
	int header = -1;

	c->block++;
	to = line_end(c, next, &after);
	if (next < c->len && is_rule(c, next, to)) {
		int64_t cost = cost_text(c->text + from, to - from);

		if (cost <= c->cap / 2) { /* one that is larger is a row as others */
			c->headers = grown(c->arena, c->headers, c->header_count, &c->header_room, sizeof *c->headers);
			c->headers[c->header_count] = (struct header){ .from = from, .to = to, .cost = cost };
			header = (int)c->header_count++;
			add_atom(c,
			    (struct atom){ .from = from,
				.to = to,
				.cost = cost,
				.kind = KIND_ROW,
				.block = c->block,
				.header = -1 });
			at = after;
		}
	}
	for (; at < c->len; at = next) {
		end = line_end(c, at, &next);
		if (!is_row(c, at, end))
			break;
		add_piece(c, at, end, KIND_ROW, header, c->cap - (header >= 0 ? c->headers[header].cost : 0));
	}
	return at;
}

static size_t
read_list(struct cutting *c, size_t from)
{
	size_t at = from, item = from, next, end = from;

	c->block++;
	for (; at < c->len; at = next) {
		size_t to = line_end(c, at, &next);

		if (at > from && is_item(c, at, to)) {
			add_prose(c, item, end, KIND_ITEM);
			item = at;
		} else if (at > from &&
		    (is_blank_line(c, at, to) || heading_level(c, at, to) > 0 || is_fence(c, at, to) ||
			is_row(c, at, to) || c->text[at - 1] == '\f'))
			break;
		end = to;
	}
	add_prose(c, item, end, KIND_ITEM);
	return at;
}

static size_t
read_paragraph(struct cutting *c, size_t from)
{
	size_t at = from, next, end = from;

	c->block++;
	for (; at < c->len; at = next) {
		size_t to = line_end(c, at, &next);

		if (at > from &&
		    (is_blank_line(c, at, to) || heading_level(c, at, to) > 0 || is_fence(c, at, to) ||
			is_row(c, at, to) || is_item(c, at, to)))
			break;
		end = to;
	}
	add_prose(c, from, end, KIND_PROSE);
	return at;
}

int
chunk_text(struct arena *a, const char *title, const char *text, size_t len, const struct chunk_rules *rules,
    struct chunk **out)
{
	int tokens = rules->tokens > 0 ? rules->tokens : TOKENS;
	int overlap = rules->overlap_percent >= 0 ? rules->overlap_percent : OVERLAP_PERCENT;
	struct cutting c = { .arena = a, .text = text, .len = len, .title = title };

	tokens = tokens < TOKENS_LEAST ? TOKENS_LEAST : tokens > TOKENS_MOST ? TOKENS_MOST : tokens;
	c.goal = (int64_t)tokens * 100;
	c.cap = (int64_t)(rules->cap_tokens > 0 ? rules->cap_tokens : tokens * 8 / 5) * 100;
	c.cap = c.cap < c.goal ? c.goal : c.cap;
	c.overlap = c.goal * (overlap > 50 ? 50 : overlap) / 100;
	for (size_t at = 0, next; at < len;) {
		size_t to = line_end(&c, at, &next);
		int level = heading_level(&c, at, to);

		if (is_blank_line(&c, at, to))
			at = next;
		else if (level > 0)
			at = read_heading(&c, at, to, level, next);
		else if (is_fence(&c, at, to))
			at = read_code(&c, at);
		else if (is_row(&c, at, to))
			at = read_table(&c, at);
		else if (is_item(&c, at, to))
			at = read_list(&c, at);
		else
			at = read_paragraph(&c, at);
	}
	end_section(&c, false);
	*out = c.chunks;
	return (int)c.chunk_count;
}
