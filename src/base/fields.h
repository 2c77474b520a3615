/*
 * Validation of JSON input by a table in the handler.
 *
 *	static const struct field fields[] = {
 *		{ "content", F_TEXT, F_REQUIRED, .min = 1, .max = 32000 },
 *		{ "image_url", F_URL, 0, .max = 2048 },
 *		{ NULL },
 *	};
 *
 * fields_check() looks at every row, in order, and stops at the first that
 * does not hold.  Unknown members are ignored.  null counts as absent unless
 * F_NULLABLE.  A max of 0 is no limit on a length; min and max both 0 are no
 * bounds on a number.  The same tables make the request schemas in OpenAPI.
 */
#ifndef WEIR_BASE_FIELDS_H
#define WEIR_BASE_FIELDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

enum field_type {
	F_TEXT,	 /* string; min/max in code points; no control characters but \t \n \r */
	F_PROSE, /* F_TEXT that people paste: its control characters are dropped, not refused */
	F_LINE,	 /* F_TEXT on one line, trimmed length counts */
	F_INT,	 /* integer between min and max */
	F_BOOL,
	F_CREDITS, /* number or decimal string, at most 6 decimals; min/max in ucr */
	F_NUMBER,  /* any finite number between min and max */
	F_UUID,
	F_URL,	  /* absolute http(s) URL with a host, at most max bytes */
	F_EMAIL,  /* ASCII, one @, something on both sides, at most 254 bytes */
	F_PHONE,  /* phone_is_plausible() */
	F_CHOICE, /* one of `choices`, space-separated */
	F_OBJECT,
	F_ARRAY, /* min/max elements */
	F_TEXTS, /* array of F_LINE strings, each at most 255, min/max elements */
};

#define F_REQUIRED 1u
#define F_NULLABLE 2u

struct field {
	const char *name;
	enum field_type type;
	unsigned flags;
	int64_t min, max;
	const char *choices;
	const char *help;
};

struct field_problem {
	const char *field; /* the row's name */
	char *message;	   /* English, in the arena: "must be at most 2048 characters" */
};

/* True when `object` fits the table; otherwise *problem names the first field
 * that does not.  `object` must be a JSON object (the caller checked); texts of
 * F_PROSE are cleaned in it.  Any thread. */
bool fields_check(struct arena *a, const struct field *fields, json_t *object, struct field_problem *problem);
/* The JSON schema of the table (for OpenAPI); the caller owns the reference. */
json_t *fields_schema(const struct field *fields);
/* True for an absolute http(s) URL with a host and no control characters, as
 * libcurl's parser will see it later. */
bool field_is_url(const char *s, int64_t max_bytes);
bool field_is_email(const char *s);

/* Members of a checked object: NULL/`def` when absent. */
const char *field_text(const json_t *object, const char *name);
int64_t field_int(const json_t *object, const char *name, int64_t def);
bool field_bool(const json_t *object, const char *name, bool def);
/* An F_CREDITS member in ucr, `def` when absent. */
int64_t field_ucr(const json_t *object, const char *name, int64_t def_ucr);
/* True when the member is there, even as null. */
bool field_present(const json_t *object, const char *name);

#endif
