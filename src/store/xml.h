/*
 * Reading the XML of object stores: elements and text, one after the other, without a
 * tree and without taking memory.  Strict where it matters: no DOCTYPE, no entities but the five and
 * numbers, no CDATA, elements closed by their own names, a depth of XML_DEPTH_MAX.  Attributes
 * (xmlns) and comments are skipped.
 *
 *	struct xml x;
 *
 *	xml_init(&x, bytes, len);
 *	while (xml_next(&x))
 *		if (x.what == XML_TEXT && xml_is(&x, 0, "Key"))
 *			xml_decode(&x, key, sizeof(key));
 *	if (!xml_end(&x))
 *		complain();
 *
 * Pure; any thread.
 */
#ifndef WEIR_STORE_XML_H
#define WEIR_STORE_XML_H

#include <stdbool.h>
#include <stddef.h>

#define XML_DEPTH_MAX 16

struct xml_name {
	const char *at;
	size_t len;
};

struct xml {
	const char *at, *end;
	enum { XML_OPEN, XML_TEXT, XML_CLOSE } what;
	struct xml_name open[XML_DEPTH_MAX]; /* the elements we are in; of XML_CLOSE the one that ends is still one */
	unsigned depth;
	struct xml_name text; /* of XML_TEXT, with its entities */
	bool is_wrong, has_root, closing, closes_itself;
};

void xml_init(struct xml *x, const char *bytes, size_t len);
/* Go on; false at the end and at the first mistake. */
bool xml_next(struct xml *x);
/* Was it one element, whole, and nothing else? */
bool xml_end(const struct xml *x);
/* Is the element we are in, or the `up`th around it, called so? */
bool xml_is(const struct xml *x, unsigned up, const char *name);
/* What the text stands for, NUL-terminated.  False: it is longer than `size`, or has an unknown
 * entity or a NUL. */
bool xml_decode(const struct xml *x, char *out, size_t size);

#endif
