/*
 * What is asked, as an HTTP request of the Gemini wire.
 *
 * Source: ai.google.dev/api/generate-content and ai.google.dev/api/caching#Content;
 * ai.google.dev/gemini-api/docs/thinking (budgets and levels of each model) and
 * /thought-signatures (what a call without one needs).
 *
 * What depends on the candidate, the longest answer and how much is thought, are
 * members of generationConfig; so that is the first member of the body, begun in the
 * gap.  How much is thought is a matter of the model's name; what was asked of it
 * is noted where the gap begins.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "wire/gemini/gemini.h"
#include "wire/headers.h"
#include "wire/own.h"
#include "wire/url.h"
#include "wire/value.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define SEED_MASK 0x7fffffff

/* What of the question head() needs, at the front of the gap. */
struct note {
	enum ask_effort effort;
	int64_t thinking_tokens;
};

/* ---- where to --------------------------------------------------------------- */

/* A name as one segment of a path; "models/" before it is how Google itself lists it. */
void
gemini_put_model(struct buf *out, const char *model)
{
	static const char hex[] = "0123456789ABCDEF";

	if (strncmp(model, "tunedModels/", 12) == 0) {
		buf_puts(out, "tunedModels/");
		model += 12;
	} else {
		buf_puts(out, "models/");
		model += strncmp(model, "models/", 7) == 0 ? 7 : 0;
	}
	for (; *model != '\0'; model++) {
		unsigned char c = (unsigned char)*model;
		char escaped[3] = { '%', hex[c >> 4], hex[c & 15] };

		if (isalnum(c) || strchr("-._~", c) != NULL)
			buf_add(out, model, 1);
		else
			buf_add(out, escaped, 3);
	}
}

/* The endpoint for a base URL: with or without /v1beta.  NULL when it is no http(s) URL. */
static const char *
endpoint(struct arena *a, const char *base, const char *model, bool stream)
{
	struct buf b = BUF_INIT(0);
	const char *made;
	struct url url;

	if (!url_read(base, &url))
		return NULL;
	if (url.query[0] != '\0' && url.query[1] == '\0')
		url.query = "";
	buf_puts(&b, url_has_version(&url) ? "/" : "/v1beta/");
	gemini_put_model(&b, model);
	buf_puts(&b, stream ? ":streamGenerateContent?alt=sse" : ":generateContent");
	if (stream && *url.query != '\0') {
		buf_printf(&b, "&%s", url.query + 1);
		url.query = "";
	}
	made = url_join(a, &url, b.data);
	buf_free(&b);
	return made;
}

/* ---- JSON ------------------------------------------------------------------- */

/* A comma, unless this is the first within its brackets, or of all: the gap ends with a NUL. */
static void
next(struct buf *out)
{
	if (strchr("{[", out->data[out->len - 1]) == NULL)
		buf_add(out, ",", 1);
}

static void
put_name(struct buf *out, const char *name)
{
	next(out);
	buf_printf(out, "\"%s\":", name);
}

/* Nothing when it is not said. */
static void
put_string(struct buf *out, const char *name, const char *value)
{
	if (value == NULL)
		return;
	put_name(out, name);
	buf_json(out, value, strlen(value));
}

/* JSON without the blanks between its values. */
static void
squeeze(struct buf *out, const char *json, size_t len)
{
	bool is_in_string = false, is_escaped = false;
	size_t start = 0;

	for (size_t i = 0; i < len; i++) {
		char c = json[i];

		if (!is_in_string && strchr(" \t\r\n", c) != NULL) {
			buf_add(out, json + start, i - start);
			start = i + 1;
			continue;
		}
		if (c == '"' && !is_escaped)
			is_in_string = !is_in_string;
		is_escaped = is_in_string && c == '\\' && !is_escaped;
	}
	buf_add(out, json + start, len - start);
}

void
gemini_put_args(struct buf *out, const char *json, size_t len)
{
	if (value_is_object(json, len)) {
		squeeze(out, json, len);
	} else if (len == 0) {
		buf_puts(out, "{}");
	} else {
		buf_puts(out, "{\"text\":");
		buf_json(out, json, len);
		buf_puts(out, "}");
	}
}

/* ---- parts ------------------------------------------------------------------ */

/* Where a call stands in the conversation, to be found by its id. */
struct call_at {
	const char *id, *name;
	size_t at;
};

struct writer {
	struct buf *out;
	const char *role; /* of the open content; NULL: none */
	bool has_call;	  /* it holds one */
	bool is_wrong;	  /* it cannot be said */
	size_t at;	  /* parts so far */
	struct call_at *calls;
	size_t n_calls;
};

static int
compare_calls(const void *x, const void *y)
{
	const struct call_at *a = x, *b = y;
	int by_id = strcmp(a->id, b->id);

	return by_id != 0 ? by_id : (a->at > b->at) - (a->at < b->at);
}

static void
list_calls(struct writer *w, const struct ask_chat *chat)
{
	size_t n = 0, at = 0;

	for (size_t i = 0; i < chat->n_messages; i++)
		n += chat->messages[i].n_parts;
	w->calls = xcalloc(n + 1, sizeof(*w->calls));
	for (size_t i = 0; i < chat->n_messages; i++)
		for (size_t j = 0; j < chat->messages[i].n_parts; j++, at++) {
			const struct ask_part *part = &chat->messages[i].parts[j];

			if (part->kind == ASK_CALL && part->id != NULL)
				w->calls[w->n_calls++] = (struct call_at){ part->id, part->name, at };
		}
	qsort(w->calls, w->n_calls, sizeof(*w->calls), compare_calls);
}

/* The last call of that id so far, or NULL: ids may come again in a later turn. */
static const struct call_at *
called(const struct writer *w, const char *id)
{
	struct call_at here = { id, NULL, w->at };
	size_t low = 0, high = w->n_calls;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_calls(&w->calls[middle], &here) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 && strcmp(w->calls[low - 1].id, id) == 0 ? &w->calls[low - 1] : NULL;
}

/* data:image/png;base64,…; false when it is none, or of another encoding. */
static bool
put_inline(struct buf *out, const char *url)
{
	const char *type = url + strlen("data:"), *comma = strchr(type, ',');
	size_t len = comma == NULL ? 0 : (size_t)(comma - type), type_len = strcspn(type, ";,");

	if (len < 7 || strncasecmp(comma - 7, ";base64", 7) != 0)
		return false;
	put_name(out, "inlineData");
	buf_puts(out, "{\"mimeType\":");
	buf_json(out, type_len == 0 ? "text/plain" : type, type_len == 0 ? strlen("text/plain") : type_len);
	put_string(out, "data", comma + 1);
	buf_puts(out, "}");
	return true;
}

/* The type a URL's last letters promise, or NULL. */
static const char *
type_of(const char *url)
{
	static const struct {
		const char *end, *type;
	} types[] = {
		{ ".gif", "image/gif" },
		{ ".jpeg", "image/jpeg" },
		{ ".jpg", "image/jpeg" },
		{ ".m4a", "audio/mp4" },
		{ ".mp3", "audio/mpeg" },
		{ ".mp4", "video/mp4" },
		{ ".ogg", "audio/ogg" },
		{ ".pdf", "application/pdf" },
		{ ".png", "image/png" },
		{ ".wav", "audio/wav" },
		{ ".webm", "video/webm" },
		{ ".webp", "image/webp" },
	};
	size_t len = strcspn(url, "?#");

	for (size_t i = 0; i < COUNT(types); i++) {
		size_t n = strlen(types[i].end);

		if (len > n && strncasecmp(url + len - n, types[i].end, n) == 0)
			return types[i].type;
	}
	return NULL;
}

static void
put_file(struct writer *w, const struct ask_part *part)
{
	if (part->url == NULL) {
		w->is_wrong = true;
	} else if (strncasecmp(part->url, "data:", 5) == 0) {
		w->is_wrong |= !put_inline(w->out, part->url);
	} else {
		put_name(w->out, "fileData");
		buf_puts(w->out, "{");
		put_string(w->out, "mimeType", type_of(part->url));
		put_string(w->out, "fileUri", part->url);
		buf_puts(w->out, "}");
	}
}

static void
put_call(struct writer *w, const struct ask_part *part)
{
	const char *args = part->text == NULL ? "" : part->text;

	w->is_wrong |= part->name == NULL;
	put_name(w->out, "functionCall");
	buf_puts(w->out, "{");
	put_string(w->out, "id", part->id);
	put_string(w->out, "name", part->name);
	put_name(w->out, "args");
	gemini_put_args(w->out, args, strlen(args));
	buf_puts(w->out, "}");
}

static void
put_result(struct writer *w, const struct ask_part *part)
{
	const struct call_at *call = part->name == NULL && part->id != NULL ? called(w, part->id) : NULL;
	const char *name = call != NULL ? call->name : part->name;

	w->is_wrong |= name == NULL;
	put_name(w->out, "functionResponse");
	buf_puts(w->out, "{");
	put_string(w->out, "id", part->id);
	put_string(w->out, "name", name);
	put_name(w->out, "response");
	buf_puts(w->out, "{");
	put_string(w->out, part->is_error ? "error" : "output", part->text == NULL ? "" : part->text);
	buf_puts(w->out, "}}");
}

/* With a seal that could be of this wire? */
static bool
is_sealed(const struct ask_part *part)
{
	return part->signature != NULL && *part->signature != '\0' &&
	    strncmp(part->signature, ASK_SEAL_OPENAI, strlen(ASK_SEAL_OPENAI)) != 0 &&
	    strncmp(part->signature, ASK_SEAL_REDACTED, strlen(ASK_SEAL_REDACTED)) != 0;
}

/* The seal that goes with it; of calls at once only the first has one. */
static const char *
seal_of(const struct writer *w, const struct ask_part *part)
{
	if (is_sealed(part))
		return part->signature;
	return part->kind == ASK_CALL && !w->has_call ? GEMINI_ANY_SEAL : NULL;
}

static void
put_part(struct writer *w, const struct ask_part *part)
{
	const char *seal = seal_of(w, part);

	next(w->out);
	buf_puts(w->out, "{");
	switch (part->kind) {
	case ASK_THINKING:
		put_name(w->out, "thought");
		buf_puts(w->out, "true");
		put_string(w->out, "text", part->text == NULL ? "" : part->text);
		break;
	case ASK_TEXT: put_string(w->out, "text", part->text == NULL ? "" : part->text); break;
	case ASK_CALL: put_call(w, part); break;
	case ASK_RESULT: put_result(w, part); break;
	case ASK_IMAGE:
	case ASK_VIDEO:
	case ASK_AUDIO:
	case ASK_FILE: put_file(w, part); break;
	}
	put_string(w->out, "thoughtSignature", seal);
	buf_puts(w->out, "}");
	w->has_call |= part->kind == ASK_CALL;
}

/* Empty text is refused, and thoughts that nobody sealed mean nothing to the model. */
static bool
says(const struct ask_part *part)
{
	if (part->kind == ASK_TEXT)
		return is_sealed(part) || (part->text != NULL && *part->text != '\0');
	return part->kind != ASK_THINKING || is_sealed(part);
}

/* ---- contents --------------------------------------------------------------- */

static void
close_content(struct writer *w)
{
	if (w->role != NULL)
		buf_puts(w->out, "]}");
	w->role = NULL;
	w->has_call = false;
}

/* A part, in the content that is open when that has the same role. */
static void
put_one(struct writer *w, const struct ask_part *part, const char *role)
{
	if (!says(part))
		return;
	if (w->role == NULL || strcmp(w->role, role) != 0) {
		close_content(w);
		next(w->out);
		buf_printf(w->out, "{\"role\":\"%s\",\"parts\":[", role);
		w->role = role;
	}
	put_part(w, part);
}

/* A result, and where what it answers was called. */
struct answered {
	const struct ask_part *part;
	size_t call, number;
};

static int
compare_answered(const void *a, const void *b)
{
	const struct answered *x = a, *y = b;

	if (x->call != y->call)
		return x->call < y->call ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

/* The results in messages [from, to) of one turn, as they were called: before Gemini 3 a
 * model knows them by their order. */
static void
put_results(struct writer *w, const struct ask_message *from, const struct ask_message *to, const char *role)
{
	struct answered *list = NULL;
	size_t n = 0;

	for (const struct ask_message *m = from; m < to; m++)
		for (size_t i = 0; i < m->n_parts; i++) {
			const struct ask_part *part = &m->parts[i];
			const struct call_at *call = part->kind == ASK_RESULT && part->id != NULL ? called(w, part->id)
												  : NULL;

			if (part->kind != ASK_RESULT)
				continue;
			list = xrealloc(list, (n + 1) * sizeof(*list));
			list[n] = (struct answered){ part, call == NULL ? SIZE_MAX : call->at, n };
			n++;
		}
	if (n > 0)
		qsort(list, n, sizeof(*list), compare_answered);
	for (size_t i = 0; i < n; i++)
		put_one(w, list[i].part, role);
	free(list);
}

static bool
is_system(const struct ask_message *m)
{
	return strcmp(m->role, "system") == 0;
}

static const char *
role_of(const struct ask_message *m)
{
	return strcmp(m->role, "assistant") == 0 ? "model" : "user";
}

/* Messages [from, to) of one role: results, and what else they say, as files in results. */
static void
put_turn(struct writer *w, const struct ask_chat *chat, size_t from, size_t to, bool system)
{
	const char *role = role_of(&chat->messages[from]);

	if (!system)
		put_results(w, &chat->messages[from], &chat->messages[to], role);
	for (size_t i = from; i < to; i++)
		for (size_t k = 0; k < chat->messages[i].n_parts; k++, w->at++)
			if (is_system(&chat->messages[i]) == system && chat->messages[i].parts[k].kind != ASK_RESULT)
				put_one(w, &chat->messages[i].parts[k], role);
}

/* "contents":[…]; false when there are none. */
static bool
put_contents(struct writer *w, const struct ask_chat *chat, bool system)
{
	size_t before;

	put_name(w->out, "contents");
	buf_puts(w->out, "[");
	before = w->out->len;
	w->at = 0;
	for (size_t i = 0, end; i < chat->n_messages; i = end) {
		const char *role = role_of(&chat->messages[i]);

		for (end = i + 1; end < chat->n_messages && strcmp(role_of(&chat->messages[end]), role) == 0;)
			end++;
		put_turn(w, chat, i, end, system);
	}
	close_content(w);
	if (w->out->len == before)
		return false;
	buf_puts(w->out, "]");
	return true;
}

/* What is said to the model before all else, wherever it stands. */
static void
put_system(struct writer *w, const struct ask_chat *chat)
{
	bool any = false;

	for (size_t i = 0; i < chat->n_messages; i++)
		for (size_t j = 0; is_system(&chat->messages[i]) && j < chat->messages[i].n_parts; j++) {
			const struct ask_part *part = &chat->messages[i].parts[j];

			if (part->kind != ASK_TEXT || !says(part))
				continue;
			if (!any) {
				put_name(w->out, "systemInstruction");
				buf_puts(w->out, "{\"parts\":[");
			}
			any = true;
			put_part(w, part);
		}
	if (any)
		buf_puts(w->out, "]}");
}

/* Somebody has to be asked: who only instructs is taken for the user. */
static bool
put_conversation(struct writer *w, const struct ask_chat *chat)
{
	size_t start = w->out->len;

	if (put_contents(w, chat, false)) {
		put_system(w, chat);
		return true;
	}
	w->out->len = start;
	return put_contents(w, chat, true);
}

/* ---- the rest --------------------------------------------------------------- */

static void
put_tools(struct buf *out, const struct ask_chat *chat)
{
	static const char *const modes[] = {
		[CHOICE_AUTO] = "AUTO", [CHOICE_NONE] = "NONE", [CHOICE_ANY] = "ANY", [CHOICE_NAMED] = "ANY"
	};

	if (chat->n_tools == 0)
		return;
	put_name(out, "tools");
	buf_puts(out, "[{\"functionDeclarations\":[");
	for (size_t i = 0; i < chat->n_tools; i++) {
		const struct ask_tool *tool = &chat->tools[i];

		next(out);
		buf_puts(out, "{");
		put_string(out, "name", tool->name);
		put_string(out, "description", tool->description);
		if (tool->parameters != NULL) {
			put_name(out, "parametersJsonSchema");
			buf_puts(out, tool->parameters);
		}
		buf_puts(out, "}");
	}
	buf_printf(out, "]}],\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"%s\"", modes[chat->choice]);
	if (chat->choice == CHOICE_NAMED && chat->choice_name != NULL) {
		buf_puts(out, ",\"allowedFunctionNames\":[");
		buf_json(out, chat->choice_name, strlen(chat->choice_name));
		buf_puts(out, "]");
	}
	buf_puts(out, "}}");
}

/* %g would follow the locale's decimal point; the programs keep "C". */
static void
put_number(struct buf *out, const char *name, double value)
{
	if (value < 0)
		return;
	put_name(out, name);
	buf_printf(out, "%.6g", value);
}

static void
put_integer(struct buf *out, const char *name, int64_t value)
{
	put_name(out, name);
	buf_printf(out, "%lld", (long long)value);
}

/* What of generationConfig depends on no candidate, and the bracket that closes it. */
static void
put_config(struct buf *out, const struct ask_chat *chat)
{
	put_number(out, "temperature", chat->temperature);
	put_number(out, "topP", chat->top_p);
	if (chat->top_k > 0)
		put_integer(out, "topK", chat->top_k);
	if (chat->seed >= 0) /* theirs has 32 bits */
		put_integer(out, "seed", chat->seed & SEED_MASK);
	if (chat->n_stop > 0) {
		put_name(out, "stopSequences");
		buf_puts(out, "[");
		for (size_t i = 0; i < chat->n_stop; i++) {
			next(out);
			buf_json(out, chat->stop[i], strlen(chat->stop[i]));
		}
		buf_puts(out, "]");
	}
	if (chat->format != FORMAT_TEXT)
		put_string(out, "responseMimeType", "application/json");
	if (chat->format == FORMAT_SCHEMA && chat->schema != NULL) {
		put_name(out, "responseJsonSchema");
		buf_puts(out, chat->schema);
	}
	buf_puts(out, "}");
}

/* The members of generationConfig as the client says them, but the longest answer,
 * which the head says; and the bracket that closes it. */
static bool
put_own_config(struct buf *out, const struct ask *ask)
{
	static const char *const ours[] = { "maxOutputTokens", "max_output_tokens", "candidateCount", "candidate_count",
		NULL };
	static const char *const names[] = { "generationConfig", "generation_config" };
	struct scan_text config;
	bool ok = true;

	for (size_t i = 0; i < COUNT(names); i++)
		if (own_find(ask->own_words, ask->own_words_len, (const char *const[]){ names[i], NULL }, &config) &&
		    config.len > 0 && *config.at == '{') {
			ok = own_members(out, config.at, config.len, ours);
			break;
		}
	buf_puts(out, "},");
	return ok;
}

static enum status
own_body(struct arena *a, const struct ask *ask, struct wire_body *out)
{
	static const char *const ours[] = { "generationConfig", "generation_config", "model", "cachedContent",
		"cached_content", "serviceTier", "service_tier", NULL };
	const struct note note = { EFFORT_UNSAID, 0 };
	struct buf b = BUF_INIT(0);

	wire_body_begin(&b, &note, sizeof(note));
	if (!put_own_config(&b, ask) || !own_members(&b, ask->own_words, ask->own_words_len, ours)) {
		buf_free(&b);
		return E_INVALID_REQUEST;
	}
	buf_puts(&b, "}");
	wire_body_make(a, &b, out);
	return OK;
}

enum status
gemini_chat_body(struct arena *a, const struct ask *ask, bool stream, struct wire_body *out)
{
	const struct ask_chat *chat = &ask->chat;
	const struct note note = { chat->effort, chat->thinking_tokens };
	struct buf b = BUF_INIT(0);
	struct writer w = { .out = &b };

	(void)stream; /* the URL says it */
	if (own_words(ask, "gemini"))
		return own_body(a, ask, out);
	wire_body_begin(&b, &note, sizeof(note));
	put_config(&b, chat);
	list_calls(&w, chat);
	w.is_wrong |= !put_conversation(&w, chat);
	free(w.calls);
	put_tools(&b, chat);
	buf_puts(&b, "}");
	if (w.is_wrong) {
		buf_free(&b);
		return E_INVALID_REQUEST;
	}
	wire_body_make(a, &b, out);
	return OK;
}

/* ---- how much is thought ---------------------------------------------------- */

/* How models are told, by the first of these names that is in theirs.  A level can
 * be said to none before Gemini 3; a budget also to those after it. */
static const struct family {
	const char *name;
	bool thinks;
	const char *least, *middle; /* levels; NULL: it knows budgets only */
	int64_t none, min, max;	    /* budgets */
} families[] = {
	{ "-tts", false, NULL, NULL, 0, 0, 0 },
	{ "flash-image", false, NULL, NULL, 0, 0, 0 },
	{ "gemini-1", false, NULL, NULL, 0, 0, 0 },
	{ "gemini-2.0", false, NULL, NULL, 0, 0, 0 },
	{ "gemma", false, NULL, NULL, 0, 0, 0 },
	{ "gemini-2.5-flash-lite", true, NULL, NULL, 0, 512, 24576 },
	{ "gemini-2.5-flash", true, NULL, NULL, 0, 1, 24576 },
	{ "gemini-2.5-pro", true, NULL, NULL, 128, 128, 32768 },
	{ "gemini-3-pro", true, "low", "high", 128, 128, 32768 },
	{ "gemini-3.1-pro", true, "low", "medium", 128, 128, 32768 },
	{ "gemini-3", true, "minimal", "medium", 0, 1, 24576 },
	{ "", true, NULL, NULL, 0, 512, 24576 },
};

static const struct family *
family_of(const char *model)
{
	const struct family *f = families;

	while (strstr(model, f->name) == NULL)
		f++;
	return f;
}

static int64_t
budget_of(const struct family *f, const struct note *note)
{
	static const int64_t budgets[] = { [EFFORT_MINIMAL] = 512,
		[EFFORT_LOW] = 1024,
		[EFFORT_MEDIUM] = 8192,
		[EFFORT_HIGH] = 24576,
		[EFFORT_MAX] = INT64_MAX };
	int64_t n = note->thinking_tokens > 0 ? note->thinking_tokens : budgets[note->effort];

	return n < f->min ? f->min : n > f->max ? f->max : n;
}

static const char *
level_of(const struct family *f, enum ask_effort effort)
{
	switch (effort) {
	case EFFORT_UNSAID:
	case EFFORT_NONE:
	case EFFORT_MINIMAL: return f->least;
	case EFFORT_LOW: return "low";
	case EFFORT_MEDIUM: return f->middle;
	case EFFORT_HIGH:
	case EFFORT_MAX: break;
	}
	return "high";
}

static void
put_thinking(struct buf *out, const char *model, const struct note *note)
{
	const struct family *f = family_of(model);
	bool is_wanted = note->effort != EFFORT_NONE;

	if (!f->thinks || (note->effort == EFFORT_UNSAID && note->thinking_tokens <= 0))
		return;
	put_name(out, "thinkingConfig");
	buf_puts(out, "{");
	if (is_wanted) {
		put_name(out, "includeThoughts");
		buf_puts(out, "true");
	}
	if (f->least != NULL && (!is_wanted || note->thinking_tokens <= 0))
		put_string(out, "thinkingLevel", level_of(f, note->effort));
	else
		put_integer(out, "thinkingBudget", is_wanted ? budget_of(f, note) : f->none);
	buf_puts(out, "}");
}

/* ---- how -------------------------------------------------------------------- */

/* The beginning of the body, up to where the rest of generationConfig follows. */
static bool
begin_body(const struct wire_target *to, struct wire_body *body, struct wire_request *out)
{
	struct buf head = BUF_INIT(WIRE_GAP_BYTES - sizeof(struct note));
	struct note note;
	bool fits;

	memcpy(&note, body->bytes, sizeof(note));
	buf_puts(&head, "{\"generationConfig\":{");
	if (to->max_output_tokens > 0)
		put_integer(&head, "maxOutputTokens", to->max_output_tokens);
	put_thinking(&head, to->model, &note);
	if (body->bytes[WIRE_GAP_BYTES] != '}')
		next(&head);
	fits = !head.overflow && wire_body_head(body, &head, &out->body, &out->body_len);
	buf_free(&head);
	return fits;
}

enum status
gemini_chat_head(struct arena *a, const struct wire_target *to, struct wire_body *body, struct wire_request *out)
{
	const char *const *headers = headers_make(a, to, "x-goog-api-key: ", NULL);
	const char *url;

	if (headers == NULL || to->model == NULL || *to->model == '\0' ||
	    (url = endpoint(a, to->base_url, to->model, to->stream)) == NULL)
		return E_INVALID_REQUEST;
	*out = (struct wire_request){ .method = "POST", .url = url, .headers = headers };
	return begin_body(to, body, out) ? OK : E_INVALID_REQUEST;
}
