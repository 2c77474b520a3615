/*
 * Reading JSON (RFC 8259) as it stands, without building a tree or taking
 * memory: for the deltas of a stream, of which there are many and of which
 * little is wanted.  Everything is checked, also what is skipped, but UTF-8,
 * which whoever uses a text has to check.
 *
 *	struct scan s;
 *	struct scan_text name, text;
 *
 *	scan_init(&s, bytes, len);
 *	if (scan_object(&s))
 *		while (scan_member(&s, &name))
 *			if (scan_is(&name, "content") && scan_string(&s, &text))
 *				found = text;
 *			else
 *				scan_skip(&s);
 *	if (!scan_end(&s))
 *		complain();
 *
 * After scan_member() or scan_element() returned true, exactly one value has to
 * be consumed.  The readers of a certain kind (scan_object, scan_array,
 * scan_string, scan_integer) consume nothing and return false when the value
 * is of another kind, so that scan_skip() can follow.  After the first mistake
 * in the bytes everything returns false and scan_end() tells.  Any thread.
 */
#ifndef WEIR_BASE_SCAN_H
#define WEIR_BASE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCAN_DEPTH_MAX 64 /* of arrays and objects within each other */

struct scan {
	const char *at, *end;
	unsigned depth;
	bool is_fresh; /* an array or object was opened and nothing read of it */
	bool is_wrong;
};

/* The inside of a JSON string, in the scanned bytes. */
struct scan_text {
	const char *at; /* NULL: no string was read */
	size_t len;
	bool has_escapes; /* scan_decode() is needed */
};

/* Begin at the first of len bytes, which stay where they are while scanning. */
void scan_init(struct scan *s, const char *bytes, size_t len);
/* Open an object or array. */
bool scan_object(struct scan *s);
bool scan_array(struct scan *s);
/* Go to the next member's value, or the next element; false at the end, which is consumed. */
bool scan_member(struct scan *s, struct scan_text *name);
bool scan_element(struct scan *s);
/* Read a string, or a number that is an integer and fits. */
bool scan_string(struct scan *s, struct scan_text *out);
bool scan_integer(struct scan *s, int64_t *out);
/* Skip a value of any kind. */
void scan_skip(struct scan *s);
/* Were the bytes one JSON value and nothing else? */
bool scan_end(struct scan *s);

/* Is it this name, written without escapes? */
bool scan_is(const struct scan_text *text, const char *name);
/* Write the characters a text stands for to out, which has room for text->len
 * bytes; returns how many were written.  NUL is left out, half a surrogate pair
 * becomes U+FFFD. */
size_t scan_decode(const struct scan_text *text, char *out);

#endif
