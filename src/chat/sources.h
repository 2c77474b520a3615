/*
 * What a turn knows from the documents of its user: passages that were found, as the prompt
 * numbers them, and what of them an answer refers to.
 */
#ifndef WEIR_CHAT_SOURCES_H
#define WEIR_CHAT_SOURCES_H

#include <jansson.h>

#include "base/arena.h"
#include "knowledge/search.h"

/* A piece of a document, as it stands there. */
struct source_piece {
	const char *text;
	int64_t c0; /* where it begins in the canonical text, in code points */
	int page;   /* 0: there are no pages */
};

struct source {
	const char *kb_id, *document_id, *title, *heading;
	int version;
	struct source_piece *pieces; /* that follow each other in the document */
	size_t n_pieces;
};

struct sources {
	struct source *list; /* number 1 is list[0] */
	size_t n;
};

/* Those passages that are to be shown to the model, neighbours as one, in the arena.  `all`: whatever
 * was found; else only what is likely to be about the question.  None is fine. */
struct sources *sources_choose(struct arena *a, const struct search_found *found, bool all);
/* Is it worth to look for sources of this question at all? */
bool sources_wanted(struct arena *a, const char *question);
/* What stands in the system prompt of them; NULL without any. */
const char *sources_prompt(struct arena *a, const struct sources *s);
/* A copy that lives as long as `a`. */
struct sources *sources_copy(struct arena *a, const struct sources *s);
/*
 * What an answer refers to: [{n, knowledge_id, document_id, version, title, page, c0, c1, quote}] in the order
 * of its marks, each number and place once.  The quote is verbatim what stands there: the sentence that has most of what
 * the mark stands behind.  Numbers that were not given are left out.  `s` may be NULL.  The
 * caller owns it.
 */
json_t *sources_cited(const struct sources *s, const char *answer);

#endif
