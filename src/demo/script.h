/*
 * script -- what a request asks weir-demo to do: pace, length, usage, fault.
 *
 * A script starts from the defaults of its model (demo, demo-fast,
 * demo-slow) and is changed, in this order, by the command line, the suffix
 * of the model name, X-Demo-* headers and [[demo ...]] directives in the
 * last user message; later words win. All functions are pure and may be
 * called from any thread. The words are a table in script.c, from which
 * `weir-demo --help` prints the grammar; man/weir-demo.1 repeats it.
 */
#ifndef WEIR_DEMO_SCRIPT_H
#define WEIR_DEMO_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "demo/squeeze.h"

/* X(ENUM, word, what it does). "at" is the script's `at` delta. */
#define DEMO_FAULTS(X) \
	X(NONE, "none", "answer normally") \
	X(REFUSE, "refuse", "reset the connection without an answer") \
	X(CLOSE, "close", "close the connection without an answer") \
	X(STATUS, "400..599", "this HTTP status with the error body of the wire") \
	X(QUOTA, "quota", "429 insufficient_quota, without Retry-After") \
	X(CONTEXT, "context", "400 context_length_exceeded") \
	X(FILTER, "filter", "400 content_filter: the prompt is refused") \
	X(HTML, "html", "502 with an HTML body, as a proxy would send") \
	X(REDIRECT, "redirect", "302 to a link-local address") \
	X(BIG_HEADER, "big-header", "a response header of `size` bytes") \
	X(STALL_BEFORE, "stall-before", "stall before the first byte") \
	X(STALL_HEADERS, "stall-headers", "stall after the headers") \
	X(STALL_AFTER, "stall-after", "stall after `at` deltas") \
	X(RESET, "reset", "reset the connection after `at` deltas") \
	X(RESET_MID, "reset-mid", "reset inside the frame after `at` deltas") \
	X(CUT, "cut", "close inside the frame after `at` deltas") \
	X(ERROR_MID, "error-mid", "an error event after `at` deltas, the end") \
	X(FILTER_MID, "filter-mid", "end after `at` deltas, finish_reason content_filter") \
	X(SLICES, "slices", "every byte in an HTTP chunk of its own") \
	X(LONG_LINE, "long-line", "one line of `size` bytes after `at`") \
	X(BAD_JSON, "bad-json", "an event of broken JSON after `at` deltas") \
	X(BAD_UTF8, "bad-utf8", "a delta of invalid UTF-8 after `at` deltas") \
	X(COMMENTS, "comments", "an SSE comment before every delta") \
	X(EMPTY, "empty", "no delta at all, but a regular end") \
	X(NO_DONE, "no-done", "leave out [DONE]") \
	X(NO_FINISH, "no-finish", "leave out finish_reason, usage and [DONE]") \
	X(END_CLOSE, "end-close", "close after the last event, without the last HTTP chunk") \
	X(END_RESET, "end-reset", "reset there") \
	X(END_OPEN, "end-open", "say nothing more there, and keep the connection open") \
	X(END_COMMENTS, "end-comments", "send comments for ever there") \
	X(END_GARBAGE, "end-garbage", "send there what is no event") \
	X(END_NO_BLANK, "end-no-blank", "leave out the empty line after the last event") \
	X(END_NO_LINE, "end-no-line", "leave out the end of its line as well") \
	X(END_ERROR, "end-error", "an error event after the last event") \
	X(END_FILTER, "end-filter", "an error event of the content filter there") \
	X(ERROR_FRAME, "error-frame", "an event named error after `at` deltas, the end") \
	X(ERROR_OBJECT, "error-object", "an event {\"object\":\"error\"} there, the end") \
	X(ERROR_CODE, "error-code", "an event {\"error_code\":...} there, the end") \
	X(ERROR_FILTER, "error-filter", "an error event of the content filter there, the end") \
	X(PARTS, "parts", "the content of each delta is an array of parts (OpenAI)") \
	X(REPEAT, "repeat", "the last chunk has the whole message again, after an empty delta (OpenAI)") \
	X(REPEAT_FIRST, "repeat-first", "the same, before an empty delta") \
	X(HALVES, "halves", "characters that begin in one delta and end in the next, after `at`") \
	X(NOISE, "noise", "events that mean nothing before every delta") \
	X(WHOLE, "whole", "a whole completion where a stream was asked for") \
	X(ERROR_200, "error-200", "200 with an error body") \
	X(FILTER_200, "filter-200", "200 with the body of fault=filter") \
	X(HTML_200, "html-200", "200 with an HTML body") \
	X(BOMB, "bomb", "after `at` deltas a line of `size` bytes, in gzip, 160 times shorter")

enum demo_fault {
#define DEMO_FAULT_ENUM(name, word, help) FAULT_##name,
	DEMO_FAULTS(DEMO_FAULT_ENUM)
#undef DEMO_FAULT_ENUM
};

enum demo_usage {
	USAGE_OK,	/* true counts, when the request asks for usage */
	USAGE_ALWAYS,	/* true counts, asked for or not */
	USAGE_NONE,	/* never */
	USAGE_ZERO,	/* all counts 0 */
	USAGE_WRONG,	/* plausible types, wrong and inconsistent counts */
	USAGE_HUGE,	/* counts near 2^62 */
	USAGE_NEGATIVE, /* counts below zero */
	USAGE_STRING,	/* counts as JSON strings */
	USAGE_GIVEN,	/* usage_in and usage_out */
};

enum demo_finish {
	FINISH_AUTO, /* stop, or length when max tokens cut the answer */
	FINISH_STOP,
	FINISH_LENGTH,
	FINISH_CONTENT_FILTER,
	FINISH_TOOL_CALLS,
	FINISH_SENSITIVE,
	FINISH_EMPTY, /* "" */
	FINISH_ERROR,
	FINISH_NETWORK_ERROR,
	FINISH_UNKNOWN, /* a word that nobody knows */
};

/* Which events say that the answer is over. */
enum demo_marker {
	MARKER_BOTH,
	MARKER_FINISH, /* finish_reason only */
	MARKER_DONE,   /* [DONE] only */
};

/* What a task of KIE's comes to. */
enum demo_result {
	RESULT_OK,
	RESULT_FAIL,
	RESULT_STUCK,	 /* it never ends */
	RESULT_STRANGE,	 /* a state that nobody knows */
	RESULT_GONE,	 /* the file is not there any more */
	RESULT_HTML,	 /* the file is a page */
	RESULT_SVG,	 /* the file may hold a script */
	RESULT_LARGE,	 /* the file has 40 MB */
	RESULT_REDIRECT, /* the file is said to be at a link-local address */
	RESULT_INSIDE,	 /* the task says so at once */
};

#define SCRIPT_AT_HALF UINT32_MAX
#define SCRIPT_CALLS 4
#define SCRIPT_CALL_BYTES 256

struct script {
	uint32_t delay_ms;    /* request read -> status line */
	uint32_t first_ms;    /* headers -> first delta */
	uint32_t interval_us; /* between deltas; 0: as fast as it goes */
	uint32_t duration_ms; /* spread all deltas over this; 0: unused */
	uint32_t deltas;      /* content deltas; 0: the answer's own length */
	uint32_t delta_bytes; /* text bytes of each delta; 0: one word each */
	uint32_t reasoning;   /* reasoning_content deltas before the content */
	uint32_t at;	      /* deltas before a fault; SCRIPT_AT_HALF */
	uint32_t stall_ms;    /* length of a stall; 0: until the client goes */
	uint32_t retry_s;     /* Retry-After of 429 and 503 */
	uint32_t size_bytes;  /* of long-line, big-header, bomb; 0: their own */
	uint32_t fail;	      /* the fault hits only the first n attempts */
	uint32_t status;      /* for FAULT_STATUS */
	uint32_t timestamps;  /* 1: deltas are CLOCK_MONOTONIC nanoseconds */
	uint32_t echo;	      /* 1: the answer is the prompt, word for word */
	uint32_t again;	      /* 1: tools are called although one has spoken */
	uint32_t cached;      /* tokens of the prompt that came from a cache */
	uint32_t written;     /* and that were put into it */
	uint32_t task_ms;     /* until a task of KIE's ends; 0: 300 */
	uint32_t silent;      /* 1: no callback tells of it */
	uint32_t strict;      /* 1: refuse a history that is not ours */
	uint32_t call_count;
	char calls[SCRIPT_CALLS][SCRIPT_CALL_BYTES]; /* NAME:key=value:...; "1": the first tool */
	enum demo_fault fault;
	enum demo_usage usage;
	enum demo_finish finish;
	enum demo_marker marker;
	enum demo_encoding encoding;
	enum demo_result result;
	int64_t usage_in, usage_out; /* for USAGE_GIVEN */
	uint64_t key;		     /* names the attempts that fail= counts */
};

#define SCRIPT_ERROR_BYTES 160

/* Number of models and the name of each, in the order /v1/models lists. */
#define SCRIPT_MODELS 3
extern const char *const script_models[SCRIPT_MODELS];

/* Set *s to what is asked for by no one: everything immediate, no fault. */
void script_init(struct script *s);

/* Apply one word. Returns false and fills err when the key is unknown or the
 * value is out of its bounds; *s is then unchanged. */
bool script_set(struct script *s, const char *key, size_t key_len, const char *value, size_t value_len,
    char err[SCRIPT_ERROR_BYTES]);

/* Apply "key=value" words separated by ; , & or white space. A bare key
 * means key=1. Returns false and fills err at the first bad word. */
bool script_apply(struct script *s, const char *words, size_t len, char err[SCRIPT_ERROR_BYTES]);

/* Length of the base of a model name: up to the first ';'. */
size_t script_base_len(const char *model, size_t len);

/* Is this base name one of ours? On true the pace of that model is in *s;
 * on false *s is untouched. */
bool script_base(struct script *s, const char *base, size_t len);

/* Apply every [[demo ...]] directive found in text. A directive with
 * model=NAME counts only when base is NAME. Returns false as
 * script_apply(). */
bool script_directives(
    struct script *s, const char *text, size_t len, const char *base, size_t base_len, char err[SCRIPT_ERROR_BYTES]);

/* Find the next directive in text from *from: true, with its whole extent
 * in [*start, *end). */
bool script_find_directive(const char *text, size_t len, size_t from, size_t *start, size_t *end);

/* The word of a fault, for logs. */
const char *script_fault_word(enum demo_fault fault);

/* 64-bit FNV-1a of bytes, started from seed (0 for a fresh hash). */
uint64_t script_hash(uint64_t seed, const void *bytes, size_t len);

/* Print the grammar, its keys and faults. */
void script_help(FILE *out);

#endif
