/* A message, the same whether its answer is streamed or not: after weir.h. */
#ifndef WEIR_MESSAGES_FIELDS_H
#define WEIR_MESSAGES_FIELDS_H

#define MESSAGE_FIELDS \
	{ "content", F_PROSE, F_REQUIRED, .min = 1, .max = 32000, .help = "The question." }, \
	    { "model", F_LINE, 0, .min = 1, .max = 100, .help = "A model's name; default: the conversation's." }, \
	    { "image_url", F_URL, 0, .max = 2048 }, \
	    { "image_urls", F_ARRAY, 0, .max = QUESTION_IMAGES_MAX, .help = "Several pictures; 10 with image_url." }, \
	    { "file_urls", F_ARRAY, 0, .max = QUESTION_FILES_MAX, \
		    .help = \
			"Documents, uploads of the caller that have been read: their texts go along, now and with later questions." }, \
	    { "video_url", F_URL, 0, .max = 2048 }, { "audio_url", F_URL, 0, .max = 2048 }, \
	    { "edit_of", F_UUID, 0, \
		    .help = \
			"A question of before: this one and its answer are shown in its place and in that of what follows it, which stays." }, \
	{ \
		.name = NULL \
	}

/* Its pictures: image_url, then image_urls. */
static inline enum status
message_images(struct request *rq, struct question *q)
{
	const char *first = field_text(rq->json, "image_url");
	json_t *url;
	size_t i;

	q->images_field = json_array_size(json_object_get(rq->json, "image_urls")) > 0 ? "image_urls" : "image_url";
	if (first != NULL)
		q->image_urls[q->n_images++] = first;
	json_array_foreach(json_object_get(rq->json, "image_urls"), i, url) {
		if (!json_is_string(url) || !field_is_url(json_string_value(url), 2048))
			return fail_field(&rq->cx, "image_urls", "must be http or https URLs");
		if (q->n_images == QUESTION_IMAGES_MAX)
			return fail_field(
			    &rq->cx, "image_urls", "must be at most %d with image_url", QUESTION_IMAGES_MAX);
		q->image_urls[q->n_images++] = json_string_value(url);
	}
	return OK;
}

/* Its documents. */
static inline enum status
message_files(struct request *rq, struct question *q)
{
	json_t *url;
	size_t i;

	json_array_foreach(json_object_get(rq->json, "file_urls"), i, url) {
		if (!json_is_string(url) || !field_is_url(json_string_value(url), 2048))
			return fail_field(&rq->cx, "file_urls", "must be URLs of uploads");
		q->file_urls[q->n_files++] = json_string_value(url); /* as many as the field may have */
	}
	return OK;
}

/* The turn that the request's body asks for, answered as wanted. */
static inline enum status
message_begin(struct request *rq, const struct reader_wants *wants)
{
	struct question question = {
		.content = field_text(rq->json, "content"),
		.video_url = field_text(rq->json, "video_url"),
		.audio_url = field_text(rq->json, "audio_url"),
	};
	enum status st = message_images(rq, &question);

	if (st != OK || (st = message_files(rq, &question)) != OK)
		return st;
	return turn_begin(rq,
	    &(struct turn_ask){ .wants = wants,
		.conversation_id = path_uuid(rq, "conversation_id"),
		.edit_id = field_text(rq->json, "edit_of"),
		.model = field_text(rq->json, "model"),
		.question = question });
}

#endif
