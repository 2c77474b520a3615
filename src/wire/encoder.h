/* What the dialects' encoders have in common: the end of an answer, taken apart, and ids. */
#ifndef WEIR_WIRE_ENCODER_H
#define WEIR_WIRE_ENCODER_H

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/status.h"

/* The neutral end of an answer (wire/dialect.h). */
struct encoder_end {
	json_t *event; /* owns the rest */
	const json_t *data, *usage;
	enum status status;  /* OK: it is a whole answer */
	const char *message; /* of an error, never NULL */
};

/* Take it apart; an end that does not say how is an internal error.  Give event back by json_decref(). */
struct encoder_end encoder_read_end(const char *end_json, enum lang lang);
/* A count of its usage; 0: not told. */
json_int_t encoder_count(const struct encoder_end *end, const char *name);
/* Are its counts our estimate? */
bool encoder_is_estimate(const struct encoder_end *end);
/* Append an id as vendors' look: `before` and a UUID (may be NULL) without its dashes. */
void encoder_put_id(struct buf *out, const char *before, const char *uuid);

#endif
