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
/* … that is understood, and not done here, whoever is asked.  Always false. */
bool reading_unsupported(struct reading *r, const char *name, const char *text);
/* … that only the client's own words can say: the first of them is noted.  Always true. */
bool reading_own_only(struct reading *r, const char *name, const char *text);

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
/* What they are made of; r->messages and r->parts have room for it. */
void openai_message_add(struct reading *r, const char *role);
/* To the last message.  Always true. */
bool openai_part_add(struct reading *r, struct ask_part part);
/* A call of the function that has that name and those arguments, which may be no object. */
bool openai_call_add(struct reading *r, const char *id, const json_t *function);
/* Is it an http, https or data URL? */
bool openai_is_url(const char *url);
const char *openai_data_url(struct reading *r, const char *type, const char *base64);

/* Of how it is asked: in.c */
bool openai_tool_read(struct reading *r, const json_t *function, struct ask_tool *out);
bool openai_choice_word(struct reading *r, const char *name, const char *word);
bool openai_effort_read(struct reading *r, const json_t *object, const char *name);

#endif
