#include "media/params.h"

#include <stdlib.h>
#include <string.h>

#include "base/fields.h"
#include "base/utf8.h"

#define TYPICAL_IMAGE_S 20
#define TYPICAL_VIDEO_S 180
#define RATIO_MAX 1000.0
#define COUNT_MAX 4

static const struct op_row {
	const char *name, *type;
} ops[] = {
	[MAKE_IMAGE] = { "images.generate", "image" },
	[MAKE_EDIT] = { "images.edit", "image" },
	[MAKE_VIDEO] = { "videos.generate", "video" },
	[MAKE_FROM_IMAGE] = { "videos.from_image", "video" },
	[MAKE_STORYBOARD] = { "videos.storyboard", "video" },
};

const char *
media_op_name(enum media_op op)
{
	return ops[op].name;
}

const char *
media_op_type(enum media_op op)
{
	return ops[op].type;
}

int
media_typical_s(const char *type)
{
	return strcmp(type, "video") == 0 ? TYPICAL_VIDEO_S : TYPICAL_IMAGE_S;
}

bool
media_fits(enum media_op op, const json_t *row)
{
	const json_t *images = json_object_get(row, "images"), *shots = json_object_get(row, "shots");
	bool needs_images = json_integer_value(json_object_get(images, "min")) > 0;

	switch (op) {
	case MAKE_IMAGE:
	case MAKE_VIDEO: return !needs_images && shots == NULL;
	case MAKE_EDIT:
	case MAKE_FROM_IMAGE: return images != NULL && shots == NULL;
	case MAKE_STORYBOARD: return shots != NULL;
	}
	return false;
}

/* The provider's name for what a part of the row is about. */
static const char *
field_of(const json_t *part)
{
	return json_string_value(json_object_get(part, "field"));
}

static enum status
put_prompt(struct context *cx, const json_t *row, const json_t *body, json_t *input)
{
	const char *prompt = field_text(body, "prompt");
	int64_t most = field_int(row, "prompt_max", MEDIA_PROMPT_MAX);

	if (prompt == NULL)
		return OK;
	if ((int64_t)utf8_length(prompt, strlen(prompt)) > most)
		return fail_field(cx, "prompt", "must be at most %lld characters for this model", (long long)most);
	json_object_set_new(input, "prompt", json_string(prompt));
	return OK;
}

/* Does a list of texts, or the names of an object, have it? */
static bool
has_value(const json_t *values, const char *text)
{
	json_t *value;
	size_t i;

	if (json_is_object(values))
		return json_object_get(values, text) != NULL;
	json_array_foreach((json_t *)values, i, value)
		if (json_is_string(value) && strcmp(json_string_value(value), text) == 0)
			return true;
	return false;
}

/* A choice among the row's values: `name` in the request, `part` in the row. */
static enum status
put_choice(
    struct context *cx, const char *name, const json_t *part, const json_t *body, json_t *input, const char **out)
{
	const char *said = field_text(body, name), *otherwise = json_string_value(json_object_get(part, "default"));

	*out = NULL;
	if (said != NULL && field_of(part) == NULL)
		return fail_field(cx, name, "is not taken by this model");
	if (said != NULL && !has_value(json_object_get(part, "values"), said))
		return fail_field(cx, name, "is not among the values this model takes");
	*out = said != NULL ? said : otherwise;
	if (*out != NULL && field_of(part) != NULL)
		json_object_set_new(input, field_of(part), json_string(*out));
	return OK;
}

/* The addresses under `name`: one of them, or a list. */
static enum status
put_images(struct context *cx, const char *name, const json_t *part, const json_t *body, json_t *input)
{
	json_t *said = json_object_get(body, name),
	       *list = json_is_string(said) ? json_pack("[O]", said) : json_incref(said);
	int64_t least = field_int(part, "min", 0), most = field_int(part, "max", 1), n = (int64_t)json_array_size(list);
	json_t *url;
	size_t i;

	list = json_own(cx->arena, list);
	json_array_foreach(list, i, url)
		if (!json_is_string(url) || !field_is_url(json_string_value(url), 2048))
			return fail_field(cx, name, "must be http or https URLs");
	if (n > 0 && field_of(part) == NULL)
		return fail_field(cx, name, "is not taken by this model");
	if (n < least || n > most)
		return fail_field(cx, name, "must be %lld to %lld for this model", (long long)least, (long long)most);
	if (n > 0)
		json_object_set(input, field_of(part), list);
	return OK;
}

/* Shots of a storyboard: what is seen, and for how long; they fill its length. */
static enum status
put_shots(struct context *cx, const json_t *part, const json_t *body, int64_t seconds, json_t *input)
{
	json_t *shots = json_object_get(body, "shots"), *list = json_own(cx->arena, json_array()), *shot;
	double sum = 0;
	size_t i;

	if (part == NULL)
		return OK;
	json_array_foreach(shots, i, shot) {
		const char *scene = json_string_value(json_object_get(shot, "scene"));
		const json_t *duration = json_object_get(shot, "duration");

		if (scene == NULL || *scene == '\0' || !json_is_number(duration) || json_number_value(duration) < 0.1)
			return fail_field(cx, "shots", "must be {scene, duration of 0.1 s or more}");
		sum += json_number_value(duration);
		json_array_append_new(list, json_pack("{s:s, s:O}", "Scene", scene, "duration", (json_t *)duration));
	}
	if (sum > (double)seconds + 0.001 || sum < (double)seconds - 0.001)
		return fail_field(cx, "shots", "must last %lld s in all", (long long)seconds);
	json_object_set(input, field_of(part) == NULL ? "shots" : field_of(part), list);
	return OK;
}

/* What the price is multiplied by for a value; 1 where the row says nothing. */
static void
add_ratio(const json_t *part, const char *value, int64_t *ratio_ppm)
{
	const json_t *ratio = value == NULL ? NULL : json_object_get(json_object_get(part, "values"), value);
	double times = json_number_value(ratio);

	if (json_is_number(ratio) && times >= 0 && times <= RATIO_MAX)
		*ratio_ppm = (int64_t)((double)*ratio_ppm * times + 0.5);
}

static const char *
images_name(enum media_op op)
{
	return op == MAKE_FROM_IMAGE ? "image_url" : op == MAKE_STORYBOARD ? "storyboard_images" : "image_urls";
}

/* How long a film is, as a number: the provider may want it as a text. */
static enum status
put_length(struct context *cx, const json_t *part, const json_t *body, json_t *input, struct media_wanted *out)
{
	const char *length;
	enum status st = put_choice(cx, "n_frames", part, body, input, &length);

	if (st != OK)
		return st;
	out->used.seconds = length == NULL ? 0 : strtoll(length, NULL, 10);
	if (out->used.seconds <= 0)
		return fail_field(cx, "n_frames", "is missing, and the model has no length of its own");
	if (json_is_true(json_object_get(part, "as_number")))
		json_object_set_new(input, field_of(part), json_integer(out->used.seconds));
	add_ratio(part, length, &out->ratio_ppm);
	return OK;
}

static enum status
put_flag(struct context *cx, const char *name, const json_t *row, const json_t *body, json_t *input)
{
	const char *field = field_of(json_object_get(row, name));

	if (!field_present(body, name))
		return OK;
	if (field == NULL)
		return fail_field(cx, name, "is not taken by this model");
	json_object_set_new(input, field, json_boolean(field_bool(body, name, false)));
	return OK;
}

int64_t
media_count_max(const json_t *part)
{
	return field_of(part) == NULL ? 1 : field_int(part, "max", COUNT_MAX);
}

/* How many pictures, of one request to the provider: where it makes one at a time there is one. */
static enum status
put_count(struct context *cx, const json_t *part, const json_t *body, json_t *input, struct media_wanted *out)
{
	int64_t n = field_int(body, "n", 1), most = media_count_max(part);

	if (n > 1 && most == 1)
		return fail_field(cx, "n", "is not taken by this model: it makes one picture at a time");
	if (n > most)
		return fail_field(cx, "n", "must be at most %lld for this model", (long long)most);
	if (n > 1)
		json_object_set_new(input, field_of(part), json_integer(n));
	out->used.images = n;
	return OK;
}

enum status
media_params(struct context *cx, enum media_op op, const json_t *row, const json_t *body, struct media_wanted *out)
{
	const json_t *fixed = json_object_get(row, "fixed");
	bool is_video = strcmp(media_op_type(op), "video") == 0;
	json_t *input = json_own(cx->arena, json_is_object(fixed) ? json_deep_copy(fixed) : json_object());
	const char *value;
	enum status st;

	*out = (struct media_wanted){ .input = input,
		.ratio_ppm = RATIO_ONE,
		.typical_s = (int)field_int(row, "typical_s", media_typical_s(media_op_type(op))) };
	if ((st = put_prompt(cx, row, body, input)) != OK ||
	    (st = put_choice(
		 cx, is_video ? "aspect_ratio" : "size", json_object_get(row, "size"), body, input, &value)) != OK ||
	    (st = put_choice(cx, "resolution", json_object_get(row, "resolution"), body, input, &value)) != OK)
		return st;
	add_ratio(json_object_get(row, "resolution"), value, &out->ratio_ppm);
	if ((st = put_images(cx, images_name(op), json_object_get(row, "images"), body, input)) != OK)
		return st;
	if (!is_video)
		return put_count(cx, json_object_get(row, "n"), body, input, out);
	if ((st = put_length(cx, json_object_get(row, "seconds"), body, input, out)) != OK ||
	    (st = put_flag(cx, "remove_watermark", row, body, input)) != OK)
		return st;
	return op == MAKE_STORYBOARD ? put_shots(cx, json_object_get(row, "shots"), body, out->used.seconds, input)
				     : OK;
}
