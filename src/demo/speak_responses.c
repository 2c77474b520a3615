/* OpenAI's Responses API. The contracts are in route.h (reading) and speak.h
 * (saying). Nothing is kept: an answer asked for by its id is an empty one. */
#include <stdio.h>
#include <string.h>

#include "demo/route.h"

/* ---- requests ------------------------------------------------------------ */

static bool
is_type(const json_t *object, const char *type)
{
	const char *said = json_string_value(json_object_get(object, "type"));

	return said != NULL && strcmp(said, type) == 0;
}

static bool
is_result(const json_t *item)
{
	return is_type(item, "function_call_output") || is_type(item, "custom_tool_call_output");
}

static bool
is_question(const json_t *item)
{
	const char *role = json_string_value(json_object_get(item, "role"));

	return role != NULL && strcmp(role, "user") == 0;
}

static void
read_part(struct ask *ask, const json_t *part, bool keep)
{
	if (is_type(part, "input_image"))
		ask_image(ask, json_string_value(json_object_get(part, "image_url")), keep);
	else
		ask_text(ask, json_object_get(part, "text"), keep);
}

static void
read_item(struct ask *ask, const json_t *item, bool keep, bool is_last)
{
	const json_t *content = json_object_get(item, "content"), *part;
	size_t i;

	if (is_result(item))
		ask_result(ask, json_object_get(item, "output"), is_last);
	else if (json_is_string(content))
		ask_text(ask, content, keep);
	else
		json_array_foreach(content, i, part)
			read_part(ask, part, keep);
}

static bool
read_input(struct ask *ask, const json_t *input, struct wire_error *err)
{
	size_t count = json_array_size(input), last_user = SIZE_MAX, results = count;

	if (json_is_string(input)) {
		ask_text(ask, input, true);
		ask_claim(ask, 1);
		return true;
	}
	if (count == 0)
		return ask_refuse(err, "input", "missing_required_parameter", "Missing required parameter: 'input'.");
	for (size_t i = 0; i < count; i++)
		if (is_question(json_array_get(input, i)))
			last_user = i;
	while (results > 0 && is_result(json_array_get(input, results - 1)))
		results--;
	for (size_t i = 0; i < count; i++)
		read_item(ask, json_array_get(input, i), i == last_user, i >= results);
	ask_claim(ask, count);
	return true;
}

static void
read_tools(struct ask *ask, const json_t *root)
{
	const json_t *tool, *choice = json_object_get(root, "tool_choice");
	const char *word = json_string_value(choice), *wanted = json_string_value(json_object_get(choice, "name"));
	size_t i;

	if (word != NULL && strcmp(word, "none") == 0)
		return;
	json_array_foreach(json_object_get(root, "tools"), i, tool)
		if (is_type(tool, "function"))
			ask_tool(ask, json_object_get(tool, "name"), json_object_get(tool, "parameters"), wanted);
	ask->must_call = wanted != NULL || (word != NULL && strcmp(word, "required") == 0);
	ask->one_call = json_is_false(json_object_get(root, "parallel_tool_calls"));
}

bool
responses_read(struct ask *ask, const json_t *root, struct wire_error *err)
{
	const json_t *format = json_object_get(json_object_get(root, "text"), "format");

	if (!ask_model(ask, root, err) ||
	    !ask_limit(ask, json_object_get(root, "max_output_tokens"), "max_output_tokens", err))
		return false;
	ask->stream = json_is_true(json_object_get(root, "stream"));
	ask->reasoning = ask_effort(json_object_get(json_object_get(root, "reasoning"), "effort"));
	ask->wants_json = is_type(format, "json_schema") || is_type(format, "json_object");
	ask->schema = json_object_get(format, "schema");
	if (json_is_string(json_object_get(root, "instructions")))
		ask_text(ask, json_object_get(root, "instructions"), false);
	read_tools(ask, root);
	return read_input(ask, json_object_get(root, "input"), err);
}

/* ---- what is kept --------------------------------------------------------- */

void
responses_count(struct buf *out, const struct ask *ask, const struct speech *sp)
{
	(void)ask;
	buf_printf(out, "{\"object\":\"response.input_tokens\",\"input_tokens\":%lld}", (long long)sp->counts.in);
}

static void
put_usage(struct buf *out, const struct counts *c)
{
	buf_printf(out,
	    "{\"input_tokens\":%s%lld%s,\"input_tokens_details\":{\"cached_tokens\":%lld},\"output_tokens\":%s%lld%s,"
	    "\"output_tokens_details\":{\"reasoning_tokens\":%lld},\"total_tokens\":%s%lld%s}",
	    c->quote, (long long)c->in, c->quote, (long long)c->cached, c->quote, (long long)c->out, c->quote,
	    (long long)c->reasoning, c->quote, (long long)c->total, c->quote);
}

void
responses_compact(struct buf *out, const struct ask *ask, const struct speech *sp)
{
	struct counts counts = sp->counts;

	(void)ask;
	counts.out = 1;
	counts.total = counts.in + 1;
	buf_printf(out,
	    "{\"id\":\"%s\",\"object\":\"response.compaction\",\"created_at\":%lld,\"output\":[{\"id\":\"cmp_%s\",\"type\":"
	    "\"compaction\",\"encrypted_content\":\"weirdemo\"}],\"usage\":",
	    sp->id, (long long)sp->created_s, sp->serial);
	put_usage(out, &counts);
	buf_puts(out, "}");
}

/* {id} alone, {id}/cancel, {id}/input_items. */
bool
responses_kept(struct buf *out, struct span method, struct span behind)
{
	const char *slash = memchr(behind.at, '/', behind.len);
	struct span id = { behind.at, slash ? (size_t)(slash - behind.at) : behind.len };
	struct span rest = { slash, behind.len - id.len };
	bool is_get = span_is(method, "GET");

	if (id.len <= 5 || memcmp(id.at, "resp_", 5) != 0)
		return false;
	if (rest.len == 0 && span_is(method, "DELETE"))
		buf_printf(out, "{\"id\":\"%.*s\",\"object\":\"response\",\"deleted\":true}", (int)id.len, id.at);
	else if ((rest.len == 0 && is_get) || (span_is(method, "POST") && rest.len > 0 && span_is(rest, "/cancel")))
		buf_printf(out,
		    "{\"id\":\"%.*s\",\"object\":\"response\",\"status\":\"completed\",\"model\":\"demo-fast\",\"output\":[]}",
		    (int)id.len, id.at);
	else if (is_get && rest.len > 0 && span_is(rest, "/input_items"))
		buf_puts(
		    out, "{\"object\":\"list\",\"data\":[],\"has_more\":false,\"first_id\":null,\"last_id\":null}");
	else
		return false;
	return true;
}

/* ---- errors and models ----------------------------------------------------- */

static void
say_headers(struct buf *out, const struct speech *sp)
{
	speaker_openai.headers(out, sp);
}

static void
say_error(struct buf *out, const struct speech *sp, const struct wire_error *err)
{
	speaker_openai.error(out, sp, err);
}

static void
say_error_event(struct buf *out, struct speech *sp, const struct wire_error *err, enum demo_fault fault)
{
	(void)fault;
	buf_printf(out, "event: error\ndata: {\"type\":\"error\",\"sequence_number\":%u,", sp->events++);
	speak_member(out, "code", err->code);
	buf_puts(out, ",");
	speak_member(out, "message", err->message);
	buf_puts(out, ",\"param\":null}\n\n");
}

static void
say_model(struct buf *out, const char *name)
{
	speaker_openai.model(out, name);
}

static void
say_models(struct buf *out)
{
	speaker_openai.models(out);
}

/* ---- items ------------------------------------------------------------------ */

static void
put_string(struct buf *out, const struct buf *text)
{
	buf_json(out, buf_str(text), text->len);
}

static void
put_message(struct buf *out, const struct speech *sp, unsigned index, const struct buf *text)
{
	buf_printf(out,
	    "{\"id\":\"msg_%s_%u\",\"type\":\"message\",\"status\":\"completed\",\"role\":\"assistant\",\"content\":[{\"type\":"
	    "\"output_text\",\"annotations\":[],\"logprobs\":[],\"text\":",
	    sp->serial, index);
	put_string(out, text);
	buf_puts(out, "}]}");
}

static void
put_thought(struct buf *out, const struct speech *sp, unsigned index, const struct buf *text)
{
	char seal[32];

	speak_signature(seal, buf_str(text), text->len);
	buf_printf(out,
	    "{\"id\":\"rs_%s_%u\",\"type\":\"reasoning\",\"summary\":[{\"type\":\"summary_text\",\"text\":", sp->serial,
	    index);
	put_string(out, text);
	buf_printf(out, "}],\"encrypted_content\":\"%s\"}", seal);
}

static void
put_call(struct buf *out, const struct speech *sp, unsigned index, const struct call *call, size_t len)
{
	buf_printf(out, "{\"id\":\"fc_%s_%u\",\"type\":\"function_call\",\"status\":\"%s\",\"call_id\":\"%s\",",
	    sp->serial, index, len > 0 ? "completed" : "in_progress", call->id);
	speak_member(out, "name", call->name);
	buf_puts(out, ",\"arguments\":");
	buf_json(out, buf_str(&call->args), len);
	buf_puts(out, "}");
}

/* ---- events ------------------------------------------------------------------ */

static void
begin_event(struct buf *out, struct speech *sp, const char *type)
{
	buf_printf(out, "event: %s\ndata: {\"type\":\"%s\",\"sequence_number\":%u", type, type, sp->events++);
}

static void
put_response(struct buf *out, const struct speech *sp, const char *status, bool with_usage)
{
	buf_printf(out,
	    "{\"id\":\"%s\",\"object\":\"response\",\"created_at\":%lld,\"status\":\"%s\",\"model\":", sp->id,
	    (long long)sp->created_s, status);
	buf_json(out, sp->model, sp->model_len);
	buf_puts(out, ",\"output\":[");
	buf_add(out, sp->items.data, sp->items.len);
	buf_puts(out, "],\"parallel_tool_calls\":true,\"tool_choice\":\"auto\",\"tools\":[],\"error\":null,\"usage\":");
	if (with_usage)
		put_usage(out, &sp->counts);
	else
		buf_puts(out, "null");
}

static void
say_begin(struct speech *sp)
{
	buf_clear(&sp->prefix);
	buf_clear(&sp->final); /* what the open item has said */
	buf_clear(&sp->items);
}

static void
say_open(struct buf *out, struct speech *sp)
{
	static const char *const types[] = { "response.created", "response.in_progress" };

	for (int i = 0; i < 2; i++) {
		begin_event(out, sp, types[i]);
		buf_puts(out, ",\"response\":");
		put_response(out, sp, "in_progress", false);
		buf_puts(out, "}}\n\n");
	}
}

/* The item that is open, as it is when it is done, behind those before it. */
static void
keep_item(struct speech *sp)
{
	unsigned index = sp->blocks - 1;

	buf_puts(&sp->items, index > 0 ? "," : "");
	if (sp->block == BLOCK_TEXT)
		put_message(&sp->items, sp, index, &sp->final);
	else if (sp->block == BLOCK_THINKING)
		put_thought(&sp->items, sp, index, &sp->final);
	else
		put_call(&sp->items, sp, index, sp->call, sp->call->at);
}

/* An event about the open item, up to its own members. */
static void
begin_part_event(struct buf *out, struct speech *sp, const char *type)
{
	static const char *const ids[] = { [BLOCK_TEXT] = "msg", [BLOCK_THINKING] = "rs", [BLOCK_CALL] = "fc" };
	unsigned index = sp->blocks - 1;

	begin_event(out, sp, type);
	buf_printf(out, ",\"item_id\":\"%s_%s_%u\",\"output_index\":%u", ids[sp->block], sp->serial, index, index);
}

/* All that the open item has said. */
static void
say_said(struct buf *out, struct speech *sp)
{
	bool is_text = sp->block == BLOCK_TEXT;

	if (sp->block == BLOCK_CALL) {
		begin_part_event(out, sp, "response.function_call_arguments.done");
		buf_puts(out, ",\"arguments\":");
		buf_json(out, buf_str(&sp->call->args), sp->call->at);
		buf_puts(out, "}\n\n");
		return;
	}
	begin_part_event(out, sp, is_text ? "response.output_text.done" : "response.reasoning_summary_text.done");
	buf_puts(out, is_text ? ",\"content_index\":0,\"logprobs\":[],\"text\":" : ",\"summary_index\":0,\"text\":");
	put_string(out, &sp->final);
	buf_puts(out, "}\n\n");
	begin_part_event(out, sp, is_text ? "response.content_part.done" : "response.reasoning_summary_part.done");
	buf_puts(out,
	    is_text ? ",\"content_index\":0,\"part\":{\"type\":\"output_text\",\"annotations\":[],\"text\":"
		    : ",\"summary_index\":0,\"part\":{\"type\":\"summary_text\",\"text\":");
	put_string(out, &sp->final);
	buf_puts(out, "}}\n\n");
}

static void
close_item(struct buf *out, struct speech *sp)
{
	size_t from;

	if (sp->block == BLOCK_NONE)
		return;
	say_said(out, sp);
	from = sp->items.len + (sp->blocks > 1);
	keep_item(sp);
	begin_event(out, sp, "response.output_item.done");
	buf_printf(out, ",\"output_index\":%u,\"item\":", sp->blocks - 1);
	buf_add(out, sp->items.data + from, sp->items.len - from);
	buf_puts(out, "}\n\n");
	buf_clear(&sp->final);
	sp->block = BLOCK_NONE;
}

/* Up to the new item; `id` and `delta` are how its kind has them. */
static void
begin_item(struct buf *out, struct speech *sp, enum block block, const char *id, const char *delta)
{
	close_item(out, sp);
	sp->block = block;
	begin_event(out, sp, "response.output_item.added");
	buf_printf(out, ",\"output_index\":%u,\"item\":", sp->blocks);
	buf_clear(&sp->prefix);
	buf_printf(&sp->prefix, "\"item_id\":\"%s_%s_%u\",\"output_index\":%u,%s", id, sp->serial, sp->blocks,
	    sp->blocks, delta);
	sp->blocks++;
}

/* A delta's event alone ends in a quotation mark and a blank, as speaker.delta_end wants it. */
static void
put_delta(struct buf *out, struct speech *sp, const char *type, const char *text, size_t len)
{
	begin_event(out, sp, type);
	buf_puts(out, ",");
	buf_add(out, sp->prefix.data, sp->prefix.len);
	buf_json(out, text, len);
	buf_puts(out, " }\n\n");
}

static void
need_text(struct buf *out, struct speech *sp)
{
	if (sp->block == BLOCK_TEXT)
		return;
	begin_item(out, sp, BLOCK_TEXT, "msg", "\"content_index\":0,\"logprobs\":[],\"delta\":");
	buf_printf(out,
	    "{\"id\":\"msg_%s_%u\",\"type\":\"message\",\"status\":\"in_progress\",\"role\":\"assistant\",\"content\":[]}}\n\n",
	    sp->serial, sp->blocks - 1);
	begin_event(out, sp, "response.content_part.added");
	buf_printf(out,
	    ",\"item_id\":\"msg_%s_%u\",\"output_index\":%u,\"content_index\":0,\"part\":{\"type\":\"output_text\","
	    "\"annotations\":[],\"text\":\"\"}}\n\n",
	    sp->serial, sp->blocks - 1, sp->blocks - 1);
}

static void
say_text(struct buf *out, struct speech *sp, const char *text, size_t len)
{
	need_text(out, sp);
	buf_add(&sp->final, text, len);
	put_delta(out, sp, "response.output_text.delta", text, len);
}

static void
say_think(struct buf *out, struct speech *sp, const char *text, size_t len)
{
	if (sp->block != BLOCK_THINKING) {
		begin_item(out, sp, BLOCK_THINKING, "rs", "\"summary_index\":0,\"delta\":");
		buf_printf(out, "{\"id\":\"rs_%s_%u\",\"type\":\"reasoning\",\"summary\":[]}}\n\n", sp->serial,
		    sp->blocks - 1);
		begin_event(out, sp, "response.reasoning_summary_part.added");
		buf_printf(out,
		    ",\"item_id\":\"rs_%s_%u\",\"output_index\":%u,\"summary_index\":0,\"part\":{\"type\":\"summary_text\","
		    "\"text\":\"\"}}\n\n",
		    sp->serial, sp->blocks - 1, sp->blocks - 1);
	}
	buf_add(&sp->final, text, len);
	put_delta(out, sp, "response.reasoning_summary_text.delta", text, len);
}

static void
say_call(struct buf *out, struct speech *sp, const struct call *call, unsigned index, struct span args)
{
	(void)index;
	if (args.len == 0) {
		begin_item(out, sp, BLOCK_CALL, "fc", "\"delta\":");
		sp->call = call;
		put_call(out, sp, sp->blocks - 1, call, 0);
		buf_puts(out, "}\n\n");
	}
	put_delta(out, sp, "response.function_call_arguments.delta", args.at, args.len);
}

static void
say_text_open(struct buf *out, struct speech *sp)
{
	need_text(out, sp);
	begin_event(out, sp, "response.output_text.delta");
	buf_puts(out, ",");
	buf_add(out, sp->prefix.data, sp->prefix.len);
	buf_puts(out, "\"");
}

static void
say_text_close(struct buf *out, struct speech *sp)
{
	(void)sp;
	buf_puts(out, "\" }\n\n");
}

/* Why it is incomplete; NULL: it is not. */
static const char *
reason(enum demo_finish finish)
{
	switch (finish) {
	case FINISH_LENGTH: return "max_output_tokens";
	case FINISH_CONTENT_FILTER: return "content_filter";
	case FINISH_SENSITIVE: return "sensitive";
	case FINISH_ERROR: return "error";
	case FINISH_NETWORK_ERROR: return "network_error";
	case FINISH_UNKNOWN: return "no_such_reason";
	case FINISH_TOOL_CALLS:
	case FINISH_EMPTY:
	case FINISH_STOP:
	case FINISH_AUTO: break;
	}
	return NULL;
}

static void
put_ended(struct buf *out, const struct speech *sp, bool with_usage)
{
	const char *why = reason(sp->finish);

	put_response(out, sp, why == NULL ? "completed" : "incomplete", with_usage);
	buf_puts(out, ",\"incomplete_details\":");
	if (why == NULL) {
		buf_puts(out, "null}");
	} else {
		buf_puts(out, "{");
		speak_member(out, "reason", why);
		buf_puts(out, "}}");
	}
}

static void
say_tail(struct buf *out, struct speech *sp, unsigned marks)
{
	close_item(out, sp);
	if ((marks & (TAIL_FINISH | TAIL_DONE)) == 0)
		return;
	begin_event(out, sp, reason(sp->finish) == NULL ? "response.completed" : "response.incomplete");
	buf_puts(out, ",\"response\":");
	put_ended(out, sp, marks & TAIL_USAGE);
	buf_puts(out, "}\n\n");
}

/* ---- whole answers ------------------------------------------------------------- */

static void
say_whole(struct buf *out, struct speech *sp, const struct whole *w)
{
	unsigned n = 0;

	if (w->think.len > 0)
		put_thought(&sp->items, sp, n++, &w->think);
	if (w->text.len > 0) {
		buf_puts(&sp->items, n > 0 ? "," : "");
		put_message(&sp->items, sp, n++, &w->text);
	}
	for (unsigned i = 0; i < w->call_count; i++) {
		buf_puts(&sp->items, n > 0 ? "," : "");
		put_call(&sp->items, sp, n++, &w->calls[i], w->calls[i].at);
	}
	put_ended(out, sp, sp->has_usage);
}

const struct speaker speaker_responses = {
	.id_start = "resp_",
	.call_start = "call_",
	.delta_end = "\" }\n\n",
	.event_end = "\n\n",
	.noise = ": keepalive\n\nevent: response.no_such_event\ndata: {\"type\":\"response.no_such_event\"}\n\n",
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
