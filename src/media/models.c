#include "media/models.h"

#include <string.h>

#include "base/fields.h"
#include "catalog/select.h"
#include "wire/media.h"

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

const json_t *
media_row_for(struct arena *a, enum media_op op, const struct offer_model *m)
{
	for (size_t i = 0; i < m->n_channels; i++) {
		const json_t *row = media_model_row(a, m, &m->channels[i]);

		if (media_wire_find(m->channels[i].provider) != NULL && media_fits(op, row))
			return row;
	}
	return NULL;
}

/* ---- what the page is told -------------------------------------------------------------- */

/* The values of a part of the row, [{value, factor}]: the price is multiplied by the factor. */
static json_t *
choices_json(const json_t *part)
{
	const json_t *values = json_object_get(part, "values");
	json_t *out = json_array(), *value;
	const char *name;
	size_t i;

	json_array_foreach((json_t *)values, i, value)
		if (json_is_string(value))
			json_array_append_new(out, json_pack("{s:O, s:i}", "value", value, "factor", 1));
	json_object_foreach((json_t *)values, name, value)
		json_array_append_new(out,
		    json_pack(
			"{s:s, s:f}", "value", name, "factor", json_is_number(value) ? json_number_value(value) : 1.0));
	return out;
}

static json_t *
default_json(const json_t *part)
{
	json_t *value = json_object_get(part, "default");

	return json_is_string(value) ? json_incref(value) : json_null();
}

static json_t *
makes_json(struct arena *a, const struct offer_model *m)
{
	json_t *ops = json_array();
	const json_t *row = NULL, *images;

	for (enum media_op op = MAKE_IMAGE; op <= MAKE_STORYBOARD; op++) {
		const json_t *fits = strcmp(m->type, media_op_type(op)) == 0 ? media_row_for(a, op, m) : NULL;

		if (fits != NULL)
			json_array_append_new(ops, json_string(media_op_name(op)));
		row = row == NULL ? fits : row;
	}
	images = json_object_get(row, "images");
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:b, s:I}", "ops", ops, "sizes",
	    choices_json(json_object_get(row, "size")), "size", default_json(json_object_get(row, "size")),
	    "resolutions", choices_json(json_object_get(row, "resolution")), "resolution",
	    default_json(json_object_get(row, "resolution")), "seconds", choices_json(json_object_get(row, "seconds")),
	    "length", default_json(json_object_get(row, "seconds")), "images_min",
	    (json_int_t)field_int(images, "min", 0), "images_max",
	    (json_int_t)(images == NULL ? 0 : field_int(images, "max", 1)), "n_max",
	    (json_int_t)media_count_max(json_object_get(row, "n")), "prompt_max",
	    (json_int_t)field_int(row, "prompt_max", MEDIA_PROMPT_MAX), "has_watermark",
	    json_object_get(row, "remove_watermark") != NULL, "typical_s",
	    (json_int_t)field_int(row, "typical_s", media_typical_s(m->type)));
}

enum status
media_makes_tell(struct context *cx, json_t *items)
{
	const struct offer_model *m;
	struct offer *offer;
	json_t *item;
	size_t i;
	enum status st = select_current(cx, &offer);

	if (st != OK)
		return fail(cx, st, "offer: %s", pg_error(cx->pg));
	json_array_foreach(items, i, item) {
		const char *type = json_string_value(json_object_get(item, "type"));
		bool makes = strcmp(type, "image") == 0 || strcmp(type, "video") == 0;

		m = makes ? offer_model(offer, json_integer_value(json_object_get(item, "id"))) : NULL;
		json_object_set_new(item, "makes", m == NULL ? json_null() : makes_json(cx->arena, m));
	}
	return OK;
}
