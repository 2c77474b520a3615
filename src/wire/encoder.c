#include "wire/encoder.h"

#include <string.h>

static enum status
status_of(const char *type, const char *code)
{
	if (type != NULL && strcmp(type, "done") == 0)
		return OK;
	if (type != NULL && strcmp(type, "cancelled") == 0)
		return E_CANCELLED;
	return code == NULL ? E_INTERNAL : status_from_code(code);
}

struct encoder_end
encoder_read_end(const char *end_json, enum lang lang)
{
	struct encoder_end end = { .event = json_loads(end_json, JSON_ALLOW_NUL, NULL) };

	end.data = json_object_get(end.event, "data");
	end.usage = json_object_get(end.data, "usage");
	end.status = status_of(json_string_value(json_object_get(end.event, "type")),
	    json_string_value(json_object_get(end.data, "code")));
	end.message = json_string_value(json_object_get(end.data, "message"));
	if (end.message == NULL)
		end.message = status_text(end.status, lang);
	return end;
}

json_int_t
encoder_count(const struct encoder_end *end, const char *name)
{
	json_int_t n = json_integer_value(json_object_get(end->usage, name));

	return n > 0 ? n : 0;
}

bool
encoder_is_estimate(const struct encoder_end *end)
{
	return json_is_true(json_object_get(end->usage, "estimated"));
}

void
encoder_put_id(struct buf *out, const char *before, const char *uuid)
{
	buf_puts(out, before);
	for (; uuid != NULL && *uuid != '\0'; uuid++)
		if (*uuid != '-')
			buf_add(out, uuid, 1);
}
