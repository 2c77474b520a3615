/*
 * Canonical text (knowledge/parse.h), put together from what the readers find.  Two ways
 * lead in: blocks, for formats that say what is a heading or a cell, and lines, for those
 * that have nothing but lines.
 *
 * What comes in is UTF-8, well-formed or not.  Control characters, byte order marks, soft
 * hyphens, and what changes the direction or cannot be seen at all are left out.
 * One thread.
 */
#ifndef WEIR_PARSE_TEXT_H
#define WEIR_PARSE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

enum block { BLOCK_PARAGRAPH, BLOCK_HEADING, BLOCK_ITEM, BLOCK_CODE };

struct text {
	struct buf out;		     /* what is done; out.overflow: there was too much */
	struct buf block;	     /* the block or cell that is open */
	struct buf line;	     /* for text_line() */
	enum block kind, last;	     /* of the open block; of the one before */
	int level;		     /* of a heading, 1 to 6 */
	bool has_space, has_newline; /* between what is in the block and what comes */
	int pages;		     /* begun by text_page() */
	unsigned depth, rows, cells; /* of tables within each other; of the outermost, and of its row */
	bool in_row, in_cell;
	bool was_blank; /* the last line was */
};

void text_init(struct text *t, size_t max_bytes);
void text_free(struct text *t);

/* A new block of that kind begins; the one before is over.  In a cell: a space. */
void text_block(struct text *t, enum block kind, int level);
/* The open block turns out to be of that kind. */
void text_kind(struct text *t, enum block kind, int level);
/* Text of the block.  White space is one space, and none between Han characters on two
 * lines; in code it stays. */
void text_add(struct text *t, const char *s, size_t len);
/* A line ends within the block. */
void text_break(struct text *t);

/* A table, its rows and cells; what is no row's or cell's is ignored, and so is a table
 * within a cell but for its text. */
void text_table(struct text *t);
void text_row(struct text *t);
void text_cell(struct text *t);
void text_cell_end(struct text *t);
void text_row_end(struct text *t);
void text_table_end(struct text *t);

/* Another page, slide or sheet begins, also the first. */
void text_page(struct text *t);

/* A line as it stands, in a paragraph of its own after a block, which is to be over; several empty ones are one.  `join`: goes on where the line before
 * ends, without a space, if Han characters meet. */
void text_line(struct text *t, const char *s, size_t len, bool join);
/* The columns that a line takes: Han and full-width characters are two. */
unsigned text_width(const char *s, size_t len);

/* All of it, in NFC, followed by a NUL; the caller frees it.  NULL: more than max_bytes. */
char *text_take(struct text *t, size_t *len);
/* Is there anything but white space? */
bool text_is_blank(const struct text *t);
/* `s` on one line of at most max_bytes, cleaned as text is; the caller frees it.  NULL: nothing is left. */
char *text_plain(const char *s, size_t max_bytes);

#endif
