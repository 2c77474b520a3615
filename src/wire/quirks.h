/*
 * Who speaks each wire, and what each of them wants otherwise than the wire's maker:
 * a row for every provider that a channel may name.  What is asked is made by the
 * row, so that nobody has to know a provider by name.  A plain table.
 *
 * TO ADD A PROVIDER: a row in quirks.def, with its source, and its transcript in
 * tests/unit/wire/test_quirks.c.
 */
#ifndef WEIR_WIRE_QUIRKS_H
#define WEIR_WIRE_QUIRKS_H

#include <stdbool.h>
#include <stddef.h>

#include "wire/ask.h"

/* QUIRK_TOP_K      top_k is known, though the wire's maker has none
 * QUIRK_THOUGHTS   once a tool was called, every answer of the conversation is wanted
 *                  with what was thought before it (reasoning_content)
 * QUIRK_TEXT_ONE   a content of several texts is wanted as one
 * QUIRK_NO_SCHEMA  a JSON Schema is refused or ignored: an object is asked for, and the
 *                  schema said in words */
#define QUIRK_TOP_K 1u
#define QUIRK_THOUGHTS 2u
#define QUIRK_TEXT_ONE 4u
#define QUIRK_NO_SCHEMA 8u
/* Those by which the body of a request differs, and not only its head. */
#define QUIRKS_OF_BODY (QUIRK_TEXT_ONE | QUIRK_NO_SCHEMA)

struct quirks {
	const char *provider;	       /* as in channels.provider */
	const char *wire;	       /* which it speaks */
	const char *label;	       /* for people */
	const char *base_url;	       /* of its API, or how it is made: "https://{name}.…" */
	const char *hosts;	       /* ends of names, blanks between: at home there; NULL: at none */
	const char *note_en, *note_zh; /* what whoever sets it up must know; NULL: nothing */
	const char *key_header;	       /* "api-key: "; NULL: the wire's own */
	const char *root;	       /* before the endpoint, where a base URL has no version; NULL: the wire's own */
	const char *deployments;       /* before the model's name, where a base URL has ?api-version=; NULL: never */
	const char *max_tokens;	       /* the name of it; NULL: the wire's own */
	const char *seed;	       /* the same; "": there is none */
	double max_temperature;	       /* 0: the wire's own */
	const char *unsampled;	       /* models that take no temperature and top_p: their names begin so; NULL: none */
	const char *const *efforts;    /* by enum ask_effort, members of a body; NULL in it: not said */
	unsigned flags;		       /* QUIRK_… */
};

/* All rows, `*n` of them; those of a wire's maker first.  Any thread. */
const struct quirks *quirks_all(size_t *n);
/* The row of that provider, or NULL. */
const struct quirks *quirks_find(const char *provider);
/* The row by which a channel is asked: its provider's; where that is the maker of a wire
 * and the base URL somebody else's, the row at home there, or else the wire's plainest.
 * NULL: nobody has that name.  base_url may be NULL. */
const struct quirks *quirks_of(const char *provider, const char *base_url);
/* Which of QUIRKS_OF_BODY make a difference to what is asked. */
unsigned quirks_of_body(const struct quirks *q, const struct ask *ask);

#endif
