#include "base/trace.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/crypto.h"

/* Lower-case hex only: upper case is not valid in a traceparent. */
static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Copy `digits` hex digits that are not all zero. */
static bool
take_id(const char *from, size_t digits, char *out)
{
	bool zero = true;

	for (size_t i = 0; i < digits; i++) {
		if (hex_value(from[i]) < 0)
			return false;
		zero = zero && from[i] == '0';
	}
	memcpy(out, from, digits);
	out[digits] = '\0';
	return !zero;
}

static void
set_header(struct trace *t)
{
	snprintf(t->header, sizeof(t->header), "00-%s-%s-%02x", t->trace_id, t->span_id, t->flags);
}

bool
trace_parse(const char *header, struct trace *out)
{
	struct trace t = { .parent_id = "" };
	size_t len = header == NULL ? 0 : strlen(header);

	if (len < 55 || hex_value(header[0]) < 0 || hex_value(header[1]) < 0 || header[2] != '-' || header[35] != '-' ||
	    header[52] != '-' || hex_value(header[53]) < 0 || hex_value(header[54]) < 0)
		return false;
	if (strncmp(header, "ff", 2) == 0)
		return false;
	/* version 00 ends here; a later one may go on after a dash */
	if (len > 55 && (strncmp(header, "00", 2) == 0 || header[55] != '-'))
		return false;
	if (!take_id(header + 3, 32, t.trace_id) || !take_id(header + 36, 16, t.span_id))
		return false;
	/* the only flag of this level that we may pass on */
	t.flags = (unsigned char)(hex_value(header[54]) & 1);
	set_header(&t);
	*out = t;
	return true;
}

/* Random hex that is not all zero. */
static void
random_id(char *out, size_t digits)
{
	unsigned char bytes[16];

	crypto_random(bytes, digits / 2);
	bytes[0] |= 1;
	crypto_hex(bytes, digits / 2, out);
}

void
trace_begin(struct trace *out)
{
	*out = (struct trace){ .flags = 1 };
	random_id(out->trace_id, TRACE_ID_LEN - 1);
	random_id(out->span_id, SPAN_ID_LEN - 1);
	set_header(out);
}

void
trace_child(const struct trace *parent, struct trace *out)
{
	struct trace t = *parent;

	memcpy(t.parent_id, parent->span_id, sizeof(t.parent_id));
	random_id(t.span_id, SPAN_ID_LEN - 1);
	set_header(&t);
	*out = t;
}

void
trace_start(const char *header, struct trace *out)
{
	struct trace caller;

	if (trace_parse(header, &caller))
		trace_child(&caller, out);
	else
		trace_begin(out);
}
