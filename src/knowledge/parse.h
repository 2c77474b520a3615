/*
 * The text of a document, as weir-parse (src/parse) reads it: a program of its own, in a
 * sandbox, for what strangers send.  For weir-worker's jobs.
 *
 * The text is what chunks, citations and the viewer go by: UTF-8 in NFC, lines end with
 * \n, and there is no other control character but \f between pages, slides and sheets.
 * Of Markdown it has headings (# to ######), table rows (| a | b |, a line | --- | --- |
 * after the first), list items (- ) and code between lines of ```.  A blank line stands
 * between paragraphs.
 */
#ifndef WEIR_KNOWLEDGE_PARSE_H
#define WEIR_KNOWLEDGE_PARSE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/context.h"

struct parsed {
	char *text;	  /* followed by a NUL; NULL beside a code */
	size_t len;	  /* bytes */
	int pages;	  /* or slides, sheets; 0: a format that has none */
	const char *kind; /* pdf, docx, pptx, xlsx, epub, odt, html, md, txt, csv; NULL: not known */
	char *title;	  /* that the document gives itself; NULL: none */
	const char *code; /* NULL: done; else why there is no text: a row of parse/codes.def */
	char *detail;	  /* of the code, English, for the log and the admin; NULL: none */
};

/*
 * Run weir-parse on the file at `fd`, a regular file that is read from its start; its
 * offset may move.  `filename` (may be NULL) only tells apart what is plain text: md, csv,
 * html, txt.  `password` may be NULL; it is not kept.  `lang`, "zh" or "en": of whoever
 * sent it, by which a text without a declared charset is guessed.  `cancelled(arg)` is
 * asked several times a second, on this thread; once it is true the program is killed
 * and E_CANCELLED returned.  NULL: never.
 *
 * OK: *out says how it ended, `code` included; all of it lives as long as cx->arena.
 * Other errors are not the document's fault, and another try may help: E_UNAVAILABLE, the
 * program is missing or could not be started.
 *
 * Waits, for [knowledge] parse_timeout at most.  Any thread.
 */
enum status parse_document(struct context *cx, int fd, const char *filename, const char *password, const char *lang,
    bool (*cancelled)(void *arg), void *arg, struct parsed *out) MUST_CHECK;

/* What a code of struct parsed says to people.  Static text; that of parser_failed when
 * there is none of that name.  Any thread. */
const char *parse_explain(const char *code, enum lang lang);
/* Is `code` one of parse/codes.def? */
bool parse_code_known(const char *code);
/* The program that parse_document() runs. */
const char *parse_program(const struct conf *conf);

#endif
