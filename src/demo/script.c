/* The grammar of scripted answers. The contract is in script.h. */
#include "demo/script.h"

#include <ctype.h>
#include <string.h>

const char *const script_models[SCRIPT_MODELS] = { "demo", "demo-fast", "demo-slow" };

enum kind {
	KIND_NUMBER,   /* uint32_t field, bounds in the row */
	KIND_PACE,     /* deltas per second -> interval_us */
	KIND_INTERVAL, /* milliseconds, fraction allowed -> interval_us */
	KIND_FAULT,
	KIND_USAGE,
	KIND_WORD, /* one of the row's words -> an enum field */
	KIND_CALL, /* one more of calls */
	KIND_KEY,
	KIND_MODEL, /* a condition, read by script_directives() */
};

struct key_row {
	const char *name;
	enum kind kind;
	size_t offset;
	uint32_t max; /* of a number; how many words */
	const char *help;
	const char *const *words;
};

static const char *const finish_words[] = {
	"auto",
	"stop",
	"length",
	"content_filter",
	"tool_calls",
	"sensitive",
	"empty",
	"error",
	"network_error",
	"unknown",
};

static const char *const marker_words[] = { "both", "finish", "done" };
static const char *const result_words[] = { "ok", "fail", "stuck", "strange", "gone", "html", "svg", "large",
	"redirect", "inside" };
static const char *const encoding_words[] = { "none", "gzip", "deflate" };

#define HOUR_MS 3600000u
#define NUMBER(key, field, max, help) key, KIND_NUMBER, offsetof(struct script, field), max, help, NULL
#define WORD(key, field, words, help) \
	key, KIND_WORD, offsetof(struct script, field), sizeof(words) / sizeof(*(words)), help, words
#define OTHER(key, kind, help) key, kind, 0, 0, help, NULL

/* TO ADD A WORD: 1. a row here, 2. its field in struct script, 3. its line
 * in man/weir-demo.1 (tests/demo compares the two). */
static const struct key_row keys[] = {
	{ NUMBER("delay", delay_ms, HOUR_MS, "ms before the status line") },
	{ NUMBER("first", first_ms, HOUR_MS, "ms between headers and content") },
	{ OTHER("pace", KIND_PACE, "deltas a second, 0 for no pause") },
	{ OTHER("interval", KIND_INTERVAL, "ms between deltas, may have a point") },
	{ NUMBER("duration", duration_ms, HOUR_MS, "ms over which to spread all deltas") },
	{ NUMBER("deltas", deltas, 1000000, "how many content deltas") },
	{ NUMBER("bytes", delta_bytes, 65536, "bytes of text in each delta") },
	{ NUMBER("reasoning", reasoning, 100000, "how many reasoning_content deltas come first") },
	{ NUMBER("echo", echo, 1, "1: the answer is the prompt") },
	{ NUMBER("ts", timestamps, 1, "1: each delta is a CLOCK_MONOTONIC time in ns") },
	{ NUMBER("timestamps", timestamps, 1, "the same as ts") },
	{ OTHER("call", KIND_CALL, "call a tool: NAME:key=value:key=value, NAME:!arguments, or the first one") },
	{ NUMBER("again", again, 1, "1: tools are called although one has spoken") },
	{ NUMBER("cached", cached, 1000000000, "tokens of the prompt that came from a cache") },
	{ NUMBER("written", written, 1000000000, "tokens of the prompt that were put into a cache") },
	{ NUMBER("strict", strict, 1, "1: 400 for a thought or call without the signature it was given") },
	{ OTHER("usage", KIND_USAGE, "ok, always, none, zero, wrong, huge, negative, string, IN/OUT") },
	{ WORD("finish", finish, finish_words,
	    "stop, length, content_filter, tool_calls, sensitive, empty, error, network_error, unknown") },
	{ WORD("marker", marker, marker_words, "what says the end: both, finish, done") },
	{ WORD("encoding", encoding, encoding_words, "none, gzip, deflate: the coding of a stream") },
	{ NUMBER("task", task_ms, HOUR_MS, "ms until a task of KIE ends (300)") },
	{ NUMBER("silent", silent, 1, "1: no callback tells of its end") },
	{ WORD("result", result, result_words,
	    "ok, fail, stuck, strange; its file: gone, html, svg, large, redirect, inside") },
	{ OTHER("fault", KIND_FAULT, "one of the faults below") },
	{ NUMBER("at", at, 1000000, "deltas before a fault (default: half)") },
	{ NUMBER("stall", stall_ms, HOUR_MS, "ms a stall lasts (default: until the client leaves)") },
	{ NUMBER("retry", retry_s, 86400, "Retry-After of 429 and 503, seconds") },
	{ NUMBER("size", size_bytes, 256u << 20, "bytes of long-line, bomb (10485760) or big-header (262144)") },
	{ NUMBER("fail", fail, 1000000, "the fault (default 500) hits only the first N attempts") },
	{ OTHER("key", KIND_KEY, "what fail= counts by (default: model and prompt)") },
	{ OTHER("model", KIND_MODEL, "in a directive: applies only to this model") },
};

#define KEYS (sizeof keys / sizeof keys[0])

static const char *const fault_words[] = {
#define DEMO_FAULT_WORD(name, word, help) word,
	DEMO_FAULTS(DEMO_FAULT_WORD)
#undef DEMO_FAULT_WORD
};

static const char *const usage_words[] = {
	"ok",
	"always",
	"none",
	"zero",
	"wrong",
	"huge",
	"negative",
	"string",
};

static bool
word_is(const char *word, const char *text, size_t len)
{
	return strlen(word) == len && memcmp(word, text, len) == 0;
}

static int
word_index(const char *const *words, size_t count, const char *text, size_t len)
{
	for (size_t i = 0; i < count; i++)
		if (word_is(words[i], text, len))
			return (int)i;
	return -1;
}

/* Digits only, at most max. */
static bool
parse_number(const char *text, size_t len, uint64_t max, uint64_t *out)
{
	uint64_t n = 0;

	if (len == 0 || len > 18)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!isdigit((unsigned char)text[i]))
			return false;
		n = n * 10 + (uint64_t)(text[i] - '0');
	}
	if (n > max)
		return false;
	*out = n;
	return true;
}

/* "12" or "0.25" milliseconds -> microseconds. */
static bool
parse_interval(const char *text, size_t len, uint32_t *out_us)
{
	const char *dot = memchr(text, '.', len);
	size_t whole_len = dot ? (size_t)(dot - text) : len;
	size_t part_len = dot ? len - whole_len - 1 : 0;
	uint64_t whole = 0, part = 0;

	if (!parse_number(text, whole_len, HOUR_MS, &whole) || part_len > 3)
		return false;
	if (dot && !parse_number(dot + 1, part_len, 999, &part))
		return false;
	for (size_t i = part_len; i < 3; i++)
		part *= 10;
	if (whole * 1000 + part > UINT32_MAX)
		return false;
	*out_us = (uint32_t)(whole * 1000 + part);
	return true;
}

static bool
set_pace(struct script *s, const char *value, size_t len)
{
	uint64_t per_s;

	if (!parse_number(value, len, 1000000, &per_s))
		return false;
	s->interval_us = per_s ? (uint32_t)(1000000 / per_s) : 0;
	s->duration_ms = 0;
	return true;
}

static bool
set_fault(struct script *s, const char *value, size_t len)
{
	uint64_t status;
	int i;

	if (len == 3 && parse_number(value, len, 599, &status)) {
		if (status < 400)
			return false;
		s->fault = FAULT_STATUS;
		s->status = (uint32_t)status;
		return true;
	}
	/* Two that are usage in disguise, so that one list has every fault. */
	if (word_is("no-usage", value, len) || word_is("wrong-usage", value, len)) {
		s->usage = value[0] == 'n' ? USAGE_NONE : USAGE_WRONG;
		return true;
	}
	i = word_index(fault_words, sizeof fault_words / sizeof *fault_words, value, len);
	if (i < 0 || i == FAULT_STATUS)
		return false;
	s->fault = (enum demo_fault)i;
	return true;
}

static bool
set_usage(struct script *s, const char *value, size_t len)
{
	const char *slash = memchr(value, '/', len);
	uint64_t in, out;
	int i;

	if (slash != NULL) {
		size_t n = (size_t)(slash - value);

		if (!parse_number(value, n, INT64_MAX, &in) || !parse_number(slash + 1, len - n - 1, INT64_MAX, &out))
			return false;
		s->usage = USAGE_GIVEN;
		s->usage_in = (int64_t)in;
		s->usage_out = (int64_t)out;
		return true;
	}
	i = word_index(usage_words, sizeof usage_words / sizeof *usage_words, value, len);
	if (i >= 0)
		s->usage = (enum demo_usage)i;
	return i >= 0;
}

_Static_assert(sizeof(enum demo_finish) == sizeof(int) && sizeof(enum demo_marker) == sizeof(int) &&
	sizeof(enum demo_encoding) == sizeof(int) && sizeof(enum demo_result) == sizeof(int),
    "set_word() writes an int");

static bool
set_word(struct script *s, const struct key_row *row, const char *value, size_t len)
{
	int i = word_index(row->words, row->max, value, len);

	if (i >= 0)
		memcpy((char *)s + row->offset, &i, sizeof i);
	return i >= 0;
}

static bool
set_number(struct script *s, const struct key_row *row, const char *value, size_t len)
{
	uint64_t n;
	uint32_t n32;

	if (!parse_number(value, len, row->max, &n))
		return false;
	n32 = (uint32_t)n;
	memcpy((char *)s + row->offset, &n32, sizeof n32);
	return true;
}

static bool
add_call(struct script *s, const char *value, size_t len)
{
	if (len == 0 || len >= SCRIPT_CALL_BYTES || s->call_count == SCRIPT_CALLS)
		return false;
	memcpy(s->calls[s->call_count], value, len);
	s->calls[s->call_count++][len] = '\0';
	return true;
}

static bool
set_row(struct script *s, const struct key_row *row, const char *value, size_t len)
{
	switch (row->kind) {
	case KIND_NUMBER: return set_number(s, row, value, len);
	case KIND_PACE: return set_pace(s, value, len);
	case KIND_INTERVAL: s->duration_ms = 0; return parse_interval(value, len, &s->interval_us);
	case KIND_FAULT: return set_fault(s, value, len);
	case KIND_USAGE: return set_usage(s, value, len);
	case KIND_WORD: return set_word(s, row, value, len);
	case KIND_CALL: return add_call(s, value, len);
	case KIND_KEY: s->key = script_hash(0, value, len); return true;
	case KIND_MODEL: return true;
	}
	return false;
}

void
script_init(struct script *s)
{
	*s = (struct script){ .at = SCRIPT_AT_HALF, .retry_s = 1 };
}

bool
script_set(struct script *s, const char *key, size_t key_len, const char *value, size_t value_len,
    char err[SCRIPT_ERROR_BYTES])
{
	struct script next = *s;

	for (size_t i = 0; i < KEYS; i++) {
		if (!word_is(keys[i].name, key, key_len))
			continue;
		if (!set_row(&next, &keys[i], value, value_len)) {
			snprintf(err, SCRIPT_ERROR_BYTES, "Bad value '%.*s' for demo key '%s'.",
			    (int)(value_len > 40 ? 40 : value_len), value, keys[i].name);
			return false;
		}
		*s = next;
		return true;
	}
	snprintf(err, SCRIPT_ERROR_BYTES, "Unknown demo key '%.*s'.", (int)(key_len > 40 ? 40 : key_len), key);
	return false;
}

static bool
is_separator(char c)
{
	return c == ';' || c == ',' || c == '&' || isspace((unsigned char)c);
}

/* Next word of words from *pos; false at the end. */
static bool
next_word(const char *words, size_t len, size_t *pos, const char **word, size_t *word_len)
{
	size_t start;

	while (*pos < len && is_separator(words[*pos]))
		(*pos)++;
	start = *pos;
	while (*pos < len && !is_separator(words[*pos]))
		(*pos)++;
	*word = words + start;
	*word_len = *pos - start;
	return *word_len > 0;
}

bool
script_apply(struct script *s, const char *words, size_t len, char err[SCRIPT_ERROR_BYTES])
{
	const char *word;
	size_t word_len, pos = 0;

	while (next_word(words, len, &pos, &word, &word_len)) {
		const char *eq = memchr(word, '=', word_len);
		size_t key_len = eq ? (size_t)(eq - word) : word_len;
		const char *value = eq ? eq + 1 : "1";
		size_t value_len = eq ? word_len - key_len - 1 : 1;

		if (!script_set(s, word, key_len, value, value_len, err))
			return false;
	}
	return true;
}

size_t
script_base_len(const char *model, size_t len)
{
	const char *semicolon = memchr(model, ';', len);

	return semicolon ? (size_t)(semicolon - model) : len;
}

bool
script_base(struct script *s, const char *base, size_t len)
{
	switch (word_index(script_models, SCRIPT_MODELS, base, len)) {
	case 0: s->interval_us = 25000; return true;
	case 1: return true;
	case 2: s->duration_ms = 12000; return true;
	default: return false;
	}
}

bool
script_find_directive(const char *text, size_t len, size_t from, size_t *start, size_t *end)
{
	static const char open[] = "[[demo", close[] = "]]";

	while (from < len) {
		const char *a = memmem(text + from, len - from, open, sizeof open - 1);
		const char *z;
		size_t body;

		if (a == NULL)
			return false;
		body = (size_t)(a - text) + sizeof open - 1;
		z = memmem(text + body, len - body, close, sizeof close - 1);
		if (z == NULL)
			return false;
		if (is_separator(text[body]) || z == text + body) {
			*start = (size_t)(a - text);
			*end = (size_t)(z - text) + sizeof close - 1;
			return true;
		}
		from = body;
	}
	return false;
}

/* Does a model= word among words name another model than base? */
static bool
is_for_other_model(const char *words, size_t len, const char *base, size_t base_len)
{
	const char *word;
	size_t word_len, pos = 0;

	while (next_word(words, len, &pos, &word, &word_len))
		if (word_len > 6 && memcmp(word, "model=", 6) == 0 &&
		    (word_len - 6 != base_len || memcmp(word + 6, base, base_len) != 0))
			return true;
	return false;
}

bool
script_directives(
    struct script *s, const char *text, size_t len, const char *base, size_t base_len, char err[SCRIPT_ERROR_BYTES])
{
	size_t start, end, from = 0;

	while (script_find_directive(text, len, from, &start, &end)) {
		const char *words = text + start + 6;
		size_t words_len = end - start - 8;

		if (!is_for_other_model(words, words_len, base, base_len) && !script_apply(s, words, words_len, err))
			return false;
		from = end;
	}
	return true;
}

const char *
script_fault_word(enum demo_fault fault)
{
	return fault_words[fault];
}

uint64_t
script_hash(uint64_t seed, const void *bytes, size_t len)
{
	const unsigned char *p = bytes;
	uint64_t h = seed ^ 0xcbf29ce484222325u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 0x100000001b3u;
	return h;
}

void
script_help(FILE *out)
{
	static const struct {
		const char *word, *help;
	} faults[] = {
#define DEMO_FAULT_HELP(name, word, help) { word, help },
		DEMO_FAULTS(DEMO_FAULT_HELP)
#undef DEMO_FAULT_HELP
	};

	fputs("A script is a list of key=value words separated by ; ,"
	      " & or white space:\n"
	      "  as suffix of the model:  demo-fast;deltas=20;fault=reset-mid\n"
	      "  in the last user message: [[demo delay=500 usage=none]]\n"
	      "  as request headers:      X-Demo-Delay: 500\n"
	      "Later ones win, in the order: command line,"
	      " model suffix, headers, message.\n\nKeys:\n",
	    out);
	for (size_t i = 0; i < KEYS; i++)
		fprintf(out, "  %-11s %s\n", keys[i].name, keys[i].help);
	fputs("\nFaults:\n", out);
	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
		fprintf(out, "  %-13s %s\n", faults[i].word, faults[i].help);
	fputs("  no-usage, wrong-usage  the same as usage=none, usage=wrong\n", out);
}
