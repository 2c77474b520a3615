/*
 * answer -- the text weir-demo says, and how it is cut into deltas.
 *
 * The text depends on the question alone: same question, same answer, byte
 * for byte. It is in the language of the question, English or Chinese, shows
 * headings, a list, a table and code, or what the question names (a formula, a
 * table, code, a long answer, a language), and repeats the beginning of the
 * question so that a test can know its own.
 * Pure functions, any thread.
 */
#ifndef WEIR_DEMO_ANSWER_H
#define WEIR_DEMO_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "demo/h1.h"

/* What the answer is made from. */
struct question {
	struct span model;  /* base name */
	struct span prompt; /* last user message, directives taken out */
	uint32_t messages;  /* in the request */
	uint32_t images;    /* image parts in the last user message */
	struct span image;  /* URL of the first one */
};

/* Append the answer (UTF-8 Markdown, at least 1 byte) to out. */
void answer_write(struct buf *out, const struct question *q);

/* Append the sentences of numbered passages ("\n\n[1] heading\ntext") that answer the question, with their numbers.
 * False, and nothing: none has a word of it. */
bool answer_cite(struct buf *out, const char *passages, const char *question, bool is_chinese);

/* Append the question that text asks for, where it is "Conversation:\nUser: ...\n\nLast question:\n...", as Weir has
 * it to be put so that it can be searched for: all that was asked before it, and it.  False, and nothing: it is not. */
bool answer_rewrite(struct buf *out, struct span text);

/* Append the thinking that precedes it (one paragraph) to out. */
void answer_think(struct buf *out, const struct question *q);

/* End of the piece that starts at from: a word with the space before it, a
 * mark, or up to two characters of another script. from < len; the result
 * is > from and never inside a UTF-8 sequence of well-formed text. */
size_t answer_piece_end(const char *text, size_t len, size_t from);

/* How many pieces text has. */
uint32_t answer_count(const char *text, size_t len);

/* Tokens we claim for bytes of text: a quarter, rounded up. */
uint32_t answer_tokens(size_t bytes);

#endif
