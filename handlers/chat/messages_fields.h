/* A message, the same whether its answer is streamed or not: after weir.h. */
#ifndef WEIR_MESSAGES_FIELDS_H
#define WEIR_MESSAGES_FIELDS_H

#define MESSAGE_FIELDS \
	{ "content", F_PROSE, F_REQUIRED, .min = 1, .max = 32000, .help = "The question." }, \
	    { "model", F_LINE, 0, .min = 1, .max = 100, .help = "A model's name; default: the conversation's." }, \
	    { "image_url", F_URL, 0, .max = 2048 }, { "video_url", F_URL, 0, .max = 2048 }, \
	    { "audio_url", F_URL, 0, .max = 2048 }, \
	    { "edit_of", F_UUID, 0, \
		    .help = \
			"A question of before: this one and its answer are shown in its place and in that of what follows it, which stays." }, \
	{ \
		.name = NULL \
	}

/* The turn that the request's body asks for, answered as wanted. */
static inline enum status
message_begin(struct request *rq, const struct reader_wants *wants)
{
	return turn_begin(rq,
	    &(struct turn_ask){ .wants = wants,
		.conversation_id = path_uuid(rq, "conversation_id"),
		.edit_id = field_text(rq->json, "edit_of"),
		.model = field_text(rq->json, "model"),
		.question = {
		    .content = field_text(rq->json, "content"),
		    .image_url = field_text(rq->json, "image_url"),
		    .video_url = field_text(rq->json, "video_url"),
		    .audio_url = field_text(rq->json, "audio_url"),
		} });
}

#endif
