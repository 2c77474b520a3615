/*
 * A provider's whole body, passed on: what is JSON stays so, with our name for the model
 * where it had one, the counts that are told where they are ours, and all else as it was.
 */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "wire/own.h"

#define FLAGS (JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool ok)
{
	if (!ok)
		abort();
}

/* Members of both, but those two (usage in whatever letters); and a model that was a text is ours now. */
static void
check_same(json_t *was, json_t *is, bool has_usage)
{
	const char *name;
	json_t *value;
	void *next;

	if (json_is_string(json_object_get(was, "model"))) {
		check(strcmp(json_string_value(json_object_get(is, "model")), "our\"s") == 0);
		json_object_set(was, "model", json_object_get(is, "model"));
	}
	if (has_usage) {
		check(json_integer_value(json_object_get(json_object_get(is, "usage"), "n")) == 1);
		json_object_foreach_safe(was, next, name, value)
		{
			if (strcasecmp(name, "usage") == 0)
				json_object_del(was, name);
		}
		json_object_set(was, "usage", json_object_get(is, "usage"));
	}
	check(json_equal(was, is));
}

static void
pass_on(const char *bytes, size_t size, const char *usage)
{
	struct buf line = BUF_INIT(0);
	json_t *was, *is;
	char *text;

	buf_add(&line, bytes, size);
	buf_add(&line, "\n", 1);
	text = own_whole(&line, "model", "our\"s", "usage", usage);
	was = json_loadb(bytes, size, FLAGS, NULL);
	if (memchr(bytes, '\n', size) != NULL || size == 0)
		check(text == NULL);
	else if (text != NULL && json_is_object(was)) {
		is = json_loads(text, FLAGS, NULL);
		check(is != NULL);
		check_same(was, is, usage != NULL);
		json_decref(is);
	}
	json_decref(was);
	free(text);
	buf_free(&line);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	pass_on((const char *)data, size, NULL);
	pass_on((const char *)data, size, "{\"n\":1}");
	return 0;
}
