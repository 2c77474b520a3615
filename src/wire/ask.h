/*
 * What may be asked of a model, whatever the wire it is said in.  A plain value;
 * strings are borrowed.
 */
#ifndef WEIR_WIRE_ASK_H
#define WEIR_WIRE_ASK_H

#include <stddef.h>
#include <stdint.h>

enum op { OP_CHAT };

/* One message of a conversation. */
struct ask_message {
	const char *role; /* "system", "user", "assistant" */
	const char *content;
	const char *image_url, *video_url, *audio_url; /* NULL: none */
};

struct ask_chat {
	const struct ask_message *messages;
	size_t n_messages;
	double temperature; /* negative: the provider's default */
};

struct ask {
	enum op op;
	union {
		struct ask_chat chat; /* OP_CHAT */
	};
};

#endif
