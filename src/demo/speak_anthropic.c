/* Anthropic messages. The contracts are in route.h (reading) and speak.h
 * (saying). */
#include <stdio.h>
#include <string.h>

#include "demo/route.h"

#define THINKING_DELTAS 16

/* ---- requests ------------------------------------------------------------ */

static bool
is_type(const json_t *object, const char *type)
{
	const char *said = json_string_value(json_object_get(object, "type"));

	return said != NULL && strcmp(said, type) == 0;
}

static void
read_image(struct ask *ask, const json_t *block, bool keep)
{
	const json_t *source = json_object_get(block, "source");
	const char *url = json_string_value(json_object_get(source, "url"));
	const char *type = json_string_value(json_object_get(source, "media_type"));
	const json_t *data = json_object_get(source, "data");
	struct buf inline_url = BUF_INIT(0);

	if (url == NULL && json_is_string(data)) {
		buf_printf(&inline_url, "data:%s;base64,", type ? type : "");
		buf_add(&inline_url, json_string_value(data), json_string_length(data));
		url = buf_str(&inline_url);
	}
	ask_image(ask, url, keep);
	buf_free(&inline_url);
}

static void
read_block(struct ask *ask, const json_t *block, bool keep, bool is_last)
{
	if (is_type(block, "thinking") && !speak_has_signed(json_object_get(block, "signature")))
		ask->flaw = "messages.1.content.0: Invalid `signature` in `thinking` block";
	if (is_type(block, "tool_result"))
		ask_result(ask, json_object_get(block, "content"), is_last);
	else if (is_type(block, "image"))
		read_image(ask, block, keep);
	else
		ask_text(ask, json_object_get(block, "text"), keep);
}

static bool
read_content(struct ask *ask, const json_t *content, bool keep, bool is_last)
{
	const json_t *block;
	size_t i;

	if (json_is_string(content)) {
		ask_text(ask, content, keep);
		return true;
	}
	if (!json_is_array(content))
		return false;
	json_array_foreach(content, i, block)
		read_block(ask, block, keep, is_last);
	return true;
}

/* Is it a question of the user's, and not the result of a tool alone? */
static bool
is_question(const json_t *message)
{
	const char *role = json_string_value(json_object_get(message, "role"));
	const json_t *block, *content = json_object_get(message, "content");
	size_t i;

	if (role == NULL || strcmp(role, "user") != 0)
		return false;
	json_array_foreach(content, i, block)
		if (!is_type(block, "tool_result"))
			return true;
	return json_is_string(content);
}

static bool
read_messages(struct ask *ask, const json_t *messages, struct wire_error *err)
{
	size_t count = json_array_size(messages), last_user = SIZE_MAX;

	if (count == 0)
		return ask_refuse(err, "messages", NULL, "messages: at least one message is required");
	for (size_t i = 0; i < count; i++) {
		const json_t *message = json_array_get(messages, i);

		if (!json_is_string(json_object_get(message, "role")))
			return ask_refuse(err, "messages", NULL, "messages.role: Field required");
		if (is_question(message))
			last_user = i;
	}
	for (size_t i = 0; i < count; i++)
		if (!read_content(
			ask, json_object_get(json_array_get(messages, i), "content"), i == last_user, i + 1 == count))
			return ask_refuse(
			    err, "messages", NULL, "messages.content: Input should be a string or a list of blocks");
	ask_claim(ask, count);
	return true;
}

static void
read_tools(struct ask *ask, const json_t *root)
{
	const json_t *tool, *choice = json_object_get(root, "tool_choice");
	const char *wanted = is_type(choice, "tool") ? json_string_value(json_object_get(choice, "name")) : NULL;
	size_t i;

	if (is_type(choice, "none"))
		return;
	json_array_foreach(json_object_get(root, "tools"), i, tool)
		ask_tool(ask, json_object_get(tool, "name"), json_object_get(tool, "input_schema"), wanted);
	ask->must_call = wanted != NULL || is_type(choice, "any");
	ask->one_call = json_is_true(json_object_get(choice, "disable_parallel_tool_use"));
}

static void
read_thinking(struct ask *ask, const json_t *root)
{
	const json_t *thinking = json_object_get(root, "thinking"), *config = json_object_get(root, "output_config");
	const json_t *format = json_object_get(config, "format");

	if (is_type(thinking, "enabled") || is_type(thinking, "adaptive")) {
		ask->reasoning = ask_effort(json_object_get(config, "effort"));
		if (ask->reasoning == 0)
			ask->reasoning = THINKING_DELTAS;
	}
	ask->wants_json = is_type(format, "json_schema");
	ask->schema = json_object_get(format, "schema");
}

static void
read_system(struct ask *ask, const json_t *system)
{
	if (system != NULL)
		(void)read_content(ask, system, false, false);
}

bool
anthropic_read(struct ask *ask, const json_t *root, struct wire_error *err)
{
	if (!ask_model(ask, root, err) || !ask_limit(ask, json_object_get(root, "max_tokens"), "max_tokens", err))
		return false;
	ask->stream = json_is_true(json_object_get(root, "stream"));
	read_system(ask, json_object_get(root, "system"));
	read_tools(ask, root);
	read_thinking(ask, root);
	return read_messages(ask, json_object_get(root, "messages"), err);
}

/* ---- errors and models --------------------------------------------------- */

static const char *
error_type(int status)
{
	switch (status) {
	case 401: return "authentication_error";
	case 402: return "billing_error";
	case 403: return "permission_error";
	case 404: return "not_found_error";
	case 413: return "request_too_large";
	case 429: return "rate_limit_error";
	case 504: return "timeout_error";
	case 503:
	case 529: return "overloaded_error";
	default: return status >= 400 && status < 500 ? "invalid_request_error" : "api_error";
	}
}

static void
say_error(struct buf *out, const struct speech *sp, const struct wire_error *err)
{
	bool is_filter = err->code != NULL && strcmp(err->code, "content_filter") == 0;

	buf_puts(out, "{\"type\":\"error\",\"error\":{");
	speak_member(out, "type", error_type(is_filter ? 400 : err->status));
	buf_puts(out, ",");
	speak_member(out, "message", err->message);
	buf_printf(out, "},\"request_id\":\"req_%s\"}", sp->serial);
}

static void
say_error_event(struct buf *out, struct speech *sp, const struct wire_error *err, enum demo_fault fault)
{
	(void)fault;
	buf_puts(out, "event: error\ndata: ");
	say_error(out, sp, err);
	buf_puts(out, "\n\n");
}

static void
say_model(struct buf *out, const char *name)
{
	buf_puts(out, "{\"type\":\"model\",");
	speak_member(out, "id", name);
	buf_puts(out, ",");
	speak_member(out, "display_name", name);
	buf_puts(out, ",\"created_at\":\"2025-01-01T00:00:00Z\"}");
}

static void
say_models(struct buf *out)
{
	buf_puts(out, "{\"data\":[");
	for (size_t i = 0; i < SCRIPT_MODELS; i++) {
		if (i > 0)
			buf_puts(out, ",");
		say_model(out, script_models[i]);
	}
	buf_printf(out, "],\"has_more\":false,\"first_id\":\"%s\",\"last_id\":\"%s\"}", script_models[0],
	    script_models[SCRIPT_MODELS - 1]);
}

static void
say_headers(struct buf *out, const struct speech *sp)
{
	buf_printf(out, "request-id: req_%s\r\n", sp->serial);
}

void
anthropic_count(struct buf *out, const struct ask *ask, const struct speech *sp)
{
	(void)ask;
	buf_printf(out, "{\"input_tokens\":%lld}", (long long)sp->counts.in);
}

/* ---- events -------------------------------------------------------------- */

/* What came from the cache is not in input_tokens here. */
static void
put_usage(struct buf *out, const struct counts *c, int64_t output)
{
	int64_t cache = c->cached + c->written;

	buf_printf(out,
	    "{\"input_tokens\":%s%lld%s,\"cache_creation_input_tokens\":%lld,\"cache_read_input_tokens\":%lld,"
	    "\"output_tokens\":%s%lld%s,\"service_tier\":\"standard\"}",
	    c->quote, (long long)(c->in > cache ? c->in - cache : c->in), c->quote, (long long)c->written,
	    (long long)c->cached, c->quote, (long long)output, c->quote);
}

static void
put_message_head(struct buf *out, const struct speech *sp)
{
	buf_printf(out, "{\"id\":\"%s\",\"type\":\"message\",\"role\":\"assistant\",\"model\":", sp->id);
	buf_json(out, sp->model, sp->model_len);
	buf_puts(out, ",\"content\":[");
}

static void
say_begin(struct speech *sp)
{
	buf_clear(&sp->prefix);
	buf_clear(&sp->final); /* all thoughts so far: what will be signed */
}

static void
say_open(struct buf *out, struct speech *sp)
{
	buf_puts(out, "event: message_start\ndata: {\"type\":\"message_start\",\"message\":");
	put_message_head(out, sp);
	buf_puts(out, "],\"stop_reason\":null,\"stop_sequence\":null");
	if (sp->has_usage) {
		buf_puts(out, ",\"usage\":");
		put_usage(out, &sp->counts, sp->counts.out != 0);
	}
	buf_puts(out, "}}\n\nevent: ping\ndata: {\"type\":\"ping\"}\n\n");
}

static void
close_block(struct buf *out, struct speech *sp)
{
	char signature[32];

	if (sp->block == BLOCK_THINKING) {
		speak_signature(signature, buf_str(&sp->final), sp->final.len);
		buf_printf(out,
		    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":%u,"
		    "\"delta\":{\"type\":\"signature_delta\",\"signature\":\"%s\"}}\n\n",
		    sp->blocks - 1, signature);
	}
	if (sp->block != BLOCK_NONE)
		buf_printf(out, "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":%u}\n\n",
		    sp->blocks - 1);
	sp->block = BLOCK_NONE;
}

static void
open_block(struct buf *out, struct speech *sp, enum block block)
{
	close_block(out, sp);
	buf_printf(out,
	    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":%u,\"content_block\":",
	    sp->blocks);
	sp->blocks++;
	sp->block = block;
	/* The same in every delta of the block. */
	buf_clear(&sp->prefix);
	buf_printf(&sp->prefix,
	    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":%u,\"delta\":{\"type\":",
	    sp->blocks - 1);
}

/* A delta's event alone ends in "} }", as speaker.delta_end wants it. */
static void
put_delta(struct buf *out, struct speech *sp, const char *start, const char *text, size_t len)
{
	buf_add(out, sp->prefix.data, sp->prefix.len);
	buf_puts(out, start);
	buf_json(out, text, len);
	buf_puts(out, "} }\n\n");
}

static void
need_text(struct buf *out, struct speech *sp)
{
	if (sp->block == BLOCK_TEXT)
		return;
	open_block(out, sp, BLOCK_TEXT);
	buf_puts(out, "{\"type\":\"text\",\"text\":\"\"}}\n\n");
}

static void
say_text(struct buf *out, struct speech *sp, const char *text, size_t len)
{
	need_text(out, sp);
	put_delta(out, sp, "\"text_delta\",\"text\":", text, len);
}

static void
say_think(struct buf *out, struct speech *sp, const char *text, size_t len)
{
	if (sp->block != BLOCK_THINKING) {
		open_block(out, sp, BLOCK_THINKING);
		buf_puts(out, "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}}\n\n");
	}
	buf_add(&sp->final, text, len);
	put_delta(out, sp, "\"thinking_delta\",\"thinking\":", text, len);
}

static void
say_call(struct buf *out, struct speech *sp, const struct call *call, unsigned index, struct span args)
{
	(void)index;
	if (args.len == 0) {
		open_block(out, sp, BLOCK_CALL);
		buf_printf(out, "{\"type\":\"tool_use\",\"id\":\"%s\",", call->id);
		speak_member(out, "name", call->name);
		buf_puts(out, ",\"input\":{}}}\n\n");
	}
	put_delta(out, sp, "\"input_json_delta\",\"partial_json\":", args.at, args.len);
}

static void
say_text_open(struct buf *out, struct speech *sp)
{
	need_text(out, sp);
	buf_add(out, sp->prefix.data, sp->prefix.len);
	buf_puts(out, "\"text_delta\",\"text\":\"");
}

static void
say_text_close(struct buf *out, struct speech *sp)
{
	(void)sp;
	buf_puts(out, "\"} }\n\n");
}

static const char *
stop_reason(enum demo_finish finish)
{
	switch (finish) {
	case FINISH_LENGTH: return "max_tokens";
	case FINISH_CONTENT_FILTER: return "refusal";
	case FINISH_TOOL_CALLS: return "tool_use";
	case FINISH_SENSITIVE: return "sensitive";
	case FINISH_EMPTY: return "";
	case FINISH_ERROR: return "error";
	case FINISH_NETWORK_ERROR: return "network_error";
	case FINISH_UNKNOWN: return "no_such_reason";
	case FINISH_STOP:
	case FINISH_AUTO: break;
	}
	return "end_turn";
}

static void
say_tail(struct buf *out, struct speech *sp, unsigned marks)
{
	if (marks & (TAIL_FINISH | TAIL_USAGE)) {
		close_block(out, sp);
		buf_puts(out, "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{");
		speak_member(out, "stop_reason", marks & TAIL_FINISH ? stop_reason(sp->finish) : NULL);
		buf_puts(out, ",\"stop_sequence\":null}");
		if (marks & TAIL_USAGE) {
			buf_puts(out, ",\"usage\":");
			put_usage(out, &sp->counts, sp->counts.out);
		}
		buf_puts(out, "}\n\n");
	}
	if (marks & TAIL_DONE)
		buf_puts(out, "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
}

/* ---- whole answers ------------------------------------------------------- */

static void
put_thinking(struct buf *out, const struct buf *think)
{
	char signature[32];

	speak_signature(signature, buf_str(think), think->len);
	buf_puts(out, "{\"type\":\"thinking\",\"thinking\":");
	buf_json(out, buf_str(think), think->len);
	buf_printf(out, ",\"signature\":\"%s\"}", signature);
}

/* An input that was cut short is no object; it is sent as an empty one. */
static void
put_call(struct buf *out, const struct call *call)
{
	json_t *input = json_loadb(buf_str(&call->args), call->at, 0, NULL);

	buf_printf(out, "{\"type\":\"tool_use\",\"id\":\"%s\",", call->id);
	speak_member(out, "name", call->name);
	buf_puts(out, ",\"input\":");
	if (json_is_object(input))
		buf_add(out, call->args.data, call->at);
	else
		buf_puts(out, "{}");
	buf_puts(out, "}");
	json_decref(input);
}

static void
say_whole(struct buf *out, struct speech *sp, const struct whole *w)
{
	put_message_head(out, sp);
	if (w->think.len > 0)
		put_thinking(out, &w->think);
	if (w->text.len > 0) {
		buf_puts(out, w->think.len > 0 ? ",{\"type\":\"text\",\"text\":" : "{\"type\":\"text\",\"text\":");
		buf_json(out, buf_str(&w->text), w->text.len);
		buf_puts(out, "}");
	}
	for (unsigned i = 0; i < w->call_count; i++) {
		buf_puts(out, i > 0 || w->text.len + w->think.len > 0 ? "," : "");
		put_call(out, &w->calls[i]);
	}
	buf_puts(out, "],");
	speak_member(out, "stop_reason", stop_reason(sp->finish));
	buf_puts(out, ",\"stop_sequence\":null");
	if (sp->has_usage) {
		buf_puts(out, ",\"usage\":");
		put_usage(out, &sp->counts, sp->counts.out);
	}
	buf_puts(out, "}");
}

const struct speaker speaker_anthropic = {
	.id_start = "msg_",
	.call_start = "toolu_",
	.delta_end = "} }\n\n",
	.event_end = "\n\n",
	.noise = ": keepalive\n\nevent: ping\ndata: {\"type\":\"ping\"}\n\nevent: no_such_event\ndata: "
		 "{\"type\":\"no_such_event\"}\n\n",
	.has_always_usage = true,
	.headers = say_headers,
	.begin = say_begin,
	.open = say_open,
	.text = say_text,
	.think = say_think,
	.call = say_call,
	.text_open = say_text_open,
	.text_close = say_text_close,
	.tail = say_tail,
	.whole = say_whole,
	.error = say_error,
	.error_event = say_error_event,
	.model = say_model,
	.models = say_models,
};
