/*
 * Reading what a client asks, and saying what is wrong with it and where.
 *
 * The readers of members return false when the member is not what it should be,
 * and have said so in *problem; a member that is null is as good as none.  A body
 * may be nearly as large as the request's arena: lists and made texts are
 * malloc'ed and freed with it.
 */
#ifndef WEIR_WIRE_OPENAI_READING_H
#define WEIR_WIRE_OPENAI_READING_H

#include <jansson.h>

#include "wire/dialect.h"

struct reading {
	struct arena *a;
	struct dialect_problem *problem;
	struct dialect_ask *out;
	char at[64];   /* where we are: "messages[2].content[0]" */
	size_t at_len; /* of it */

	/* of messages: in_messages.c */
	struct ask_message *messages;
	struct ask_part *parts; /* of all messages, one after the other */
	size_t n_messages, n_parts;
	json_t *names;		 /* of the functions called so far, by the id of the call */
	bool is_after_result;	 /* the message before brought the result of a call */
	const char *function_id; /* of the last call of the old kind, which has none */
};

/* Go to a place within this one; returns what reading_leave() takes. */
size_t reading_enter(struct reading *r, const char *fmt, ...) PRINTF_LIKE(2, 3);
void reading_leave(struct reading *r, size_t before);
/* Say what is wrong with a member of this place, or ("") with the place.  Always false. */
bool reading_wrong(struct reading *r, const char *name, const char *text);

/* A member, or NULL. */
const json_t *reading_member(const json_t *object, const char *name);
/* A member of that kind, or NULL. */
bool reading_string(struct reading *r, const json_t *object, const char *name, const char **out);
bool reading_object(struct reading *r, const json_t *object, const char *name, const json_t **out);
bool reading_array(struct reading *r, const json_t *object, const char *name, const json_t **out);
/* One that must be there; and a string must say something. */
bool reading_need_string(struct reading *r, const json_t *object, const char *name, const char **out);
bool reading_need_object(struct reading *r, const json_t *object, const char *name, const json_t **out);
/* *out stays what it is when there is none.  Numbers are from 0 to max; integers from
 * min on, and 4096.0 is one. */
bool reading_bool(struct reading *r, const json_t *object, const char *name, bool *out);
bool reading_number(struct reading *r, const json_t *object, const char *name, double max, double *out);
bool reading_integer(struct reading *r, const json_t *object, const char *name, int64_t min, int64_t *out);

/* Free it with the request; returns it. */
void *reading_keep(struct reading *r, void *memory);
/* A value as JSON text, kept so. */
const char *reading_json(struct reading *r, const json_t *value);

/* Members that chats and completions have in common, into *r->out: in.c */
bool openai_stop_read(struct reading *r, const json_t *body);
bool openai_sampling_read(struct reading *r, const json_t *body);
bool openai_stream_read(struct reading *r, const json_t *body);
/* The messages of a chat, into *r->out: in_messages.c */
bool openai_messages_read(struct reading *r, const json_t *body);

#endif
