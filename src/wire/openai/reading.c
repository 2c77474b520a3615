/*
 * Reading a request's JSON with an eye on where we are in it.
 */
#include "wire/openai/reading.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

size_t
reading_enter(struct reading *r, const char *fmt, ...)
{
	size_t before = r->at_len, room = sizeof(r->at) - before;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(r->at + before, room, fmt, ap);
	va_end(ap);
	if (n > 0)
		r->at_len += (size_t)n < room ? (size_t)n : room - 1;
	return before;
}

void
reading_leave(struct reading *r, size_t before)
{
	r->at_len = before;
	r->at[before] = '\0';
}

static void
note_problem(struct reading *r, struct dialect_problem *problem, const char *member, const char *text)
{
	snprintf(problem->field, sizeof(problem->field), "%s%s%s", r->at, r->at_len > 0 && *member != '\0' ? "." : "",
	    member);
	snprintf(problem->text, sizeof(problem->text), "%s", text);
}

bool
reading_wrong(struct reading *r, const char *member, const char *text)
{
	note_problem(r, r->problem, member, text);
	return false;
}

bool
reading_unsupported(struct reading *r, const char *member, const char *text)
{
	r->problem->is_unsupported = true;
	return reading_wrong(r, member, text);
}

bool
reading_own_only(struct reading *r, const char *member, const char *text)
{
	struct dialect_problem *problem = &r->out->own_only;

	if (problem->text[0] == '\0')
		note_problem(r, problem, member, text);
	problem->is_unsupported = true;
	return true;
}

const json_t *
reading_member(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	return json_is_null(value) ? NULL : value;
}

bool
reading_string(struct reading *r, const json_t *object, const char *name, const char **out)
{
	const json_t *value = reading_member(object, name);

	*out = json_string_value(value);
	return value == NULL || *out != NULL || reading_wrong(r, name, "must be a string");
}

bool
reading_need_string(struct reading *r, const json_t *object, const char *name, const char **out)
{
	if (!reading_string(r, object, name, out))
		return false;
	if (*out == NULL)
		return reading_wrong(r, name, "is missing");
	return **out != '\0' || reading_wrong(r, name, "must not be empty");
}

bool
reading_object(struct reading *r, const json_t *object, const char *name, const json_t **out)
{
	*out = reading_member(object, name);
	return *out == NULL || json_is_object(*out) || reading_wrong(r, name, "must be an object");
}

bool
reading_need_object(struct reading *r, const json_t *object, const char *name, const json_t **out)
{
	return reading_object(r, object, name, out) && (*out != NULL || reading_wrong(r, name, "is missing"));
}

bool
reading_array(struct reading *r, const json_t *object, const char *name, const json_t **out)
{
	*out = reading_member(object, name);
	return *out == NULL || json_is_array(*out) || reading_wrong(r, name, "must be an array");
}

bool
reading_bool(struct reading *r, const json_t *object, const char *name, bool *out)
{
	const json_t *value = reading_member(object, name);

	if (value == NULL)
		return true;
	*out = json_is_true(value);
	return json_is_boolean(value) || reading_wrong(r, name, "must be true or false");
}

bool
reading_number(struct reading *r, const json_t *object, const char *name, double max, double *out)
{
	const json_t *value = reading_member(object, name);
	char text[64];

	if (value == NULL)
		return true;
	*out = json_number_value(value);
	if (json_is_number(value) && *out >= 0 && *out <= max)
		return true;
	snprintf(text, sizeof(text), "must be a number from 0 to %g", max);
	return reading_wrong(r, name, text);
}

/* Some clients have one kind of number only, and say 4096.0. */
bool
reading_integer(struct reading *r, const json_t *object, const char *name, int64_t min, int64_t *out)
{
	const json_t *value = reading_member(object, name);
	double real = json_real_value(value);
	char text[64];

	if (value == NULL)
		return true;
	if (json_is_real(value) && real >= -1e15 && real <= 1e15 && real == (double)(int64_t)real)
		*out = (int64_t)real;
	else if (json_is_integer(value))
		*out = json_integer_value(value);
	else
		return reading_wrong(r, name, "must be an integer");
	if (*out >= min)
		return true;
	snprintf(text, sizeof(text), "must be %lld or more", (long long)min);
	return reading_wrong(r, name, text);
}

void *
reading_keep(struct reading *r, void *memory)
{
	arena_cleanup(r->a, free, memory);
	return memory;
}

const char *
reading_json(struct reading *r, const json_t *value)
{
	return reading_keep(r, json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(15)));
}
