#include "store/xml.h"

#include <stdint.h>
#include <string.h>

void
xml_init(struct xml *x, const char *bytes, size_t len)
{
	*x = (struct xml){ .at = bytes, .end = bytes + len };
}

/* ---- steps ------------------------------------------------------------------- */

static bool
wrong(struct xml *x)
{
	x->is_wrong = true;
	return false;
}

static bool
begins(const struct xml *x, const char *with)
{
	size_t n = strlen(with);

	return (size_t)(x->end - x->at) >= n && memcmp(x->at, with, n) == 0;
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void
skip_space(struct xml *x)
{
	while (x->at < x->end && is_space(*x->at))
		x->at++;
}

/* Past the next `what`. */
static bool
skip_past(struct xml *x, const char *what)
{
	const char *found = memmem(x->at, (size_t)(x->end - x->at), what, strlen(what));

	if (found == NULL)
		return wrong(x);
	x->at = found + strlen(what);
	return true;
}

static bool
read_name(struct xml *x, struct xml_name *out)
{
	out->at = x->at;
	while (x->at < x->end && !is_space(*x->at) && strchr("<>/=&\"'", *x->at) == NULL)
		x->at++;
	out->len = (size_t)(x->at - out->at);
	return out->len > 0 || wrong(x);
}

/* name="value", which nobody asks for. */
static bool
skip_attribute(struct xml *x)
{
	struct xml_name name;
	char quote;

	if (!read_name(x, &name))
		return false;
	skip_space(x);
	if (!begins(x, "="))
		return wrong(x);
	x->at++;
	skip_space(x);
	if (!begins(x, "\"") && !begins(x, "'"))
		return wrong(x);
	quote = *x->at++;
	while (x->at < x->end && *x->at != quote && *x->at != '<')
		x->at++;
	if (x->at == x->end || *x->at != quote)
		return wrong(x);
	x->at++;
	return true;
}

/* Behind "<". */
static bool
open_element(struct xml *x)
{
	if (x->depth == XML_DEPTH_MAX || (x->depth == 0 && x->has_root) || !read_name(x, &x->open[x->depth]))
		return wrong(x);
	x->depth++;
	x->has_root = true;
	skip_space(x);
	while (x->at < x->end && *x->at != '>' && *x->at != '/') {
		if (!skip_attribute(x))
			return false;
		skip_space(x);
	}
	x->closes_itself = begins(x, "/>");
	if (!x->closes_itself && !begins(x, ">"))
		return wrong(x);
	x->at += x->closes_itself ? 2 : 1;
	x->what = XML_OPEN;
	return true;
}

static bool
close_now(struct xml *x)
{
	x->what = XML_CLOSE;
	x->closing = true;
	return true;
}

/* Behind "</". */
static bool
close_element(struct xml *x)
{
	const struct xml_name *open;
	struct xml_name name;

	if (x->depth == 0 || !read_name(x, &name))
		return wrong(x);
	open = &x->open[x->depth - 1];
	if (name.len != open->len || memcmp(name.at, open->at, name.len) != 0)
		return wrong(x);
	skip_space(x);
	if (!begins(x, ">"))
		return wrong(x);
	x->at++;
	return close_now(x);
}

/* <?xml …?> and comments; true when there was one. */
static bool
skip_aside(struct xml *x)
{
	if (begins(x, "<?"))
		return skip_past(x, "?>");
	if (begins(x, "<!--"))
		return skip_past(x, "-->");
	return false;
}

static bool
read_text(struct xml *x)
{
	x->text.at = x->at;
	while (x->at < x->end && *x->at != '<')
		x->at++;
	x->text.len = (size_t)(x->at - x->text.at);
	x->what = XML_TEXT;
	return true;
}

bool
xml_next(struct xml *x)
{
	if (x->is_wrong)
		return false;
	if (x->closing) {
		x->closing = false;
		x->depth--;
	}
	if (x->closes_itself) {
		x->closes_itself = false;
		return close_now(x);
	}
	do {
		if (x->depth == 0)
			skip_space(x);
	} while (skip_aside(x));
	if (x->is_wrong || x->at == x->end)
		return false;
	if (*x->at != '<')
		return x->depth == 0 ? wrong(x) : read_text(x);
	x->at++;
	if (!begins(x, "/"))
		return open_element(x);
	x->at++;
	return close_element(x);
}

bool
xml_end(const struct xml *x)
{
	return !x->is_wrong && x->has_root && x->depth == 0 && x->at == x->end;
}

bool
xml_is(const struct xml *x, unsigned up, const char *name)
{
	const struct xml_name *n = up < x->depth ? &x->open[x->depth - 1 - up] : NULL;

	return n != NULL && n->len == strlen(name) && memcmp(n->at, name, n->len) == 0;
}

/* ---- text -------------------------------------------------------------------- */

/* &#38; and &#x26;, of which *at is behind the "#". */
static uint32_t
number_entity(const char *at, size_t len)
{
	unsigned base = len > 0 && *at == 'x' ? 16 : 10;
	uint32_t n = 0;

	for (size_t i = base == 16; i < len; i++) {
		unsigned digit = at[i] >= '0' && at[i] <= '9'	 ? (unsigned)(at[i] - '0')
		    : (at[i] | 32) >= 'a' && (at[i] | 32) <= 'f' ? (unsigned)((at[i] | 32) - 'a') + 10
								 : 99;

		if (digit >= base || (n = n * base + digit) > 0x10ffff)
			return 0;
	}
	return n >= 0xd800 && n <= 0xdfff ? 0 : n;
}

/* The character an entity stands for; 0: none. */
static uint32_t
entity(const char *at, size_t len)
{
	static const struct {
		const char *name;
		uint32_t code;
	} known[] = { { "amp", '&' }, { "lt", '<' }, { "gt", '>' }, { "quot", '"' }, { "apos", '\'' } };

	if (len > 1 && *at == '#')
		return number_entity(at + 1, len - 1);
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (len == strlen(known[i].name) && memcmp(at, known[i].name, len) == 0)
			return known[i].code;
	return 0;
}

/* Its UTF-8; returns how many bytes. */
static size_t
put_code(uint32_t code, char out[4])
{
	size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

	if (n == 1) {
		out[0] = (char)code;
		return 1;
	}
	for (size_t i = n; i-- > 1; code >>= 6)
		out[i] = (char)(0x80 | (code & 0x3f));
	out[0] = (char)((0xf00u >> n & 0xf0u) | code);
	return n;
}

bool
xml_decode(const struct xml *x, char *out, size_t size)
{
	const char *at = x->text.at, *end = at + x->text.len;
	size_t n = 0;

	while (at < end) {
		char bytes[4] = { *at };
		size_t len = 1;

		if (*at == '&') {
			const char *semicolon = memchr(at, ';', (size_t)(end - at));
			uint32_t code = semicolon == NULL ? 0 : entity(at + 1, (size_t)(semicolon - at - 1));

			if (code == 0)
				return false;
			len = put_code(code, bytes);
			at = semicolon;
		}
		if (*bytes == '\0' || n + len >= size)
			return false;
		memcpy(out + n, bytes, len);
		n += len;
		at++;
	}
	if (n >= size)
		return false;
	out[n] = '\0';
	return true;
}
