/*
 * What may be asked of a model, whatever the wire it is said in and the dialect
 * it was asked in.  A plain value; strings are borrowed.
 */
#ifndef WEIR_WIRE_ASK_H
#define WEIR_WIRE_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What may be asked for.  All but chat are answered in one piece or in bytes that pass
 * as they stand. */
enum op {
	OP_CHAT,
	OP_EMBED,      /* vectors of texts */
	OP_RERANK,     /* how well documents answer a query */
	OP_MODERATE,   /* is it harmful? */
	OP_IMAGE,      /* pictures of words, */
	OP_IMAGE_EDIT, /* of pictures and words, */
	OP_IMAGE_VARY, /* of a picture */
	OP_SPEECH,     /* words read aloud */
	OP_TRANSCRIBE, /* the words of a recording, */
	OP_TRANSLATE,  /* in English */
};

/* What a message consists of. */
enum ask_part_kind {
	ASK_TEXT,     /* text */
	ASK_IMAGE,    /* url: https or data: */
	ASK_VIDEO,    /* url */
	ASK_AUDIO,    /* url */
	ASK_FILE,     /* url; name: of the file, NULL: none */
	ASK_THINKING, /* text: what the model thought; signature: its maker's seal */
	ASK_CALL,     /* id, name, text: its arguments, a JSON object; signature */
	ASK_RESULT,   /* id of the call it answers, name, text; is_error */
};

struct ask_part {
	enum ask_part_kind kind;
	const char *text, *url, *id, *name, *signature; /* NULL: not said */
	bool is_error;
};

/* Seals of these kinds are known by what stands before them while they are ours, and are said
 * in one wire alone: of OpenAI's reasoning (four letters twice, for some clients read base64 of
 * it); of thought that Anthropic shows to nobody, redacted_thinking, which has no text. */
#define ASK_SEAL_OPENAI "openai10"
#define ASK_SEAL_REDACTED "redacted:"

/* One message of a conversation. */
struct ask_message {
	const char *role; /* "system", "user", "assistant"; results of calls are a user's */
	struct ask_part *parts;
	size_t n_parts;
};

/* A function the model may call. */
struct ask_tool {
	const char *name, *description; /* description NULL: none */
	const char *parameters;		/* JSON Schema, as JSON text; NULL: none */
	bool strict;
};

enum ask_choice { CHOICE_AUTO, CHOICE_NONE, CHOICE_ANY, CHOICE_NAMED };
enum ask_format { FORMAT_TEXT, FORMAT_JSON, FORMAT_SCHEMA };
enum ask_effort { EFFORT_UNSAID, EFFORT_NONE, EFFORT_MINIMAL, EFFORT_LOW, EFFORT_MEDIUM, EFFORT_HIGH, EFFORT_MAX };

/* Zero is "not said" but where something else is named. */
struct ask_chat {
	const struct ask_message *messages;
	size_t n_messages;
	double temperature, top_p; /* negative: not said */
	int64_t top_k;
	int64_t seed; /* negative: not said */
	const char *const *stop;
	size_t n_stop;

	const struct ask_tool *tools;
	size_t n_tools;
	enum ask_choice choice;
	const char *choice_name; /* CHOICE_NAMED */
	bool one_call;		 /* not several at once */

	enum ask_format format;
	const char *schema, *schema_name; /* FORMAT_SCHEMA: JSON text, and what it is called (NULL: nothing) */
	bool schema_strict;		  /* never anything else than that */
	enum ask_effort effort;
	int64_t thinking_tokens; /* at most so many of thought */
	const char *user;	 /* whoever the caller asks for */
};

/* Texts whose vectors are wanted. */
struct ask_embed {
	const char *const *texts; /* NULL: they were said in a way that only their own wire knows */
	size_t n;
	int64_t dimensions;	     /* 0: the model's own */
	const char *purpose, *title; /* Gemini's taskType and title; NULL: none */
	bool is_single;		     /* asked for one, not for a list of one */
	bool is_base64;		     /* answered so, not as numbers */
};

struct ask {
	enum op op;
	int64_t max_output_tokens;
	/* The client's own words, a JSON object, and the wire that they are of: where
	 * that wire is asked they pass as they stand.  NULL: none. */
	const char *own_words, *own_wire;
	size_t own_words_len;
	const char *own_type;		/* their Content-Type where they are no JSON; NULL: they are */
	const char *own_path;		/* the path they came by, where a wire has several; NULL: none */
	const char *own_tools;		/* JSON, in place of their "tools"; NULL: those stay */
	const char *own_behind;		/* behind the path of the endpoint, where they go elsewhere; NULL: nothing */
	const char *const *own_headers; /* that belong to them: "Name: value", NULL-terminated; NULL: none */
	unsigned shape; /* the quirks of whoever is asked that change its body: QUIRKS_OF_BODY (wire/quirks.h) */
	union {
		struct ask_chat chat;	/* OP_CHAT */
		struct ask_embed embed; /* OP_EMBED; the others are said in own words alone */
	};
};

/* How a plain chat is asked: nothing said of how. */
#define ASK_CHAT_PLAIN .temperature = -1, .top_p = -1, .seed = -1

#endif
