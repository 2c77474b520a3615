/*
 * speak -- how weir-demo says things on the wires it knows.
 *
 * A run says neutral pieces, text, reasoning, a call, a usage, an end; a
 * speaker turns each into its wire's bytes. There is one for each wire, in a
 * file of its own. Bytes in a buffer, no I/O, any thread.
 *
 * Sources, read 2026-11: platform.openai.com/docs/api-reference (chat,
 * completions, responses, embeddings, moderations, models) and /docs/guides/error-codes,
 * content_filter as Azure OpenAI sends it; docs.anthropic.com/en/api
 * (messages, messages-streaming, errors, models);
 * ai.google.dev/api/generate-content, /api/embeddings, /api/models.
 */
#ifndef WEIR_DEMO_SPEAK_H
#define WEIR_DEMO_SPEAK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "demo/ask.h"
#include "demo/script.h"

#define SPEAK_ID_BYTES 48

/* Counts of tokens; the total has the reasoning and what was cached in it. */
struct counts {
	int64_t in, out, total, cached, written, reasoning;
	const char *quote; /* around each: "" or a quotation mark */
};

/* A call of a tool. */
struct call {
	char id[SPEAK_ID_BYTES];
	char name[ASK_TOOL_BYTES];
	struct buf args; /* JSON, unless the script spoilt it; owned */
	bool is_open;	 /* begun */
	size_t at;	 /* bytes of args that were said */
};

/* The block of Anthropic's that is open. */
enum block { BLOCK_NONE, BLOCK_TEXT, BLOCK_THINKING, BLOCK_CALL };

/* One answer in one wire's words. */
struct speech {
	const struct speaker *speaker;
	char serial[32];
	char id[SPEAK_ID_BYTES];
	int64_t created_s;
	const char *model; /* base name, not terminated */
	size_t model_len;
	bool include_usage;	  /* OpenAI: every chunk has a usage member */
	bool is_array;		  /* Gemini: elements of an array, no events */
	bool is_started;	  /* Gemini: the array has an element */
	bool has_usage;		  /* counts are told */
	enum block block;	  /* Anthropic: open now */
	unsigned blocks;	  /* Anthropic: how many there were */
	struct counts counts;	  /* as the script has them, so far */
	enum demo_finish finish;  /* why it ends; never FINISH_AUTO */
	struct buf prefix, final; /* what the speaker prepared; owned */
	struct buf items;	  /* Responses: those that are done; owned */
	unsigned events;	  /* Responses: how many there were */
	const struct call *call;  /* Responses: the open one */
};

/* What an end says. */
enum { TAIL_FINISH = 1, TAIL_USAGE = 2, TAIL_DONE = 4 };

/* A whole answer. */
struct whole {
	struct buf text, think;
	const struct call *calls; /* the first of them, so far as said */
	unsigned call_count;
};

struct speaker {
	const char *id_start;	/* of an answer */
	const char *call_start; /* of a call */
	/* The bytes that end a delta's event, and maybe an event that is none,
	 * but never stand elsewhere: by them deltas are counted that left. */
	const char *delta_end;
	const char *array_end; /* the same in an array, or NULL */
	const char *event_end; /* what ends an event */
	const char *comment;   /* NULL: comments are said as ": still here" */
	const char *noise;     /* events that mean nothing */
	bool has_whole_calls;  /* a call is one piece */
	bool has_always_usage; /* whether asked for or not */

	/* The headers that are this wire's own. */
	void (*headers)(struct buf *out, const struct speech *sp);
	/* Prepare for a stream. */
	void (*begin)(struct speech *sp);
	/* Append events: what comes before the first delta; a delta. */
	void (*open)(struct buf *out, struct speech *sp);
	void (*text)(struct buf *out, struct speech *sp, const char *text, size_t len);
	void (*think)(struct buf *out, struct speech *sp, const char *text, size_t len);
	void (*call)(struct buf *out, struct speech *sp, const struct call *call, unsigned index, struct span args);
	/* The two ends of a text delta, for a text that is sent in pieces. */
	void (*text_open)(struct buf *out, struct speech *sp);
	void (*text_close)(struct buf *out, struct speech *sp);
	/* The end, as far as marks has it. */
	void (*tail)(struct buf *out, struct speech *sp, unsigned marks);
	/* An answer that is not streamed. */
	void (*whole)(struct buf *out, struct speech *sp, const struct whole *w);
	/* A body, and an event, with an error; the fault may have a shape of its own. */
	void (*error)(struct buf *out, const struct speech *sp, const struct wire_error *err);
	void (*error_event)(struct buf *out, struct speech *sp, const struct wire_error *err, enum demo_fault fault);
	/* A model, and all of them. */
	void (*model)(struct buf *out, const char *name);
	void (*models)(struct buf *out);
	/* OpenAI only, else NULL: a delta whose text is an array of two parts; an
	 * event with an empty delta and, before or after it, the whole text. */
	void (*parts)(struct buf *out, struct speech *sp, const char *text, size_t len);
	void (*repeat)(struct buf *out, struct speech *sp, const struct buf *text, bool is_first);
};

extern const struct speaker speaker_openai, speaker_completions, speaker_responses, speaker_anthropic, speaker_gemini;

/* Append "name":"value", or null for NULL. */
void speak_member(struct buf *out, const char *name, const char *value);

/* The counts that a script tells for these. */
void speak_counts(struct counts *c, const struct script *s, uint32_t in, uint32_t out, uint32_t reasoning);

/* The error this fault is on this wire; model is put into its text. */
void speak_fault(
    struct wire_error *err, const struct speaker *speaker, enum demo_fault fault, int status, const char *model);

/* The signature of a thought or call: base64, the same for the same bytes. */
void speak_signature(char out[32], const void *bytes, size_t len);

/* May this signature, which may be NULL, be one of ours? */
bool speak_has_signed(const json_t *signature);

/* Append base64 with its padding. */
void speak_base64(struct buf *out, const unsigned char *bytes, size_t len);

/* Append the unit vector of a text (demo/meaning.h): its numbers with commas between
 * them, or base64 of little-endian floats. 0 dimensions: MEANING_DIMENSIONS. */
void speak_vector(struct buf *out, const json_t *text, uint32_t dimensions, bool is_base64);

#endif
