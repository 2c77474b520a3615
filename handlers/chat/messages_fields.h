/* The body of a message, the same whether its answer is streamed or not. */
#ifndef WEIR_MESSAGES_FIELDS_H
#define WEIR_MESSAGES_FIELDS_H

#define MESSAGE_FIELDS \
	{ "content", F_PROSE, F_REQUIRED, .min = 1, .max = 32000, .help = "The question." }, \
	    { "model", F_LINE, 0, .min = 1, .max = 100, .help = "A model's name; default: the conversation's." }, \
	    { "image_url", F_URL, 0, .max = 2048 }, { "video_url", F_URL, 0, .max = 2048 }, \
	    { "audio_url", F_URL, 0, .max = 2048 }, \
	{ \
		.name = NULL \
	}

#endif
