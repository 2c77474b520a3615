#include "base/fields.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/ids.h"
#include "base/money.h"
#include "base/phone.h"
#include "base/utf8.h"

#define EMAIL_MAX_BYTES 254
#define HOST_MAX_BYTES 253
#define LISTED_TEXT_MAX_CHARS 255

/* What a value is checked with. */
struct check {
	struct arena *arena;
	const struct field *field;
	char *message; /* the problem found */
};

static bool bad(struct check *c, const char *fmt, ...) PRINTF_LIKE(2, 3);

static bool
bad(struct check *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	c->message = arena_vprintf(c->arena, fmt, ap);
	va_end(ap);
	return false;
}

/* ---- single values --------------------------------------------------- */

static bool
is_decimal(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isdigit((unsigned char)s[i]))
			return false;
	return len > 0;
}

/* ":8080" or nothing. */
static bool
port_is_fine(const char *s, size_t len)
{
	long port = 0;

	if (len == 0)
		return true;
	if (s[0] != ':' || len > 6 || !is_decimal(s + 1, len - 1))
		return false;
	for (size_t i = 1; i < len; i++)
		port = port * 10 + (s[i] - '0');
	return port >= 1 && port <= 65535;
}

/* The bytes of "[2001:db8::1]" at the start of an authority; 0 when it is no address. */
static size_t
ipv6_length(const char *s, size_t len)
{
	const char *end = memchr(s, ']', len);
	char text[INET6_ADDRSTRLEN];
	struct in6_addr address;
	size_t n = end == NULL ? 0 : (size_t)(end - s) - 1;

	if (n == 0 || n >= sizeof(text))
		return 0;
	memcpy(text, s + 1, n);
	text[n] = '\0';
	return inet_pton(AF_INET6, text, &address) == 1 ? n + 2 : 0;
}

/* The bytes of the host at the start of an authority; 0 when there is none. */
static size_t
host_length(const char *s, size_t len)
{
	size_t n = 0;

	if (len > 0 && s[0] == '[')
		return ipv6_length(s, len);
	while (n < len && (isalnum((unsigned char)s[n]) || strchr("-_.", s[n]) != NULL)) {
		if (s[n] == '.' && (n == 0 || s[n - 1] == '.'))
			return 0; /* an empty label */
		n++;
	}
	return n <= HOST_MAX_BYTES ? n : 0;
}

bool
field_is_url(const char *s, int64_t max_bytes)
{
	size_t len = strlen(s), authority, host;

	if (max_bytes > 0 && len > (size_t)max_bytes)
		return false;
	/* spaces and controls end or split what others read; '\' is '/' to some */
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)s[i] <= ' ' || s[i] == 0x7f || s[i] == '\\')
			return false;
	if (strncasecmp(s, "http://", 7) == 0)
		s += 7;
	else if (strncasecmp(s, "https://", 8) == 0)
		s += 8;
	else
		return false;
	authority = strcspn(s, "/?#");
	host = host_length(s, authority);
	/* what is left can only be a port: no user names, no escapes */
	return host > 0 && port_is_fine(s + host, authority - host);
}

bool
field_is_email(const char *s)
{
	const char *at = strchr(s, '@'), *domain;

	if (at == NULL || at == s || strchr(at + 1, '@') != NULL || strlen(s) > EMAIL_MAX_BYTES)
		return false;
	for (const char *p = s; *p != '\0'; p++)
		if (*p <= ' ' || *p >= 0x7f || strchr("<>()[],;:\\\"", *p) != NULL)
			return false;
	domain = at + 1;
	return *domain != '\0' && *domain != '.' && strstr(domain, "..") == NULL && domain[strlen(domain) - 1] != '.';
}

static bool
is_choice(const char *choices, const char *s)
{
	size_t len = strlen(s), n;

	for (const char *p = choices; *p != '\0'; p += n) {
		p += strspn(p, " ");
		n = strcspn(p, " ");
		if (len > 0 && n == len && strncmp(p, s, n) == 0)
			return true;
	}
	return false;
}

/* An F_CREDITS value in ucr; false when it is none or has more than six decimals. */
static bool
credits_value(const json_t *v, int64_t *out_ucr)
{
	char text[400]; /* the longest double without exponent has 309 digits */
	char *end;

	if (json_is_string(v))
		return strlen(json_string_value(v)) == json_string_length(v) &&
		    ucr_parse(json_string_value(v), out_ucr);
	if (json_is_integer(v))
		snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, json_integer_value(v));
	else if (json_is_real(v))
		snprintf(text, sizeof(text), "%.6f", json_real_value(v));
	else
		return false;
	/* the text must mean the number that was sent: more decimals do not */
	if (json_is_real(v) && strtod(text, &end) != json_real_value(v))
		return false;
	return ucr_parse(text, out_ucr);
}

/* ---- texts ----------------------------------------------------------- */

static const char *
trimmed(const char *s, size_t *len)
{
	while (*len > 0 && s[*len - 1] == ' ')
		--*len;
	while (*len > 0 && *s == ' ') {
		s++;
		--*len;
	}
	return s;
}

/* A character that may not stand in a text; on one line, no line ends either. */
static bool
is_control(unsigned char c, bool one_line)
{
	return c == 0x7f || (c < 0x20 && (one_line || (c != '\t' && c != '\n' && c != '\r')));
}

static bool
has_controls(const char *s, size_t len, bool one_line)
{
	for (size_t i = 0; i < len; i++)
		if (is_control((unsigned char)s[i], one_line))
			return true;
	return false;
}

/* Take the control characters out of a string: form feeds and escape sequences
 * come along with what is copied from documents and terminals. */
static void
drop_controls(struct arena *a, json_t *v)
{
	const char *s = json_string_value(v);
	size_t len = json_string_length(v), n = 0;
	char *kept;

	if (s == NULL || !has_controls(s, len, false))
		return;
	kept = arena_alloc(a, len);
	for (size_t i = 0; i < len; i++)
		if (!is_control((unsigned char)s[i], false))
			kept[n++] = s[i];
	json_string_setn(v, kept, n); /* not when it is no UTF-8, which check_chars() finds */
}

static bool
check_length(struct check *c, size_t n, int64_t min, int64_t max, const char *what)
{
	if ((int64_t)n < min)
		return min == 1 ? bad(c, "must not be empty") : bad(c, "must have at least %" PRId64 " %s", min, what);
	if (max > 0 && (int64_t)n > max)
		return bad(c, "must have at most %" PRId64 " %s", max, what);
	return true;
}

static bool
check_chars(struct check *c, const json_t *v, bool one_line, int64_t min, int64_t max)
{
	const char *s = json_string_value(v);
	size_t len = json_string_length(v);

	if (s == NULL)
		return bad(c, "must be a string");
	if (!utf8_valid(s, len))
		return bad(c, "must be well-formed UTF-8");
	if (has_controls(s, len, one_line))
		return bad(
		    c, one_line ? "must be one line without control characters" : "must not have control characters");
	if (one_line)
		s = trimmed(s, &len);
	return check_length(c, utf8_length(s, len), min, max, "characters");
}

/* Strings with a form of their own: ids, addresses, choices. */
static bool
check_form(struct check *c, const json_t *v)
{
	const struct field *f = c->field;
	const char *s = json_string_value(v);
	char id[UUID_LEN];

	if (s == NULL)
		return bad(c, "must be a string");
	if (strlen(s) != json_string_length(v) || !utf8_valid(s, strlen(s)))
		return bad(c, "must not have control characters");
	switch (f->type) {
	case F_UUID: return uuid_parse(s, id) || bad(c, "must be a UUID");
	case F_EMAIL: return field_is_email(s) || bad(c, "must be an e-mail address");
	case F_PHONE:
		return phone_is_plausible(s) ||
		    bad(c, "must be a phone number: 5 to 20 digits, with or without + in front");
	case F_CHOICE: return is_choice(f->choices, s) || bad(c, "must be one of: %s", f->choices);
	default: break;
	}
	if (f->max > 0 && strlen(s) > (size_t)f->max)
		return bad(c, "must have at most %" PRId64 " bytes", f->max);
	return field_is_url(s, f->max) || bad(c, "must be an http or https URL");
}

/* ---- numbers and containers ------------------------------------------ */

static bool
has_bounds(const struct field *f)
{
	return f->min != 0 || f->max != 0;
}

static bool
check_int(struct check *c, const json_t *v)
{
	const struct field *f = c->field;
	int64_t n = json_integer_value(v);

	if (!json_is_integer(v))
		return bad(c, "must be a whole number");
	if (has_bounds(f) && (n < f->min || n > f->max))
		return bad(c, "must be between %" PRId64 " and %" PRId64, f->min, f->max);
	return true;
}

static bool
check_number(struct check *c, const json_t *v)
{
	const struct field *f = c->field;
	double n = json_number_value(v);

	if (!json_is_number(v)) /* JSON has neither infinities nor NaN, and jansson makes none */
		return bad(c, "must be a number");
	if (has_bounds(f) && (n < (double)f->min || n > (double)f->max))
		return bad(c, "must be between %" PRId64 " and %" PRId64, f->min, f->max);
	return true;
}

static bool
check_credits(struct check *c, const json_t *v)
{
	const struct field *f = c->field;
	char min[UCR_TEXT_LEN], max[UCR_TEXT_LEN];
	int64_t ucr;

	if (!credits_value(v, &ucr))
		return bad(c, "must be a decimal number with at most 6 decimals");
	if (has_bounds(f) && (ucr < f->min || ucr > f->max))
		return bad(c, "must be between %s and %s", ucr_format(f->min, min), ucr_format(f->max, max));
	return true;
}

static bool
check_texts(struct check *c, const json_t *v)
{
	const json_t *item;
	size_t i;

	if (!json_is_array(v))
		return bad(c, "must be an array of strings");
	json_array_foreach(v, i, item)
		if (!check_chars(c, item, true, 0, LISTED_TEXT_MAX_CHARS))
			return bad(c, "element %zu %s", i, c->message);
	return check_length(c, json_array_size(v), c->field->min, c->field->max, "elements");
}

static bool
check_value(struct check *c, json_t *v)
{
	const struct field *f = c->field;

	if (f->type == F_PROSE)
		drop_controls(c->arena, v);
	switch (f->type) {
	case F_PROSE:
	case F_TEXT: return check_chars(c, v, false, f->min, f->max);
	case F_LINE: return check_chars(c, v, true, f->min, f->max);
	case F_INT: return check_int(c, v);
	case F_BOOL: return json_is_boolean(v) || bad(c, "must be true or false");
	case F_CREDITS: return check_credits(c, v);
	case F_NUMBER: return check_number(c, v);
	case F_UUID:
	case F_URL:
	case F_EMAIL:
	case F_PHONE:
	case F_CHOICE: return check_form(c, v);
	case F_OBJECT: return json_is_object(v) || bad(c, "must be an object");
	case F_ARRAY:
		return json_is_array(v) ? check_length(c, json_array_size(v), f->min, f->max, "elements")
					: bad(c, "must be an array");
	case F_TEXTS: break;
	}
	return check_texts(c, v);
}

bool
fields_check(struct arena *a, const struct field *fields, json_t *object, struct field_problem *problem)
{
	for (const struct field *f = fields; f->name != NULL; f++) {
		struct check c = { .arena = a, .field = f };
		json_t *v = json_object_get(object, f->name);
		bool absent = v == NULL || (json_is_null(v) && !(f->flags & F_NULLABLE));

		if (absent ? !(f->flags & F_REQUIRED) : json_is_null(v) || check_value(&c, v))
			continue;
		problem->field = f->name;
		problem->message = absent ? arena_strdup(a, "is required") : c.message;
		return false;
	}
	return true;
}

/* ---- members --------------------------------------------------------- */

const char *
field_text(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

int64_t
field_int(const json_t *object, const char *name, int64_t def)
{
	const json_t *v = json_object_get(object, name);

	return json_is_integer(v) ? json_integer_value(v) : def;
}

bool
field_bool(const json_t *object, const char *name, bool def)
{
	const json_t *v = json_object_get(object, name);

	return json_is_boolean(v) ? json_is_true(v) : def;
}

int64_t
field_ucr(const json_t *object, const char *name, int64_t def_ucr)
{
	int64_t ucr = def_ucr;

	return credits_value(json_object_get(object, name), &ucr) ? ucr : def_ucr;
}

bool
field_present(const json_t *object, const char *name)
{
	return json_object_get(object, name) != NULL;
}

/* ---- schema ---------------------------------------------------------- */

static const struct {
	const char *type, *format;
} schema_of[] = {
	[F_TEXT] = { "string", NULL },
	[F_PROSE] = { "string", NULL },
	[F_LINE] = { "string", NULL },
	[F_INT] = { "integer", "int64" },
	[F_BOOL] = { "boolean", NULL },
	[F_CREDITS] = { "number", NULL },
	[F_NUMBER] = { "number", NULL },
	[F_UUID] = { "string", "uuid" },
	[F_URL] = { "string", "uri" },
	[F_EMAIL] = { "string", "email" },
	[F_PHONE] = { "string", NULL },
	[F_CHOICE] = { "string", NULL },
	[F_OBJECT] = { "object", NULL },
	[F_ARRAY] = { "array", NULL },
	[F_TEXTS] = { "array", NULL },
};

static void
set_int(json_t *schema, const char *key, int64_t n)
{
	json_object_set_new(schema, key, json_integer(n));
}

static void
schema_length(json_t *schema, const struct field *f, const char *min_key, const char *max_key)
{
	if (f->min > 0)
		set_int(schema, min_key, f->min);
	if (f->max > 0)
		set_int(schema, max_key, f->max);
}

static json_t *
ucr_number(int64_t ucr)
{
	char text[UCR_TEXT_LEN];

	if (ucr % UCR_PER_CREDIT == 0)
		return json_integer(ucr / UCR_PER_CREDIT);
	return json_real(strtod(ucr_format(ucr, text), NULL));
}

static void
schema_bounds(json_t *schema, const struct field *f)
{
	bool ucr = f->type == F_CREDITS;

	if (!has_bounds(f))
		return;
	json_object_set_new(schema, "minimum", ucr ? ucr_number(f->min) : json_integer(f->min));
	json_object_set_new(schema, "maximum", ucr ? ucr_number(f->max) : json_integer(f->max));
}

static void
schema_choices(json_t *schema, const struct field *f)
{
	json_t *list = json_array();
	size_t n;

	for (const char *p = f->choices; *p != '\0'; p += n) {
		p += strspn(p, " ");
		n = strcspn(p, " ");
		if (n > 0)
			json_array_append_new(list, json_stringn(p, n));
	}
	if (f->flags & F_NULLABLE)
		json_array_append_new(list, json_null());
	json_object_set_new(schema, "enum", list);
}

static json_t *
field_schema(const struct field *f)
{
	json_t *s = json_object();
	const char *type = schema_of[f->type].type;

	json_object_set_new(s, "type", f->flags & F_NULLABLE ? json_pack("[s,s]", type, "null") : json_string(type));
	if (schema_of[f->type].format != NULL)
		json_object_set_new(s, "format", json_string(schema_of[f->type].format));
	if (f->help != NULL)
		json_object_set_new(s, "description", json_string(f->help));
	if (f->type == F_TEXT || f->type == F_PROSE || f->type == F_LINE || f->type == F_URL)
		schema_length(s, f, "minLength", "maxLength");
	else if (f->type == F_ARRAY || f->type == F_TEXTS)
		schema_length(s, f, "minItems", "maxItems");
	else if (f->type == F_INT || f->type == F_NUMBER || f->type == F_CREDITS)
		schema_bounds(s, f);
	if (f->type == F_EMAIL)
		set_int(s, "maxLength", EMAIL_MAX_BYTES);
	if (f->type == F_PHONE)
		json_object_set_new(s, "pattern", json_string("^\\+?[-0-9 ./()]{5,38}$"));
	if (f->type == F_CHOICE)
		schema_choices(s, f);
	if (f->type == F_TEXTS)
		json_object_set_new(
		    s, "items", json_pack("{s:s, s:i}", "type", "string", "maxLength", LISTED_TEXT_MAX_CHARS));
	return s;
}

json_t *
fields_schema(const struct field *fields)
{
	json_t *properties = json_object(), *required = json_array(), *schema;

	for (const struct field *f = fields; f->name != NULL; f++) {
		json_object_set_new(properties, f->name, field_schema(f));
		if (f->flags & F_REQUIRED)
			json_array_append_new(required, json_string(f->name));
	}
	schema = json_pack("{s:s, s:o}", "type", "object", "properties", properties);
	if (json_array_size(required) > 0)
		json_object_set(schema, "required", required);
	json_decref(required);
	return schema;
}
