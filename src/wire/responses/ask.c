/*
 * What is asked, as an HTTP request of OpenAI's Responses API.  Nothing is kept there
 * but what a client's own words say: what was said before is sent again, with what the
 * model thought, sealed, where its maker is asked again.
 */
#include <string.h>

#include "wire/headers.h"
#include "wire/openai/openai.h"
#include "wire/own.h"
#include "wire/responses/responses.h"
#include "wire/url.h"

#define CHAT_PATH "/chat/completions"

const char *
responses_url(struct arena *a, const char *base, const struct quirks *q, const char *behind)
{
	const char *root = "";
	struct url url;

	if (!url_read(base, &url))
		return NULL;
	if (url_ends(url.path, url.path_len, CHAT_PATH)) { /* some write the whole endpoint */
		url.len -= strlen(CHAT_PATH);
		url.path_len -= strlen(CHAT_PATH);
	} else if (url_ends(url.path, url.path_len, "/responses")) {
		url.len -= strlen("/responses");
		url.path_len -= strlen("/responses");
	}
	if (!url_has_version(&url)) /* a path of its own is somebody's gateway, and has the usual name below it */
		root = q == NULL || q->root == NULL || url.path_len > 0 ? "/v1" : q->root;
	return url_join(a, &url, arena_printf(a, "%s/responses%s", root, behind));
}

const char *const *
responses_headers(struct arena *a, const struct wire_target *to)
{
	const char *key = to->quirks == NULL ? NULL : to->quirks->key_header;

	return headers_make(a, to, key == NULL ? "Authorization: Bearer " : key, NULL);
}

/* ---- what ---------------------------------------------------------------------------- */

static void
put_string(struct buf *out, const char *before, const char *value)
{
	buf_puts(out, before);
	buf_json(out, value, strlen(value));
}

static const char *
or_empty(const char *text)
{
	return text == NULL ? "" : text;
}

/* Files within the body have a name, those elsewhere do not. */
static void
put_file(struct buf *out, const struct ask_part *part)
{
	if (strncmp(part->url, "data:", 5) != 0) {
		put_string(out, "{\"type\":\"input_file\",\"file_url\":", part->url);
	} else {
		put_string(out, "{\"type\":\"input_file\",\"filename\":", part->name == NULL ? "file" : part->name);
		put_string(out, ",\"file_data\":", part->url);
	}
	buf_puts(out, "}");
}

/* False: there is no word for it. */
static bool
put_part(struct buf *out, const struct ask_part *part, bool is_theirs)
{
	switch (part->kind) {
	case ASK_TEXT:
		put_string(out,
		    is_theirs ? "{\"type\":\"output_text\",\"text\":" : "{\"type\":\"input_text\",\"text\":",
		    part->text);
		buf_puts(out, "}");
		return true;
	case ASK_IMAGE:
		put_string(out, "{\"type\":\"input_image\",\"image_url\":", part->url);
		buf_puts(out, "}");
		return true;
	case ASK_FILE: put_file(out, part); return true;
	case ASK_VIDEO:
	case ASK_AUDIO:
	case ASK_THINKING:
	case ASK_CALL:
	case ASK_RESULT: break;
	}
	return false;
}

static void
put_call(struct buf *out, const struct ask_part *part)
{
	put_string(out, "{\"type\":\"function_call\",\"call_id\":", or_empty(part->id));
	put_string(out, ",\"name\":", or_empty(part->name));
	put_string(out, ",\"arguments\":", part->text == NULL ? "{}" : part->text);
	buf_puts(out, "}");
}

static void
put_result(struct buf *out, const struct ask_part *part)
{
	put_string(out, "{\"type\":\"function_call_output\",\"call_id\":", or_empty(part->id));
	put_string(out, ",\"output\":", or_empty(part->text));
	buf_puts(out, "}");
}

/* Without its seal a thought is none here. */
static bool
is_thought_here(const struct ask_part *part)
{
	return part->signature != NULL && strncmp(part->signature, ASK_SEAL_OPENAI, strlen(ASK_SEAL_OPENAI)) == 0;
}

static void
put_thought(struct buf *out, const struct ask_part *part)
{
	buf_puts(out, "{\"type\":\"reasoning\",\"summary\":[");
	if (*or_empty(part->text) != '\0') {
		put_string(out, "{\"type\":\"summary_text\",\"text\":", part->text);
		buf_puts(out, "}");
	}
	put_string(out, "],\"encrypted_content\":", part->signature + strlen(ASK_SEAL_OPENAI));
	buf_puts(out, "}");
}

/* ---- items ------------------------------------------------------------------------------ */

struct writing {
	struct buf *out;
	bool any;	 /* an item was written */
	bool in_message; /* one is open, */
	bool any_part;	 /* which has a part */
};

static void
close_message(struct writing *w)
{
	if (w->in_message)
		buf_puts(w->out, "]}");
	w->in_message = false;
}

static void
begin_item(struct writing *w)
{
	close_message(w);
	buf_puts(w->out, w->any ? "," : "");
	w->any = true;
}

static void
open_message(struct writing *w, const char *role)
{
	if (w->in_message)
		return;
	begin_item(w);
	put_string(w->out, "{\"type\":\"message\",\"role\":", role);
	buf_puts(w->out, ",\"content\":[");
	w->in_message = true;
	w->any_part = false;
}

static bool
put_content(struct writing *w, const struct ask_message *m, const struct ask_part *part)
{
	open_message(w, m->role);
	buf_puts(w->out, w->any_part ? "," : "");
	w->any_part = true;
	return put_part(w->out, part, strcmp(m->role, "assistant") == 0);
}

static bool
put_item(struct writing *w, const struct ask_message *m, const struct ask_part *part)
{
	if (part->kind == ASK_THINKING && !is_thought_here(part))
		return true;
	if (part->kind < ASK_THINKING)
		return put_content(w, m, part);
	begin_item(w);
	switch (part->kind) {
	case ASK_CALL: put_call(w->out, part); break;
	case ASK_RESULT: put_result(w->out, part); break;
	case ASK_THINKING: put_thought(w->out, part); break;
	case ASK_TEXT:
	case ASK_IMAGE:
	case ASK_VIDEO:
	case ASK_AUDIO:
	case ASK_FILE: break;
	}
	return true;
}

static bool
put_items(struct buf *out, const struct ask_chat *chat)
{
	struct writing w = { .out = out };

	buf_puts(out, "\"input\":[");
	for (size_t i = 0; i < chat->n_messages; i++) {
		const struct ask_message *m = &chat->messages[i];

		if (m->n_parts == 0)
			open_message(&w, m->role);
		for (size_t k = 0; k < m->n_parts; k++)
			if (!put_item(&w, m, &m->parts[k]))
				return false;
		close_message(&w);
	}
	buf_puts(out, "]");
	return w.any; /* nothing but thoughts of others is nothing */
}

/* ---- with what, and how --------------------------------------------------------------------- */

static void
put_tool(struct buf *out, const struct ask_tool *tool)
{
	put_string(out, "{\"type\":\"function\",\"name\":", tool->name);
	if (tool->description != NULL)
		put_string(out, ",\"description\":", tool->description);
	buf_puts(out, ",\"parameters\":");
	buf_puts(out, tool->parameters == NULL ? "{\"type\":\"object\",\"properties\":{}}" : tool->parameters);
	buf_puts(out, tool->strict ? ",\"strict\":true}" : ",\"strict\":false}"); /* unsaid it would be true */
}

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
		put_string(out, ",\"tool_choice\":{\"type\":\"function\",\"name\":", chat->choice_name);
		buf_puts(out, "}");
		break;
	}
	if (chat->one_call)
		buf_puts(out, ",\"parallel_tool_calls\":false");
}

static void
put_format(struct buf *out, const struct ask_chat *chat)
{
	if (chat->format == FORMAT_JSON)
		buf_puts(out, ",\"text\":{\"format\":{\"type\":\"json_object\"}}");
	if (chat->format != FORMAT_SCHEMA)
		return;
	put_string(out, ",\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":",
	    chat->schema_name == NULL ? "answer" : chat->schema_name);
	buf_puts(out, ",\"schema\":");
	buf_puts(out, chat->schema);
	buf_puts(out, chat->schema_strict ? ",\"strict\":true}}" : ",\"strict\":false}}");
}

/* Who asks for thought is told of it, and gets it back sealed. */
static void
put_effort(struct buf *out, const struct ask_chat *chat)
{
	static const char *const efforts[] = { [EFFORT_NONE] = "none",
		[EFFORT_MINIMAL] = "minimal",
		[EFFORT_LOW] = "low",
		[EFFORT_MEDIUM] = "medium",
		[EFFORT_HIGH] = "high",
		[EFFORT_MAX] = "xhigh" };

	if (chat->effort == EFFORT_UNSAID)
		return;
	put_string(out, ",\"reasoning\":{\"effort\":", efforts[chat->effort]);
	buf_puts(out, ",\"summary\":\"auto\"}");
	if (chat->effort != EFFORT_NONE)
		buf_puts(out, ",\"include\":[\"reasoning.encrypted_content\"]");
}

static bool
put_all(struct buf *out, const struct ask_chat *chat)
{
	if (!put_items(out, chat))
		return false;
	put_tools(out, chat);
	/* %.3f would follow the locale's decimal point; the programs keep "C". */
	if (chat->temperature >= 0)
		buf_printf(out, ",\"temperature\":%.3f", chat->temperature);
	if (chat->top_p >= 0)
		buf_printf(out, ",\"top_p\":%.3f", chat->top_p);
	if (chat->user != NULL)
		put_string(out, ",\"user\":", chat->user);
	put_format(out, chat);
	put_effort(out, chat);
	buf_puts(out, ",\"store\":false");
	return true;
}

enum status
responses_body(struct arena *a, const struct ask *ask, bool stream, struct wire_body *out)
{
	const struct ask_chat *chat = &ask->chat;
	struct buf b = BUF_INIT(0);
	bool ok;

	if (own_words(ask, "responses")) {
		wire_body_begin(&b, NULL, 0);
		ok = responses_own_ask(&b, ask);
		stream = stream && ask->own_behind == NULL; /* which is answered whole */
	} else if (ask->own_behind != NULL) {
		ok = false;
	} else {
		ok = chat->n_messages > 0 && chat->n_stop == 0; /* no word for that */
		wire_body_begin(&b, NULL, 0);
		ok = ok && put_all(&b, chat);
	}
	if (!ok) {
		buf_free(&b);
		return E_INVALID_REQUEST;
	}
	buf_puts(&b, stream ? ",\"stream\":true}" : "}");
	wire_body_make(a, &b, out);
	out->own = ask->own_behind;
	return OK;
}

enum status
responses_head(struct arena *a, const struct wire_target *to, struct wire_body *body, struct wire_request *out)
{
	const char *own_behind = body->own, *url;
	const char *const *headers = responses_headers(a, to);
	struct buf head = BUF_INIT(0);
	bool fits;

	url = responses_url(a, to->base_url, to->quirks, own_behind == NULL ? "" : own_behind);
	if (url == NULL || to->model == NULL || headers == NULL)
		return E_INVALID_REQUEST;
	*out = (struct wire_request){ .method = "POST", .url = url, .headers = headers };
	put_string(&head, "{\"model\":", to->model);
	if (to->max_output_tokens > 0 && own_behind == NULL)
		buf_printf(&head, ",\"max_output_tokens\":%lld", (long long)to->max_output_tokens);
	buf_puts(&head, ",");
	fits = wire_body_head(body, &head, &out->body, &out->body_len);
	buf_free(&head);
	return fits ? OK : E_INVALID_REQUEST;
}
