/*
 * What is asked, as the body of an Anthropic Messages request.
 *
 * This wire wants system texts apart, turns of user and assistant that alternate and
 * begin with the user, no text without a character to see, results of calls first in
 * the turn after them, and thought only under its maker's seal.
 *
 * Source: docs.anthropic.com/en/api/messages, /en/docs/build-with-claude/vision,
 * …/pdf-support, …/extended-thinking, …/structured-outputs and
 * /en/docs/agents-and-tools/tool-use/implement-tool-use, read 2026-11.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "wire/anthropic/anthropic.h"
#include "wire/own.h"
#include "wire/value.h"

/* What a user says where a conversation begins with the assistant, or with nobody. */
#define OPENER "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\".\"}]}"
/* This wire has no other way to ask for JSON without a schema. */
#define JSON_ONLY "Answer with one JSON object and nothing else."

enum speaker { SYSTEM, USER, ASSISTANT };

struct writer {
	struct buf out;
	const struct ask_chat *chat;
	size_t n_calls, n_results; /* so far, for those without an id */
	bool is_first;		   /* of the array being written */
	bool is_unsayable;	   /* something cannot be said in this wire */
};

static void
put_string(struct writer *w, const char *before, const char *value)
{
	buf_puts(&w->out, before);
	buf_json(&w->out, value == NULL ? "" : value, value == NULL ? 0 : strlen(value));
}

static void
next_element(struct writer *w)
{
	if (!w->is_first)
		buf_puts(&w->out, ",");
	w->is_first = false;
}

/* ---- who says what ------------------------------------------------------------- */

static enum speaker
speaker_of(const struct ask_message *m)
{
	return strcmp(m->role, "system") == 0 ? SYSTEM : strcmp(m->role, "assistant") == 0 ? ASSISTANT : USER;
}

static bool
is_blank(const char *text)
{
	for (; text != NULL && *text != '\0'; text++)
		if (!isspace((unsigned char)*text))
			return false;
	return true;
}

/* Is anything left of it in this wire? */
static bool
is_said(const struct ask_part *part)
{
	if (part->kind == ASK_THINKING)
		return part->signature != NULL && *part->signature != '\0' &&
		    strncmp(part->signature, ASK_SEAL_OPENAI, strlen(ASK_SEAL_OPENAI)) != 0;
	return part->kind != ASK_TEXT || !is_blank(part->text);
}

static bool
speaks(const struct ask_message *m)
{
	for (size_t i = 0; i < m->n_parts; i++)
		if (is_said(&m->parts[i]))
			return true;
	return false;
}

/* The message at or after `i` in which the user or the assistant says something. */
static size_t
next_spoken(const struct ask_chat *chat, size_t i)
{
	while (i < chat->n_messages && (speaker_of(&chat->messages[i]) == SYSTEM || !speaks(&chat->messages[i])))
		i++;
	return i;
}

/* Where the turn ends that begins at `i`: the first message of the other. */
static size_t
turn_end(const struct ask_chat *chat, size_t i)
{
	enum speaker who = speaker_of(&chat->messages[i]);

	do
		i = next_spoken(chat, i + 1);
	while (i < chat->n_messages && speaker_of(&chat->messages[i]) == who);
	return i;
}

/* ---- files --------------------------------------------------------------------- */

/* The base64 of "data:TYPE;base64,…", and where its type ends; NULL: it is none.
 * It may be megabytes, and goes into the body unescaped. */
static const char *
data_of(const char *url, size_t *type_len)
{
	const char *comma = strchr(url, ',');

	if (strncmp(url, "data:", 5) != 0 || comma == NULL || comma - url < 12 || memcmp(comma - 7, ";base64", 7) != 0)
		return NULL;
	*type_len = strcspn(url + 5, ";,");
	for (const char *p = comma + 1; *p != '\0'; p++)
		if (!isalnum((unsigned char)*p) && *p != '+' && *p != '/' && *p != '=')
			return NULL;
	return comma + 1;
}

/* "source" of an image or a document. */
static void
put_source(struct writer *w, const char *url)
{
	size_t type_len;
	const char *data = url == NULL ? NULL : data_of(url, &type_len);

	if (data != NULL) {
		buf_puts(&w->out, ",\"source\":{\"type\":\"base64\",\"media_type\":");
		buf_json(&w->out, url + 5, type_len);
		buf_puts(&w->out, ",\"data\":\"");
		buf_puts(&w->out, data);
		buf_puts(&w->out, "\"}");
	} else if (url != NULL && (strncmp(url, "https://", 8) == 0 || strncmp(url, "http://", 7) == 0)) {
		put_string(w, ",\"source\":{\"type\":\"url\",\"url\":", url);
		buf_puts(&w->out, "}");
	} else {
		w->is_unsayable = true;
	}
}

/* Documents within a request are PDF; others would be taken apart by their name. */
static void
put_file(struct writer *w, const struct ask_part *part)
{
	static const char pdf[] = "data:application/pdf;";

	if (part->url == NULL ||
	    (strncmp(part->url, "data:", 5) == 0 && strncmp(part->url, pdf, sizeof(pdf) - 1) != 0)) {
		w->is_unsayable = true;
		return;
	}
	buf_puts(&w->out, "{\"type\":\"document\"");
	if (part->name != NULL && *part->name != '\0')
		put_string(w, ",\"title\":", part->name);
	put_source(w, part->url);
	buf_puts(&w->out, "}");
}

/* ---- calls --------------------------------------------------------------------- */

/* An id of letters, digits, "_" and "-": others are refused.  Who gives none is
 * understood by the order of calls. */
static void
put_id(struct writer *w, const char *before, const char *id, size_t number)
{
	buf_puts(&w->out, before);
	if (id == NULL || *id == '\0')
		buf_printf(&w->out, "\"toolu_%zu\"", number);
	else {
		buf_puts(&w->out, "\"");
		for (; *id != '\0'; id++)
			buf_add(&w->out, isalnum((unsigned char)*id) || *id == '-' ? id : "_", 1);
		buf_puts(&w->out, "\"");
	}
}

/* What the model made of the arguments stays, even if it is no JSON. */
static void
put_arguments(struct writer *w, const char *json)
{
	if (is_blank(json)) {
		buf_puts(&w->out, ",\"input\":{}");
	} else if (value_is_object(json, strlen(json))) {
		buf_puts(&w->out, ",\"input\":");
		buf_puts(&w->out, json);
	} else {
		put_string(w, ",\"input\":{\"arguments\":", json);
		buf_puts(&w->out, "}");
	}
}

static void
put_call(struct writer *w, const struct ask_part *part)
{
	put_id(w, "{\"type\":\"tool_use\",\"id\":", part->id, w->n_calls++);
	put_string(w, ",\"name\":", part->name);
	put_arguments(w, part->text);
	buf_puts(&w->out, "}");
}

static void
put_result(struct writer *w, const struct ask_part *part)
{
	put_id(w, "{\"type\":\"tool_result\",\"tool_use_id\":", part->id, w->n_results++);
	if (!is_blank(part->text))
		put_string(w, ",\"content\":", part->text);
	buf_puts(&w->out, part->is_error ? ",\"is_error\":true}" : "}");
}

/* ---- turns --------------------------------------------------------------------- */

static void
put_text(struct writer *w, const char *text)
{
	put_string(w, "{\"type\":\"text\",\"text\":", text);
	buf_puts(&w->out, "}");
}

static void
put_thinking(struct writer *w, const struct ask_part *part)
{
	size_t redacted = strlen(ASK_SEAL_REDACTED);

	if (strncmp(part->signature, ASK_SEAL_REDACTED, redacted) == 0) {
		put_string(w, "{\"type\":\"redacted_thinking\",\"data\":", part->signature + redacted);
	} else {
		put_string(w, "{\"type\":\"thinking\",\"thinking\":", part->text);
		put_string(w, ",\"signature\":", part->signature);
	}
	buf_puts(&w->out, "}");
}

static void
put_part(struct writer *w, const struct ask_part *part)
{
	next_element(w);
	switch (part->kind) {
	case ASK_TEXT: put_text(w, part->text); break;
	case ASK_IMAGE:
		buf_puts(&w->out, "{\"type\":\"image\"");
		put_source(w, part->url);
		buf_puts(&w->out, "}");
		break;
	case ASK_FILE: put_file(w, part); break;
	case ASK_THINKING: put_thinking(w, part); break;
	case ASK_CALL: put_call(w, part); break;
	case ASK_RESULT: put_result(w, part); break;
	case ASK_VIDEO:
	case ASK_AUDIO: w->is_unsayable = true; break;
	}
}

/* The results of calls among the messages of a turn, or all else. */
static void
put_parts(struct writer *w, size_t from, size_t to, bool results)
{
	for (size_t i = from; i < to; i++) {
		const struct ask_message *m = &w->chat->messages[i];

		if (speaker_of(m) == SYSTEM)
			continue;
		for (size_t k = 0; k < m->n_parts; k++)
			if (is_said(&m->parts[k]) && (m->parts[k].kind == ASK_RESULT) == results)
				put_part(w, &m->parts[k]);
	}
}

static void
put_turn(struct writer *w, size_t from, size_t to)
{
	bool is_assistant = speaker_of(&w->chat->messages[from]) == ASSISTANT;

	buf_printf(&w->out, "{\"role\":\"%s\",\"content\":[", is_assistant ? "assistant" : "user");
	w->is_first = true;
	put_parts(w, from, to, true);
	put_parts(w, from, to, false);
	buf_puts(&w->out, "]}");
}

static void
put_turns(struct writer *w)
{
	const struct ask_chat *chat = w->chat;
	size_t i = next_spoken(chat, 0), end;

	buf_puts(&w->out, "\"messages\":[");
	if (i == chat->n_messages || speaker_of(&chat->messages[i]) == ASSISTANT)
		buf_puts(&w->out, i == chat->n_messages ? OPENER : OPENER ",");
	for (; i < chat->n_messages; i = end) {
		end = turn_end(chat, i);
		put_turn(w, i, end);
		if (end < chat->n_messages)
			buf_puts(&w->out, ",");
	}
	buf_puts(&w->out, "]");
}

static void
put_system(struct writer *w)
{
	const struct ask_chat *chat = w->chat;
	size_t before = w->out.len;

	buf_puts(&w->out, ",\"system\":[");
	w->is_first = true;
	for (size_t i = 0; i < chat->n_messages; i++) {
		const struct ask_message *m = &chat->messages[i];

		for (size_t k = 0; k < m->n_parts && speaker_of(m) == SYSTEM; k++)
			if (m->parts[k].kind != ASK_TEXT)
				w->is_unsayable = true;
			else if (is_said(&m->parts[k]))
				next_element(w), put_text(w, m->parts[k].text);
	}
	if (chat->format == FORMAT_JSON)
		next_element(w), put_text(w, JSON_ONLY);
	if (w->is_first)
		w->out.len = before;
	else
		buf_puts(&w->out, "]");
}

/* ---- tools --------------------------------------------------------------------- */

/* The schema must be an object that says it describes one. */
static void
put_schema(struct writer *w, const char *schema)
{
	struct scan_text name;
	bool has_type = false, is_empty = true;
	struct scan s;

	if (is_blank(schema))
		schema = "{}";
	scan_init(&s, schema, strlen(schema));
	if (scan_object(&s))
		for (; scan_member(&s, &name); scan_skip(&s)) {
			has_type |= scan_is(&name, "type");
			is_empty = false;
		}
	if (!scan_end(&s) || !value_is_object(schema, strlen(schema))) {
		w->is_unsayable = true;
		return;
	}
	buf_puts(&w->out, ",\"input_schema\":");
	if (!has_type)
		buf_puts(&w->out, is_empty ? "{\"type\":\"object\"" : "{\"type\":\"object\",");
	buf_puts(&w->out, has_type ? schema : strchr(schema, '{') + 1);
}

static void
put_tools(struct writer *w)
{
	const struct ask_chat *chat = w->chat;

	buf_puts(&w->out, ",\"tools\":[");
	w->is_first = true;
	for (size_t i = 0; i < chat->n_tools; i++) {
		const struct ask_tool *tool = &chat->tools[i];

		next_element(w);
		put_string(w, "{\"name\":", tool->name);
		if (!is_blank(tool->description))
			put_string(w, ",\"description\":", tool->description);
		if (tool->strict)
			buf_puts(&w->out, ",\"strict\":true");
		put_schema(w, tool->parameters);
		buf_puts(&w->out, "}");
	}
	buf_puts(&w->out, "]");
}

static void
put_choice(struct writer *w)
{
	static const char *const words[] = {
		[CHOICE_AUTO] = "auto", [CHOICE_NONE] = "none", [CHOICE_ANY] = "any", [CHOICE_NAMED] = "tool"
	};
	const struct ask_chat *chat = w->chat;

	if (chat->choice == CHOICE_AUTO && !chat->one_call)
		return;
	buf_printf(&w->out, ",\"tool_choice\":{\"type\":\"%s\"", words[chat->choice]);
	if (chat->choice == CHOICE_NAMED)
		put_string(w, ",\"name\":", chat->choice_name);
	if (chat->one_call && chat->choice != CHOICE_NONE)
		buf_puts(&w->out, ",\"disable_parallel_tool_use\":true");
	buf_puts(&w->out, "}");
}

/* ---- the body ------------------------------------------------------------------ */

/* Calls that were answered belong to a turn that goes on, and one that thinks must
 * have thought from its beginning, under seal. */
static bool
began_with_thought(const struct ask_chat *chat, size_t from, size_t to)
{
	bool has_call = false;

	for (size_t i = from; i < to; i++)
		for (size_t k = 0; k < chat->messages[i].n_parts; k++) {
			const struct ask_part *part = &chat->messages[i].parts[k];

			if (speaker_of(&chat->messages[i]) == SYSTEM || !is_said(part))
				continue;
			if (part->kind == ASK_THINKING)
				return true;
			has_call |= part->kind == ASK_CALL;
		}
	return !has_call;
}

/* Thought goes neither with a call that is forced nor with the beginning of an
 * answer, nor into a turn that began without. */
static bool
may_think(const struct ask_chat *chat)
{
	size_t assistant = 0, assistant_end = 0, i, end;

	if (chat->n_tools > 0 && (chat->choice == CHOICE_ANY || chat->choice == CHOICE_NAMED))
		return false;
	for (i = next_spoken(chat, 0); i < chat->n_messages; i = end) {
		end = turn_end(chat, i);
		if (speaker_of(&chat->messages[i]) == ASSISTANT)
			assistant = i, assistant_end = end;
	}
	if (assistant_end == 0)
		return true;
	return assistant_end < chat->n_messages && began_with_thought(chat, assistant, assistant_end);
}

/* The gap, with the manner at its front for the head to find. */
static void
put_gap(struct writer *w)
{
	const struct ask_chat *chat = w->chat;
	struct anthropic_manner manner;

	memset(&manner, 0, sizeof(manner));
	manner.temperature = chat->temperature;
	manner.top_p = chat->top_p;
	manner.top_k = chat->top_k;
	manner.thinking_tokens = chat->thinking_tokens;
	manner.effort = chat->effort;
	manner.has_format = chat->format == FORMAT_SCHEMA;
	manner.may_think = may_think(chat);
	wire_body_begin(&w->out, &manner, sizeof(manner));
}

static void
put_format(struct writer *w)
{
	const char *schema = w->chat->schema;

	if (w->chat->format != FORMAT_SCHEMA)
		return;
	w->is_unsayable |= schema == NULL || !value_is_object(schema, strlen(schema));
	buf_puts(&w->out, "\"format\":{\"type\":\"json_schema\",\"schema\":");
	buf_puts(&w->out, schema == NULL ? "{}" : schema);
	buf_puts(&w->out, "}},");
}

static void
put_rest(struct writer *w, bool stream)
{
	const struct ask_chat *chat = w->chat;

	if (chat->n_tools > 0) {
		put_tools(w);
		put_choice(w);
	}
	for (size_t i = 0; i < chat->n_stop; i++)
		put_string(w, i == 0 ? ",\"stop_sequences\":[" : ",", chat->stop[i]);
	if (chat->n_stop > 0)
		buf_puts(&w->out, "]");
	if (chat->user != NULL && *chat->user != '\0') {
		put_string(w, ",\"metadata\":{\"user_id\":", chat->user);
		buf_puts(&w->out, "}");
	}
	buf_puts(&w->out, stream ? ",\"stream\":true}" : "}");
}

/* In the client's own words: of what the head decides it says only the model and the
 * longest answer.  What would cost more than the model's price does not pass. */
static enum status
own_body(struct arena *a, const struct ask *ask, bool stream, struct wire_body *out)
{
	static const char *const ours[] = { "model", "max_tokens", "stream", "mcp_servers", "service_tier", "speed",
		"inference_geo", NULL };
	static const struct ask_chat plain = { ASK_CHAT_PLAIN };
	struct writer w = { .out = BUF_INIT(0), .chat = &plain };

	put_gap(&w);
	if (!own_members(&w.out, ask->own_words, ask->own_words_len, ours)) {
		buf_free(&w.out);
		return E_INVALID_REQUEST;
	}
	buf_puts(&w.out, stream ? ",\"stream\":true}" : "}");
	wire_body_make(a, &w.out, out);
	return OK;
}

enum status
anthropic_body(struct arena *a, const struct ask *ask, bool stream, struct wire_body *out)
{
	struct writer w = { .out = BUF_INIT(0), .chat = &ask->chat };

	if (ask->chat.n_messages == 0)
		return E_INVALID_REQUEST;
	if (own_words(ask, "anthropic"))
		return own_body(a, ask, stream, out);
	put_gap(&w);
	put_format(&w);
	put_turns(&w);
	put_system(&w);
	put_rest(&w, stream);
	wire_body_make(a, &w.out, out);
	return w.is_unsayable ? E_INVALID_REQUEST : OK;
}
