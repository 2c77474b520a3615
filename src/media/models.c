#include "media/models.h"

#include <string.h>

#include "core/context.h"

static const struct known {
	const char *name, *row;
} known[] = {
#define MODEL(name, row) { name, row },
#include "media/models.def"
#undef MODEL
};

static json_t *
parse_known(struct arena *a, const char *row)
{
	char *text = arena_strdup(a, row);

	for (char *p = text; *p != '\0'; p++)
		if (*p == '\'')
			*p = '"';
	return json_loads(text, 0, NULL);
}

const json_t *
media_model_row(struct arena *a, const struct offer_model *m, const struct offer_channel *through)
{
	json_t *said = json_loads(m->media == NULL ? "{}" : m->media, 0, NULL);

	for (size_t i = 0; json_object_size(said) == 0 && i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(known[i].name, through->upstream_name) == 0) {
			json_decref(said);
			said = parse_known(a, known[i].row);
			break;
		}
	return json_own(a, json_is_object(said) ? said : json_object());
}
