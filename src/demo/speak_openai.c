/* OpenAI chat completions, and those of a text. The contracts are in route.h
 * (reading) and speak.h (saying). */
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "demo/route.h"

#define FINGERPRINT "fp_weirdemo"

/* ---- requests ------------------------------------------------------------ */

static void
read_part(struct ask *ask, const json_t *part, const char *type, bool keep)
{
	const json_t *image = json_object_get(part, "image_url"), *text = json_object_get(part, "text");

	if (strcmp(type, "image_url") == 0)
		ask_image(ask, json_string_value(json_is_object(image) ? json_object_get(image, "url") : image), keep);
	else if (json_is_string(text))
		ask_text(ask, text, keep);
}

/* With keep, it is the last user message and becomes the prompt. False when
 * it is neither text nor parts. */
static bool
read_content(struct ask *ask, const json_t *content, bool keep)
{
	const json_t *part;
	size_t i;

	if (json_is_string(content)) {
		ask_text(ask, content, keep);
		return true;
	}
	if (json_is_null(content) || content == NULL)
		return !keep;
	if (!json_is_array(content))
		return false;
	json_array_foreach(content, i, part) {
		const char *type = json_string_value(json_object_get(part, "type"));

		if (type == NULL)
			return false;
		read_part(ask, part, type, keep);
	}
	return true;
}

static bool
is_role(const json_t *message, const char *role)
{
	const char *said = json_string_value(json_object_get(message, "role"));

	return said != NULL && strcmp(said, role) == 0;
}

/* Where the results of tools begin that end the messages, if any do. */
static size_t
find_results(const json_t *messages)
{
	size_t i = json_array_size(messages);

	while (i > 0 && is_role(json_array_get(messages, i - 1), "tool"))
		i--;
	return i;
}

static bool
read_messages(struct ask *ask, const json_t *messages, struct wire_error *err)
{
	const json_t *message;
	size_t i, last_user = SIZE_MAX, results = find_results(messages);

	if (messages == NULL)
		return ask_refuse(
		    err, "messages", "missing_required_parameter", "Missing required parameter: 'messages'.");
	if (!json_is_array(messages) || json_array_size(messages) == 0)
		return ask_refuse(err, "messages", "invalid_type",
		    "Invalid 'messages': expected an array with at least one message.");
	json_array_foreach(messages, i, message) {
		if (!json_is_string(json_object_get(message, "role")))
			return ask_refuse(err, "messages", "missing_required_parameter",
			    "Missing required parameter: 'messages[].role'.");
		if (is_role(message, "user"))
			last_user = i;
	}
	json_array_foreach(messages, i, message) {
		const json_t *content = json_object_get(message, "content");

		if (is_role(message, "tool"))
			ask_result(ask, content, i >= results);
		else if (!read_content(ask, content, i == last_user))
			return ask_refuse(err, "messages", "invalid_type",
			    "Invalid type for 'messages[].content': expected a string"
			    " or an array of parts.");
	}
	ask_claim(ask, json_array_size(messages));
	return true;
}

static void
read_tools(struct ask *ask, const json_t *root)
{
	const json_t *tool, *choice = json_object_get(root, "tool_choice");
	const json_t *parallel = json_object_get(root, "parallel_tool_calls");
	const char *word = json_string_value(choice);
	const char *wanted = json_string_value(json_object_get(json_object_get(choice, "function"), "name"));
	size_t i;

	if (word != NULL && strcmp(word, "none") == 0)
		return;
	json_array_foreach(json_object_get(root, "tools"), i, tool) {
		const json_t *f = json_object_get(tool, "function");

		ask_tool(ask, json_object_get(f, "name"), json_object_get(f, "parameters"), wanted);
	}
	ask->must_call = wanted != NULL || (word != NULL && strcmp(word, "required") == 0);
	ask->one_call = json_is_false(parallel);
}

static void
read_format(struct ask *ask, const json_t *format)
{
	const char *type = json_string_value(json_object_get(format, "type"));

	if (type == NULL || strncmp(type, "json_", 5) != 0)
		return;
	ask->wants_json = true;
	ask->schema = json_object_get(json_object_get(format, "json_schema"), "schema");
}

static bool
read_stream(struct ask *ask, const json_t *root, struct wire_error *err)
{
	const json_t *options = json_object_get(root, "stream_options");

	ask->stream = json_is_true(json_object_get(root, "stream"));
	ask->include_usage = json_is_true(json_object_get(options, "include_usage"));
	if (!json_is_null(options) && options != NULL && !ask->stream)
		return ask_refuse(err, "stream_options", NULL,
		    "The 'stream_options' parameter is only allowed when 'stream' is enabled.");
	return true;
}

static bool
read_limits(struct ask *ask, const json_t *root, struct wire_error *err)
{
	const json_t *max = json_object_get(root, "max_completion_tokens");
	const json_t *n = json_object_get(root, "n");

	if (max == NULL || json_is_null(max))
		max = json_object_get(root, "max_tokens");
	if (!ask_limit(ask, max, "max_tokens", err))
		return false;
	if (n != NULL && !json_is_null(n) && json_integer_value(n) != 1)
		return ask_refuse(err, "n", "unsupported_value", "Invalid 'n': the demo models give one choice.");
	return true;
}

bool
openai_read_chat(struct ask *ask, const json_t *root, struct wire_error *err)
{
	if (!ask_model(ask, root, err) || !read_stream(ask, root, err) || !read_limits(ask, root, err))
		return false;
	ask->reasoning = ask_effort(json_object_get(root, "reasoning_effort"));
	read_tools(ask, root);
	read_format(ask, json_object_get(root, "response_format"));
	return read_messages(ask, json_object_get(root, "messages"), err);
}

bool
openai_read_completion(struct ask *ask, const json_t *root, struct wire_error *err)
{
	const json_t *prompt = json_object_get(root, "prompt");

	if (!ask_model(ask, root, err) || !read_stream(ask, root, err) || !read_limits(ask, root, err))
		return false;
	if (json_is_array(prompt) && json_is_string(json_array_get(prompt, 0)))
		prompt = json_array_get(prompt, 0);
	if (!json_is_string(prompt) && !json_is_array(prompt))
		return ask_refuse(err, "prompt", "invalid_type",
		    "Invalid type for 'prompt': expected a string or an array of strings or tokens.");
	ask_text(ask, prompt, true);
	ask_claim(ask, 1);
	ask->prompt_tokens += (uint32_t)json_array_size(prompt);
	return true;
}

/* ---- errors and models --------------------------------------------------- */

static void
say_error(struct buf *out, const struct speech *sp, const struct wire_error *err)
{
	(void)sp;
	buf_puts(out, "{\"error\":{");
	speak_member(out, "message", err->message);
	buf_puts(out, ",");
	speak_member(out, "type", err->type);
	buf_puts(out, ",");
	speak_member(out, "param", err->param);
	buf_puts(out, ",");
	speak_member(out, "code", err->code);
	if (err->code != NULL && strcmp(err->code, "content_filter") == 0)
		buf_puts(out,
		    ",\"status\":400,\"innererror\":{\"code\":\"ResponsibleAIPolicyViolation\","
		    "\"content_filter_result\":{\"violence\":{\"filtered\":true,\"severity\":"
		    "\"high\"}}}");
	buf_puts(out, "}}");
}

static void
say_error_event(struct buf *out, struct speech *sp, const struct wire_error *err, enum demo_fault fault)
{
	if (fault == FAULT_ERROR_OBJECT) {
		buf_puts(out,
		    "data: {\"object\":\"error\",\"message\":\"The engine died.\",\"type\":"
		    "\"InternalServerError\",\"param\":null,\"code\":500}\n\n");
		return;
	}
	if (fault == FAULT_ERROR_CODE) {
		buf_puts(out, "data: {\"error_code\":336000,\"error_msg\":\"Internal error\"}\n\n");
		return;
	}
	buf_puts(out, fault == FAULT_ERROR_FRAME ? "event: error\ndata: " : "data: ");
	say_error(out, sp, err);
	buf_puts(out, "\n\n");
}

static void
say_model(struct buf *out, const char *name)
{
	buf_puts(out, "{");
	speak_member(out, "id", name);
	buf_puts(out, ",\"object\":\"model\",\"created\":1735689600,\"owned_by\":\"weir-demo\"}");
}

static void
say_models(struct buf *out)
{
	buf_puts(out, "{\"object\":\"list\",\"data\":[");
	for (size_t i = 0; i < SCRIPT_MODELS; i++) {
		if (i > 0)
			buf_puts(out, ",");
		say_model(out, script_models[i]);
	}
	buf_puts(out, "]}");
}

static void
say_headers(struct buf *out, const struct speech *sp)
{
	buf_printf(out, "X-Request-Id: req_%s\r\nOpenAI-Version: 2020-10-01\r\n", sp->serial);
}

/* ---- chunks -------------------------------------------------------------- */

/* Everything before the choice is the same in all chunks of an answer. */
static void
write_prefix(struct speech *sp, const char *object)
{
	buf_printf(&sp->prefix, "data: {\"id\":\"%s\",\"object\":\"%s\",\"created\":%lld,\"model\":", sp->id, object,
	    (long long)sp->created_s);
	buf_json(&sp->prefix, sp->model, sp->model_len);
	buf_puts(&sp->prefix, ",\"service_tier\":\"default\",\"system_fingerprint\":\"" FINGERPRINT "\",\"choices\":[");
}

static void
say_begin(struct speech *sp)
{
	write_prefix(sp, "chat.completion.chunk");
}

static void
begin(struct buf *out, const struct speech *sp)
{
	buf_add(out, sp->prefix.data, sp->prefix.len);
	buf_puts(out, "{\"index\":0,\"delta\":{");
}

static const char *
finish_word(enum demo_finish finish)
{
	switch (finish) {
	case FINISH_LENGTH: return "length";
	case FINISH_CONTENT_FILTER: return "content_filter";
	case FINISH_TOOL_CALLS: return "tool_calls";
	case FINISH_SENSITIVE: return "sensitive";
	case FINISH_EMPTY: return "";
	case FINISH_ERROR: return "error";
	case FINISH_NETWORK_ERROR: return "network_error";
	case FINISH_UNKNOWN: return "no_such_reason";
	case FINISH_STOP:
	case FINISH_AUTO: break;
	}
	return "stop";
}

/* The end of a choice and of its chunk. */
static void
end_choice(struct buf *out, const struct speech *sp, const char *finish)
{
	buf_puts(out, ",\"logprobs\":null,\"finish_reason\":");
	if (finish == NULL)
		buf_puts(out, "null");
	else
		buf_json(out, finish, strlen(finish));
	buf_puts(out, sp->include_usage ? "}],\"usage\":null}\n\n" : "}]}\n\n");
}

static void
end(struct buf *out, const struct speech *sp, const char *finish)
{
	buf_puts(out, "}");
	end_choice(out, sp, finish);
}

static void
say_open(struct buf *out, struct speech *sp)
{
	begin(out, sp);
	buf_puts(out, "\"role\":\"assistant\",\"content\":\"\",\"refusal\":null");
	end(out, sp, NULL);
}

static void
say_text(struct buf *out, struct speech *sp, const char *text, size_t len)
{
	begin(out, sp);
	buf_puts(out, "\"content\":");
	buf_json(out, text, len);
	end(out, sp, NULL);
}

static void
say_think(struct buf *out, struct speech *sp, const char *text, size_t len)
{
	begin(out, sp);
	buf_puts(out, "\"reasoning_content\":");
	buf_json(out, text, len);
	end(out, sp, NULL);
}

/* Its id and name come once, with no arguments yet. */
static void
say_call(struct buf *out, struct speech *sp, const struct call *call, unsigned index, struct span args)
{
	begin(out, sp);
	buf_printf(out, "\"tool_calls\":[{\"index\":%u,", index);
	if (args.len == 0) {
		buf_printf(out, "\"id\":\"%s\",\"type\":\"function\",\"function\":{", call->id);
		speak_member(out, "name", call->name);
		buf_puts(out, ",\"arguments\":\"\"}}]");
	} else {
		buf_puts(out, "\"function\":{\"arguments\":");
		buf_json(out, args.at, args.len);
		buf_puts(out, "}}]");
	}
	end(out, sp, NULL);
}

static void
say_parts(struct buf *out, struct speech *sp, const char *text, size_t len)
{
	size_t half = utf8_prefix(text, len, utf8_length(text, len) / 2);

	begin(out, sp);
	buf_puts(out, "\"content\":[{\"type\":\"text\",\"text\":");
	buf_json(out, text, half);
	buf_puts(out, "},{\"type\":\"text\",\"text\":");
	buf_json(out, text + half, len - half);
	buf_puts(out, "}]");
	end(out, sp, NULL);
}

static void
say_repeat(struct buf *out, struct speech *sp, const struct buf *text, bool is_first)
{
	buf_add(out, sp->prefix.data, sp->prefix.len);
	buf_puts(out, "{\"index\":0,");
	if (!is_first)
		buf_puts(out, "\"delta\":{\"content\":\"\"},");
	buf_puts(out, "\"message\":{\"role\":\"assistant\",\"content\":");
	buf_json(out, buf_str(text), text->len);
	buf_puts(out, is_first ? "},\"delta\":{\"content\":\"\"" : "");
	end(out, sp, finish_word(sp->finish));
}

static void
say_text_open(struct buf *out, struct speech *sp)
{
	begin(out, sp);
	buf_puts(out, "\"content\":\"");
}

static void
say_text_close(struct buf *out, struct speech *sp)
{
	buf_puts(out, "\"");
	end(out, sp, NULL);
}

static void
say_usage(struct buf *out, const struct counts *c)
{
	buf_printf(out,
	    "{\"prompt_tokens\":%s%lld%s,\"completion_tokens\":%s%lld%s,\"total_tokens\":%s%lld%s,"
	    "\"prompt_tokens_details\":{\"cached_tokens\":%lld,",
	    c->quote, (long long)c->in, c->quote, c->quote, (long long)c->out, c->quote, c->quote, (long long)c->total,
	    c->quote, (long long)c->cached);
	if (c->written > 0)
		buf_printf(out, "\"cache_write_tokens\":%lld,", (long long)c->written);
	buf_printf(out,
	    "\"audio_tokens\":0},"
	    "\"completion_tokens_details\":{\"reasoning_tokens\":%lld,\"audio_tokens\":0,"
	    "\"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}}",
	    (long long)c->reasoning);
}

/* What follows finish_reason. */
static void
say_rest(struct buf *out, const struct speech *sp, unsigned marks)
{
	if (marks & TAIL_USAGE) {
		buf_add(out, sp->prefix.data, sp->prefix.len);
		buf_puts(out, "],\"usage\":");
		say_usage(out, &sp->counts);
		buf_puts(out, "}\n\n");
	}
	if (marks & TAIL_DONE)
		buf_puts(out, "data: [DONE]\n\n");
}

static void
say_tail(struct buf *out, struct speech *sp, unsigned marks)
{
	if (marks & TAIL_FINISH) {
		begin(out, sp);
		end(out, sp, finish_word(sp->finish));
	}
	say_rest(out, sp, marks);
}

/* ---- whole answers ------------------------------------------------------- */

static void
whole_head(struct buf *out, const struct speech *sp, const char *object)
{
	buf_printf(out, "{\"id\":\"%s\",\"object\":\"%s\",\"created\":%lld,\"model\":", sp->id, object,
	    (long long)sp->created_s);
	buf_json(out, sp->model, sp->model_len);
	buf_puts(out, ",\"choices\":[{\"index\":0,");
}

static void
whole_end(struct buf *out, const struct speech *sp)
{
	const char *finish = finish_word(sp->finish);

	buf_puts(out, ",\"logprobs\":null,\"finish_reason\":");
	buf_json(out, finish, strlen(finish));
	buf_puts(out, "}]");
	if (sp->has_usage) {
		buf_puts(out, ",\"usage\":");
		say_usage(out, &sp->counts);
	}
	buf_puts(out, ",\"service_tier\":\"default\",\"system_fingerprint\":\"" FINGERPRINT "\"}");
}

static void
whole_calls(struct buf *out, const struct whole *w)
{
	buf_puts(out, ",\"tool_calls\":[");
	for (unsigned i = 0; i < w->call_count; i++) {
		const struct call *call = &w->calls[i];

		buf_printf(out, "%s{\"id\":\"%s\",\"type\":\"function\",\"function\":{", i > 0 ? "," : "", call->id);
		speak_member(out, "name", call->name);
		buf_puts(out, ",\"arguments\":");
		buf_json(out, buf_str(&call->args), call->at);
		buf_puts(out, "}}");
	}
	buf_puts(out, "]");
}

static void
say_whole(struct buf *out, struct speech *sp, const struct whole *w)
{
	whole_head(out, sp, "chat.completion");
	buf_puts(out, "\"message\":{\"role\":\"assistant\",\"content\":");
	if (w->text.len == 0 && w->call_count > 0)
		buf_puts(out, "null");
	else
		buf_json(out, buf_str(&w->text), w->text.len);
	if (w->think.len > 0) {
		buf_puts(out, ",\"reasoning_content\":");
		buf_json(out, buf_str(&w->think), w->think.len);
	}
	if (w->call_count > 0)
		whole_calls(out, w);
	buf_puts(out, ",\"refusal\":null,\"annotations\":[]}");
	whole_end(out, sp);
}

/* Each has been seen from a provider or from a proxy before one. */
static const char noise[] = "data: : keepalive\n\ndata:\n\ndata: null\n\n"
			    "data: {\"choices\":[],\"error\":\"\"}\n\ndata: {\"choices\":[],\"error\":{}}\n\n"
			    "event: ping\ndata: {\"error\":null,\"error_code\":0}\n\n";

const struct speaker speaker_openai = {
	.id_start = "chatcmpl-",
	.call_start = "call_",
	.delta_end = "\n\n",
	.event_end = "\n\n",
	.noise = noise,
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
	.parts = say_parts,
	.repeat = say_repeat,
};

/* ---- completions of a text ----------------------------------------------- */

static void
text_begin(struct speech *sp)
{
	write_prefix(sp, "text_completion");
}

/* There is no role to tell. */
static void
text_nothing(struct buf *out, struct speech *sp)
{
	(void)out;
	(void)sp;
}

static void
text_text(struct buf *out, struct speech *sp, const char *text, size_t len)
{
	buf_add(out, sp->prefix.data, sp->prefix.len);
	buf_puts(out, "{\"index\":0,\"text\":");
	buf_json(out, text, len);
	end_choice(out, sp, NULL);
}

/* A thought is not said here, but its time passes. */
static void
text_think(struct buf *out, struct speech *sp, const char *text, size_t len)
{
	(void)text;
	(void)len;
	text_text(out, sp, "", 0);
}

static void
text_text_open(struct buf *out, struct speech *sp)
{
	buf_add(out, sp->prefix.data, sp->prefix.len);
	buf_puts(out, "{\"index\":0,\"text\":\"");
}

static void
text_text_close(struct buf *out, struct speech *sp)
{
	buf_puts(out, "\"");
	end_choice(out, sp, NULL);
}

static void
text_tail(struct buf *out, struct speech *sp, unsigned marks)
{
	if (marks & TAIL_FINISH) {
		buf_add(out, sp->prefix.data, sp->prefix.len);
		buf_puts(out, "{\"index\":0,\"text\":\"\"");
		end_choice(out, sp, finish_word(sp->finish));
	}
	say_rest(out, sp, marks);
}

static void
text_whole(struct buf *out, struct speech *sp, const struct whole *w)
{
	whole_head(out, sp, "text_completion");
	buf_puts(out, "\"text\":");
	buf_json(out, buf_str(&w->text), w->text.len);
	whole_end(out, sp);
}

const struct speaker speaker_completions = {
	.id_start = "cmpl-",
	.call_start = "call_",
	.delta_end = "\n\n",
	.event_end = "\n\n",
	.noise = noise,
	.headers = say_headers,
	.begin = text_begin,
	.open = text_nothing,
	.text = text_text,
	.think = text_think,
	.call = say_call, /* never: no tools are read */
	.text_open = text_text_open,
	.text_close = text_text_close,
	.tail = text_tail,
	.whole = text_whole,
	.error = say_error,
	.error_event = say_error_event,
	.model = say_model,
	.models = say_models,
};
