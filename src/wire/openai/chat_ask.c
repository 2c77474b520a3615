/*
 * What is asked, as an HTTP request of the OpenAI chat completions wire.
 *
 * Source: platform.openai.com/docs/api-reference/chat/create.  video_url and
 * audio_url parts are those of vLLM and DashScope, docs.vllm.ai "Multimodal
 * Inputs"; a provider that does not know them answers 400.  What a model thought
 * has no word in the wire but for some providers (wire/quirks.h), and seals have none.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/memory.h"
#include "wire/headers.h"
#include "wire/openai/openai.h"
#include "wire/own.h"
#include "wire/quirks.h"
#include "wire/url.h"

#define MAX_TEMPERATURE 2.0

/* ---- where to --------------------------------------------------------------- */

/* A path of before v1: each deployment has its own, and the version is a parameter.  NULL
 * when its name is none for a path. */
static const char *
deployment(struct arena *a, const struct url *url, const char *before, const char *model)
{
	struct url site = *url;

	if (url->path_len > 0 && memmem(url->path, url->path_len, before, strlen(before)) != NULL)
		return url_join(a, url, "/chat/completions");
	for (const char *p = model; *p != '\0'; p++)
		if (!isalnum((unsigned char)*p) && strchr("-_.", *p) == NULL)
			return NULL;
	site.len -= site.path_len;
	return url_join(a, &site, arena_printf(a, "%s%s/chat/completions", before, model));
}

/* The endpoint for a base URL: with or without a version, or the whole endpoint already.
 * NULL when it is no http(s) URL. */
static const char *
endpoint(struct arena *a, const struct wire_target *to, const struct quirks *q)
{
	struct url url;

	if (!url_read(to->base_url, &url) || to->model == NULL)
		return NULL;
	if (url_ends(url.path, url.path_len, "/chat/completions"))
		return url_join(a, &url, "");
	if (q->deployments != NULL && strstr(url.query, "api-version=") != NULL && !url_has_version(&url))
		return deployment(a, &url, q->deployments, to->model);
	if (url_has_version(&url))
		return url_join(a, &url, "/chat/completions");
	/* a path of its own is somebody's gateway, and has the usual name below it */
	return url_join(
	    a, &url, arena_printf(a, "%s/chat/completions", q->root == NULL || url.path_len > 0 ? "/v1" : q->root));
}

/* ---- whom ------------------------------------------------------------------- */

/* What was thought, which may be put in. */
struct thought {
	size_t at;  /* this byte of the body is the place; */
	size_t end; /* their text in `said` goes up to here */
};

/* What head() says of what is asked, as whoever is asked wants it: wire_body.own. */
struct own {
	double temperature, top_p;
	int64_t top_k, seed;
	enum ask_effort effort;
	struct thought *thoughts;
	size_t n_thoughts;
	struct buf said; /* members of messages, one after the other */
	bool any;	 /* anything was thought or called */
	bool texts_as_one;
};

/* ---- what ------------------------------------------------------------------- */

static void
put_string(struct buf *out, const char *before, const char *value)
{
	buf_puts(out, before);
	buf_json(out, value, strlen(value));
}

/* {"type":"image_url","image_url":{"url":"…"}}; kind is the name in both places. */
static void
put_attachment(struct buf *out, const char *kind, const char *url)
{
	buf_printf(out, "{\"type\":\"%s\",\"%s\":{", kind, kind);
	put_string(out, "\"url\":", url);
	buf_puts(out, "}}");
}

/* Sound within the message has a form of its own, in the two formats OpenAI knows. */
static void
put_audio(struct buf *out, const char *url)
{
	static const struct {
		const char *before, *format;
	} kinds[] = {
		{ "data:audio/wav;base64,", "wav" },
		{ "data:audio/mpeg;base64,", "mp3" },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strncmp(url, kinds[i].before, strlen(kinds[i].before)) == 0) {
			put_string(
			    out, "{\"type\":\"input_audio\",\"input_audio\":{\"data\":", url + strlen(kinds[i].before));
			buf_printf(out, ",\"format\":\"%s\"}}", kinds[i].format);
			return;
		}
	put_attachment(out, "audio_url", url);
}

/* The name must be there, whatever it is. */
static void
put_file(struct buf *out, const struct ask_part *part)
{
	put_string(out, "{\"type\":\"file\",\"file\":{\"filename\":", part->name != NULL ? part->name : "file");
	put_string(out, ",\"file_data\":", part->url);
	buf_puts(out, "}}");
}

static void
put_part(struct buf *out, const struct ask_part *part)
{
	switch (part->kind) {
	case ASK_TEXT:
		put_string(out, "{\"type\":\"text\",\"text\":", part->text);
		buf_puts(out, "}");
		break;
	case ASK_IMAGE: put_attachment(out, "image_url", part->url); break;
	case ASK_VIDEO: put_attachment(out, "video_url", part->url); break;
	case ASK_AUDIO: put_audio(out, part->url); break;
	case ASK_FILE: put_file(out, part); break;
	case ASK_THINKING:
	case ASK_CALL:
	case ASK_RESULT: break; /* no part of a content */
	}
}

static size_t
count_parts(const struct ask_message *m, enum ask_part_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n_parts; i++)
		n += m->parts[i].kind == kind;
	return n;
}

static bool
is_content(const struct ask_part *part)
{
	return part->kind < ASK_THINKING;
}

static void
put_parts(struct buf *out, const struct ask_message *m)
{
	const char *before = "[";

	for (size_t i = 0; i < m->n_parts; i++)
		if (is_content(&m->parts[i])) {
			buf_puts(out, before);
			put_part(out, &m->parts[i]);
			before = ",";
		}
	buf_puts(out, "]");
}

/* Texts alone, as one. */
static void
put_one_text(struct buf *out, const struct ask_message *m)
{
	struct buf text = BUF_INIT(0);

	for (size_t i = 0; i < m->n_parts; i++)
		if (m->parts[i].kind == ASK_TEXT) {
			buf_puts(&text, text.len > 0 ? "\n\n" : "");
			buf_puts(&text, m->parts[i].text);
		}
	put_string(out, "", buf_str(&text));
	buf_free(&text);
}

static bool
is_text_alone(const struct ask_message *m)
{
	for (size_t i = 0; i < m->n_parts; i++)
		if (is_content(&m->parts[i]) && m->parts[i].kind != ASK_TEXT)
			return false;
	return true;
}

/* `none` where there is nothing to say; several texts are parts, or (as_one) one text. */
static void
put_content(struct buf *out, const struct ask_message *m, const char *none, bool as_one)
{
	const struct ask_part *only = NULL;
	size_t n = 0;

	for (size_t i = 0; i < m->n_parts; i++)
		if (is_content(&m->parts[i]) && n++ == 0)
			only = &m->parts[i];
	buf_puts(out, ",\"content\":");
	if (n == 0)
		buf_puts(out, none);
	else if (n == 1 && only->kind == ASK_TEXT)
		put_string(out, "", only->text);
	else if (as_one && is_text_alone(m))
		put_one_text(out, m);
	else
		put_parts(out, m);
}

static const char *
or_empty(const char *text)
{
	return text == NULL ? "" : text;
}

static void
put_calls(struct buf *out, const struct ask_message *m)
{
	const char *before = ",\"tool_calls\":[";

	for (size_t i = 0; i < m->n_parts; i++) {
		const struct ask_part *call = &m->parts[i];

		if (call->kind != ASK_CALL)
			continue;
		buf_puts(out, before);
		put_string(out, "{\"id\":", or_empty(call->id));
		put_string(out, ",\"type\":\"function\",\"function\":{\"name\":", or_empty(call->name));
		put_string(out, ",\"arguments\":", call->text == NULL ? "{}" : call->text);
		buf_puts(out, "}}");
		before = ",";
	}
	buf_puts(out, "]");
}

/* Note what was thought and where it would stand.  Who wants it wants it in each
 * answer once something was called, even if nobody kept it. */
static void
note_thought(struct own *own, size_t at, const struct ask_message *m)
{
	struct buf text = BUF_INIT(0);

	for (size_t i = 0; i < m->n_parts; i++)
		if (m->parts[i].kind == ASK_THINKING)
			buf_puts(&text, or_empty(m->parts[i].text));
	put_string(&own->said, ",\"reasoning_content\":", text.len > 0 ? text.data : " ");
	own->thoughts = xrealloc(own->thoughts, (own->n_thoughts + 1) * sizeof(*own->thoughts));
	own->thoughts[own->n_thoughts++] = (struct thought){ at, own->said.len };
	buf_free(&text);
}

static void
put_message(struct buf *out, const struct ask_message *m, struct own *own)
{
	bool has_calls = count_parts(m, ASK_CALL) > 0;

	put_string(out, "{\"role\":", m->role);
	if (own->any && strcmp(m->role, "assistant") == 0)
		note_thought(own, out->len, m);
	put_content(out, m, has_calls ? "null" : "\"\"", own->texts_as_one);
	if (has_calls)
		put_calls(out, m);
	buf_puts(out, "}");
}

/* Results of calls are messages of their own, right behind the calls; what else the
 * message says follows them. */
static void
put_results(struct buf *out, const struct ask_message *m, struct own *own)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n_parts; i++) {
		const struct ask_part *result = &m->parts[i];

		if (result->kind != ASK_RESULT)
			continue;
		buf_puts(out, n++ == 0 ? "" : ",");
		put_string(out, "{\"role\":\"tool\",\"tool_call_id\":", or_empty(result->id));
		put_string(out, ",\"content\":", or_empty(result->text));
		buf_puts(out, "}");
	}
	if (n == m->n_parts)
		return;
	buf_puts(out, ",");
	put_message(out, m, own);
}

static void
put_messages(struct buf *out, const struct ask_chat *chat, struct own *own)
{
	for (size_t i = 0; i < chat->n_messages; i++)
		own->any |= count_parts(&chat->messages[i], ASK_CALL) + count_parts(&chat->messages[i], ASK_THINKING) >
		    0;
	buf_puts(out, "\"messages\":[");
	for (size_t i = 0; i < chat->n_messages; i++) {
		const struct ask_message *m = &chat->messages[i];

		buf_puts(out, i == 0 ? "" : ",");
		(count_parts(m, ASK_RESULT) > 0 ? put_results : put_message)(out, m, own);
	}
	buf_puts(out, "]");
}

/* ---- with what, and how -------------------------------------------------------- */

static void
put_tool(struct buf *out, const struct ask_tool *tool)
{
	put_string(out, "{\"type\":\"function\",\"function\":{\"name\":", tool->name);
	if (tool->description != NULL)
		put_string(out, ",\"description\":", tool->description);
	if (tool->parameters != NULL) {
		buf_puts(out, ",\"parameters\":");
		buf_puts(out, tool->parameters);
	}
	buf_puts(out, tool->strict ? ",\"strict\":true}}" : "}}");
}

/* Without tools the rest of it is refused. */
static void
put_tools(struct buf *out, const struct ask_chat *chat)
{
	if (chat->n_tools == 0)
		return;
	for (size_t i = 0; i < chat->n_tools; i++) {
		buf_puts(out, i == 0 ? ",\"tools\":[" : ",");
		put_tool(out, &chat->tools[i]);
	}
	buf_puts(out, "]");
	switch (chat->choice) {
	case CHOICE_AUTO: break;
	case CHOICE_NONE: buf_puts(out, ",\"tool_choice\":\"none\""); break;
	case CHOICE_ANY: buf_puts(out, ",\"tool_choice\":\"required\""); break;
	case CHOICE_NAMED:
		put_string(out, ",\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":", chat->choice_name);
		buf_puts(out, "}}");
		break;
	}
	if (chat->one_call)
		buf_puts(out, ",\"parallel_tool_calls\":false");
}

static void
put_format(struct buf *out, const struct ask_chat *chat)
{
	switch (chat->format) {
	case FORMAT_TEXT: break;
	case FORMAT_JSON: buf_puts(out, ",\"response_format\":{\"type\":\"json_object\"}"); break;
	case FORMAT_SCHEMA:
		put_string(out, ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":",
		    chat->schema_name == NULL ? "answer" : chat->schema_name);
		buf_puts(out, ",\"schema\":");
		buf_puts(out, chat->schema);
		buf_puts(out, chat->schema_strict ? ",\"strict\":true}}" : "}}");
		break;
	}
}

static void
put_how(struct buf *out, const struct ask_chat *chat)
{
	for (size_t i = 0; i < chat->n_stop; i++)
		put_string(out, i == 0 ? ",\"stop\":[" : ",", chat->stop[i]);
	buf_puts(out, chat->n_stop > 0 ? "]" : "");
	if (chat->user != NULL)
		put_string(out, ",\"user\":", chat->user);
	put_format(out, chat);
}

/* The same chat without a schema: an object is asked for, and the schema is said behind the
 * first instructions. */
static const struct ask_chat *
without_schema(struct arena *a, const struct ask_chat *chat)
{
	struct ask_chat *said = ARENA_NEW(a, struct ask_chat);
	bool has_system = strcmp(chat->messages[0].role, "system") == 0;
	size_t n_parts = has_system ? chat->messages[0].n_parts : 0, n = chat->n_messages + !has_system;
	struct ask_message *messages = ARENA_ARRAY(a, struct ask_message, n);
	struct ask_part *parts = ARENA_ARRAY(a, struct ask_part, n_parts + 1);

	if (n_parts > 0)
		memcpy(parts, chat->messages[0].parts, n_parts * sizeof(*parts));
	parts[n_parts] = (struct ask_part){ .kind = ASK_TEXT,
		.text = arena_printf(a,
		    "Answer with one JSON object and nothing else, no code fence around it. It must be valid under this "
		    "JSON Schema: %s",
		    chat->schema) };
	memcpy(messages + !has_system, chat->messages, chat->n_messages * sizeof(*messages));
	messages[0] = (struct ask_message){ .role = "system", .parts = parts, .n_parts = n_parts + 1 };
	*said = *chat;
	said->messages = messages;
	said->n_messages = n;
	said->format = FORMAT_JSON;
	return said;
}

static void
free_own(void *arg)
{
	struct own *own = arg;

	free(own->thoughts);
	buf_free(&own->said);
}

/* The last members, and the end. */
static void
put_stream(struct buf *out, bool stream)
{
	if (stream)
		buf_puts(out, ",\"stream\":true,\"stream_options\":{\"include_usage\":true}");
	buf_puts(out, "}");
}

/* What depends on no candidate: everything behind the model and what its host is particular about. */
enum status
openai_chat_body(struct arena *a, const struct ask *ask, bool stream, struct wire_body *out)
{
	const struct ask_chat *chat = &ask->chat;
	struct buf b = BUF_INIT(0);
	struct own *own;

	if (chat->n_messages == 0)
		return E_INVALID_REQUEST;
	own = ARENA_NEW(a, struct own);
	*own = (struct own){ .temperature = chat->temperature,
		.top_p = chat->top_p,
		.top_k = chat->top_k,
		.seed = chat->seed,
		.effort = chat->effort,
		.texts_as_one = ask->shape & QUIRK_TEXT_ONE };
	arena_cleanup(a, free_own, own);
	wire_body_begin(&b, NULL, 0);
	if (own_words(ask, "openai")) {
		*own = (struct own){ .temperature = -1, .top_p = -1, .seed = -1 }; /* they say it themselves */
		if (!openai_own_ask(&b, ask)) {
			buf_free(&b);
			return E_INVALID_REQUEST;
		}
	} else {
		if (ask->shape & QUIRK_NO_SCHEMA)
			chat = without_schema(a, chat);
		put_messages(&b, chat, own);
		put_tools(&b, chat);
		put_how(&b, chat);
	}
	put_stream(&b, stream);
	wire_body_make(a, &b, out);
	out->own = own;
	return OK;
}

/* ---- how -------------------------------------------------------------------- */

/* How much thought, in OpenAI's words. */
static const char *const efforts[EFFORT_MAX + 1] = {
	[EFFORT_NONE] = "\"reasoning_effort\":\"none\"",
	[EFFORT_MINIMAL] = "\"reasoning_effort\":\"minimal\"",
	[EFFORT_LOW] = "\"reasoning_effort\":\"low\"",
	[EFFORT_MEDIUM] = "\"reasoning_effort\":\"medium\"",
	[EFFORT_HIGH] = "\"reasoning_effort\":\"high\"",
	[EFFORT_MAX] = "\"reasoning_effort\":\"xhigh\"",
};

/* Temperature and its like.  %.3f would follow the locale's decimal point; the programs keep "C". */
static void
put_sampling(struct buf *out, const struct own *own, const struct quirks *q)
{
	double max = q->max_temperature > 0 ? q->max_temperature : MAX_TEMPERATURE;

	if (own->temperature >= 0)
		buf_printf(out, ",\"temperature\":%.3f", own->temperature < max ? own->temperature : max);
	if (own->top_p >= 0)
		buf_printf(out, ",\"top_p\":%.3f", own->top_p);
}

static void
put_effort(struct buf *out, enum ask_effort effort, const struct quirks *q)
{
	const char *member = (q->efforts != NULL ? q->efforts : efforts)[effort];

	if (member != NULL)
		buf_printf(out, ",%s", member);
}

/* What whoever is asked is particular about. */
static void
put_head(struct buf *out, const struct wire_target *to, const struct own *own, const struct quirks *q)
{
	const char *seed = q->seed != NULL ? q->seed : "seed";

	put_string(out, "{\"model\":", to->model);
	if (to->max_output_tokens > 0)
		buf_printf(out, ",\"%s\":%lld", q->max_tokens != NULL ? q->max_tokens : "max_tokens",
		    (long long)to->max_output_tokens);
	if (q->unsampled == NULL || strncmp(to->model, q->unsampled, strlen(q->unsampled)) != 0)
		put_sampling(out, own, q);
	if (own->top_k > 0 && q->flags & QUIRK_TOP_K)
		buf_printf(out, ",\"top_k\":%lld", (long long)own->top_k);
	if (own->seed >= 0 && *seed != '\0')
		buf_printf(out, ",\"%s\":%lld", seed, (long long)own->seed);
	put_effort(out, own->effort, q);
	buf_puts(out, ",");
}

/* The body with the thoughts put in: a copy, for the few who want it. */
static void
with_thoughts(struct arena *a, const struct wire_body *body, const struct own *own, struct wire_body *out)
{
	struct buf b = BUF_INIT(0);
	size_t from = 0, said = 0;

	for (size_t i = 0; i < own->n_thoughts; i++) {
		const struct thought *t = &own->thoughts[i];

		buf_add(&b, body->bytes + from, t->at - from);
		buf_add(&b, own->said.data + said, t->end - said);
		from = t->at;
		said = t->end;
	}
	buf_add(&b, body->bytes + from, body->len - from);
	wire_body_make(a, &b, out);
}

enum status
openai_chat_head(struct arena *a, const struct wire_target *to, struct wire_body *body, struct wire_request *out)
{
	const struct quirks *q = to->quirks != NULL ? to->quirks : quirks_of("openai", to->base_url);
	const char *url = endpoint(a, to, q);
	const char *key_header = q->key_header != NULL ? q->key_header : "Authorization: Bearer ";
	const char *const *headers = headers_make(a, to, key_header, NULL);
	const struct own *own = body->own;
	struct buf head = BUF_INIT(0);
	struct wire_body thoughtful;
	bool fits;

	if (url == NULL || headers == NULL)
		return E_INVALID_REQUEST;
	*out = (struct wire_request){ .method = "POST", .url = url, .headers = headers };
	put_head(&head, to, own, q);
	if (q->flags & QUIRK_THOUGHTS && own->n_thoughts > 0) {
		with_thoughts(a, body, own, &thoughtful);
		body = &thoughtful;
	}
	fits = wire_body_head(body, &head, &out->body, &out->body_len);
	buf_free(&head);
	return fits ? OK : E_INVALID_REQUEST;
}
