#include "parse/xml.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

bool
xml_open(struct xml *x, struct zipbox *z, const char *name)
{
	size_t len;

	memset(x, 0, sizeof(*x));
	x->bytes = zipbox_read(z, name, &len);
	if (x->bytes == NULL)
		return false;
	x->reader = xmlReaderForMemory(x->bytes, (int)len, NULL, NULL,
	    XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_COMPACT);
	return x->reader != NULL;
}

void
xml_close(struct xml *x)
{
	if (x->reader != NULL)
		xmlFreeTextReader(x->reader);
	free(x->bytes);
	x->reader = NULL;
	x->bytes = NULL;
}

enum xml_event
xml_next(struct xml *x)
{
	int read;

	if (x->must_close) {
		x->must_close = false;
		return XML_CLOSE;
	}
	while ((read = xmlTextReaderRead(x->reader)) == 1)
		switch (xmlTextReaderNodeType(x->reader)) {
		case XML_READER_TYPE_ELEMENT:
			x->must_close = xmlTextReaderIsEmptyElement(x->reader) == 1;
			return XML_OPEN;
		case XML_READER_TYPE_END_ELEMENT: return XML_CLOSE;
		case XML_READER_TYPE_TEXT:
		case XML_READER_TYPE_CDATA:
		case XML_READER_TYPE_SIGNIFICANT_WHITESPACE: return XML_TEXT;
		default: /* comments, entities, declarations */ break;
		}
	return read == 0 ? XML_END : XML_BROKEN;
}

const char *
xml_name(const struct xml *x)
{
	const xmlChar *name = xmlTextReaderConstLocalName(x->reader);

	return name == NULL ? "" : (const char *)name;
}

bool
xml_is(const struct xml *x, const char *name)
{
	return strcmp(xml_name(x), name) == 0;
}

const char *
xml_text(const struct xml *x)
{
	const xmlChar *text = xmlTextReaderConstValue(x->reader);

	return text == NULL ? "" : (const char *)text;
}

static bool
ends(const char *s, const char *end)
{
	size_t len = s == NULL ? 0 : strlen(s), end_len = strlen(end);

	return end_len == 0 || (len >= end_len && strcmp(s + len - end_len, end) == 0);
}

/* The first attribute of that local name whose namespace ends so. */
static const char *
attribute(struct xml *x, const char *name, const char *ns_end)
{
	int more = xmlTextReaderMoveToFirstAttribute(x->reader);
	bool found = false;

	while (more == 1 && !found) {
		const char *uri = (const char *)xmlTextReaderConstNamespaceUri(x->reader);
		const char *value = xml_text(x);
		size_t len = strlen(value);

		if (!xml_is(x, name) || !ends(uri, ns_end)) {
			more = xmlTextReaderMoveToNextAttribute(x->reader);
			continue;
		}
		if (len >= sizeof(x->value))
			len = sizeof(x->value) - 1 - utf8_tail(value, sizeof(x->value) - 1);
		memcpy(x->value, value, len);
		x->value[len] = '\0';
		found = true;
	}
	xmlTextReaderMoveToElement(x->reader);
	return found ? x->value : NULL;
}

const char *
xml_attr(struct xml *x, const char *name)
{
	return attribute(x, name, "");
}

const char *
xml_rel_id(struct xml *x)
{
	return attribute(x, "id", "/relationships");
}

bool
xml_flag(struct xml *x, const char *name)
{
	const char *value = xml_attr(x, name);

	return value != NULL && strcmp(value, "0") != 0 && strcmp(value, "false") != 0 && strcmp(value, "off") != 0;
}

int
xml_number(struct xml *x, const char *name, int otherwise)
{
	const char *value = xml_attr(x, name);
	char *end;
	long n;

	if (value == NULL)
		return otherwise;
	n = strtol(value, &end, 10);
	return end == value || n < INT_MIN || n > INT_MAX ? otherwise : (int)n;
}

void
xml_skip(struct xml *x)
{
	enum xml_event e;
	int depth = 1;

	while (depth > 0 && (e = xml_next(x)) > XML_END)
		depth += e == XML_OPEN ? 1 : e == XML_CLOSE ? -1 : 0;
}
