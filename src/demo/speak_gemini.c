/* Gemini. The contracts are in route.h (reading) and speak.h (saying). */
#include <stdio.h>
#include <string.h>

#include "demo/route.h"

#define THINKING_DELTAS 16

/* ---- requests ------------------------------------------------------------ */

/* A member by its name in camelCase or, as the API takes it too, snake_case. */
static const json_t *
member(const json_t *object, const char *camel, const char *snake)
{
	const json_t *value = json_object_get(object, camel);

	return value != NULL ? value : json_object_get(object, snake);
}

static void
read_data(struct ask *ask, const json_t *data, bool keep)
{
	const char *type = json_string_value(member(data, "mimeType", "mime_type"));
	const json_t *bytes = json_object_get(data, "data");
	struct buf url = BUF_INIT(0);

	if (json_is_string(bytes)) {
		buf_printf(&url, "data:%s;base64,", type ? type : "");
		buf_add(&url, json_string_value(bytes), json_string_length(bytes));
		ask_image(ask, buf_str(&url), keep);
	} else {
		ask_image(ask, json_string_value(member(data, "fileUri", "file_uri")), keep);
	}
	buf_free(&url);
}

/* A tool's answer is an object; its `result` or `output` alone is quoted. */
static const json_t *
said_by(const json_t *response)
{
	const json_t *said = json_object_get(response, "response");
	const json_t *inner = member(said, "result", "output");

	return json_is_string(inner) ? inner : said;
}

static void
read_part(struct ask *ask, const json_t *part, bool keep, bool is_last, bool is_first_call)
{
	const json_t *data = member(part, "inlineData", "inline_data");
	const json_t *file = member(part, "fileData", "file_data");
	const json_t *response = member(part, "functionResponse", "function_response");

	if (is_first_call && !speak_has_signed(member(part, "thoughtSignature", "thought_signature")))
		ask->flaw = "Function call is missing a thought_signature in functionCall parts.";
	if (response != NULL)
		ask_result(ask, said_by(response), is_last);
	else if (data != NULL || file != NULL)
		read_data(ask, data != NULL ? data : file, keep);
	else
		ask_text(ask, json_object_get(part, "text"), keep);
}

static bool
is_call(const json_t *part)
{
	return member(part, "functionCall", "function_call") != NULL;
}

static void
read_parts(struct ask *ask, const json_t *content, bool keep, bool is_last)
{
	const json_t *part, *parts = json_object_get(content, "parts");
	bool has_call = false;
	size_t i;

	if (json_is_object(parts)) /* one may stand without its list */
		read_part(ask, parts, keep, is_last, is_call(parts));
	json_array_foreach(parts, i, part) {
		read_part(ask, part, keep, is_last, is_call(part) && !has_call);
		has_call = has_call || is_call(part);
	}
}

/* Is it a question of the user's, and not the result of a function alone? */
static bool
is_question(const json_t *content)
{
	const char *role = json_string_value(json_object_get(content, "role"));
	const json_t *part, *parts = json_object_get(content, "parts");
	size_t i;

	if (role != NULL && strcmp(role, "user") != 0)
		return false;
	json_array_foreach(parts, i, part)
		if (member(part, "functionResponse", "function_response") == NULL)
			return true;
	return json_is_object(parts);
}

static bool
read_contents(struct ask *ask, const json_t *contents, struct wire_error *err)
{
	size_t count = json_array_size(contents), last_user = SIZE_MAX;

	if (count == 0)
		return ask_refuse(
		    err, "contents", NULL, "* GenerateContentRequest.contents: contents is not specified");
	for (size_t i = 0; i < count; i++) {
		const json_t *content = json_array_get(contents, i);

		if (!json_is_array(json_object_get(content, "parts")) &&
		    !json_is_object(json_object_get(content, "parts")))
			return ask_refuse(err, "contents", NULL,
			    "* GenerateContentRequest.contents.parts: contents.parts must not be empty.");
		if (is_question(content))
			last_user = i;
	}
	for (size_t i = 0; i < count; i++)
		read_parts(ask, json_array_get(contents, i), i == last_user, i + 1 == count);
	ask_claim(ask, count);
	return true;
}

static void
read_functions(struct ask *ask, const json_t *functions, const char *wanted)
{
	const json_t *f;
	size_t i;

	json_array_foreach(functions, i, f) {
		const json_t *schema = member(f, "parametersJsonSchema", "parameters_json_schema");

		ask_tool(ask, json_object_get(f, "name"), schema ? schema : json_object_get(f, "parameters"), wanted);
	}
}

static void
read_tools(struct ask *ask, const json_t *root)
{
	const json_t *config = member(root, "toolConfig", "tool_config"), *tool;
	const json_t *calling = member(config, "functionCallingConfig", "function_calling_config");
	const char *mode = json_string_value(json_object_get(calling, "mode"));
	const json_t *names = member(calling, "allowedFunctionNames", "allowed_function_names");
	size_t i;

	if (mode != NULL && strcasecmp(mode, "NONE") == 0)
		return;
	json_array_foreach(json_object_get(root, "tools"), i, tool)
		read_functions(ask, member(tool, "functionDeclarations", "function_declarations"),
		    json_string_value(json_array_get(names, 0)));
	ask->must_call = mode != NULL && strcasecmp(mode, "ANY") == 0;
}

static void
read_thinking(struct ask *ask, const json_t *thinking)
{
	if (!json_is_true(member(thinking, "includeThoughts", "include_thoughts")))
		return;
	ask->reasoning = ask_effort(member(thinking, "thinkingLevel", "thinking_level"));
	if (ask->reasoning == 0)
		ask->reasoning = THINKING_DELTAS;
}

static bool
read_config(struct ask *ask, const json_t *config, struct wire_error *err)
{
	const char *type = json_string_value(member(config, "responseMimeType", "response_mime_type"));
	const json_t *schema = member(config, "responseJsonSchema", "response_json_schema");
	const json_t *n = member(config, "candidateCount", "candidate_count");

	ask->wants_json = type != NULL && strcmp(type, "application/json") == 0;
	ask->schema = schema != NULL ? schema : member(config, "responseSchema", "response_schema");
	read_thinking(ask, member(config, "thinkingConfig", "thinking_config"));
	if (json_is_integer(n) && json_integer_value(n) != 1)
		return ask_refuse(err, "candidateCount", NULL, "Only one candidate can be specified.");
	return ask_limit(ask, member(config, "maxOutputTokens", "max_output_tokens"), "maxOutputTokens", err);
}

bool
gemini_read(struct ask *ask, const json_t *root, struct wire_error *err)
{
	const json_t *config = member(root, "generationConfig", "generation_config");

	if (!json_is_object(root))
		return ask_refuse(err, NULL, NULL, "Invalid JSON payload received. Root element must be a message.");
	if (!read_config(ask, config, err))
		return false;
	read_parts(ask, member(root, "systemInstruction", "system_instruction"), false, false);
	read_tools(ask, root);
	return read_contents(ask, json_object_get(root, "contents"), err);
}

/* The contents stand alone, or in a whole request. */
bool
gemini_read_count(struct ask *ask, const json_t *root, struct wire_error *err)
{
	const json_t *whole = member(root, "generateContentRequest", "generate_content_request");

	return gemini_read(ask, whole != NULL ? whole : root, err);
}

/* One text to embed, or a list of such requests. */
bool
gemini_read_embed(struct ask *ask, const json_t *root, struct wire_error *err)
{
	const json_t *request, *requests = json_object_get(root, "requests");
	const json_t *one = json_array_size(requests) > 0 ? json_array_get(requests, 0) : root;
	const json_t *n = member(one, "outputDimensionality", "output_dimensionality");
	size_t i;

	if (!json_is_object(json_object_get(one, "content")))
		return ask_refuse(err, "content", NULL, "* EmbedContentRequest.content: content is not specified");
	if (json_is_integer(n) && json_integer_value(n) >= 1 && json_integer_value(n) <= 8192)
		ask->dimensions = (uint32_t)json_integer_value(n);
	read_parts(ask, json_object_get(one, "content"), true, false);
	json_array_foreach(requests, i, request)
		if (i > 0)
			read_parts(ask, json_object_get(request, "content"), false, false);
	ask->input = json_array_size(requests) > 0 ? requests : root;
	ask_claim(ask, 0);
	return true;
}

/* ---- errors and models --------------------------------------------------- */

static const char *
status_word(int status)
{
	switch (status) {
	case 401: return "UNAUTHENTICATED";
	case 402:
	case 429: return "RESOURCE_EXHAUSTED";
	case 403: return "PERMISSION_DENIED";
	case 404: return "NOT_FOUND";
	case 409: return "ABORTED";
	case 499: return "CANCELLED";
	case 501: return "UNIMPLEMENTED";
	case 503:
	case 529: return "UNAVAILABLE";
	case 504: return "DEADLINE_EXCEEDED";
	default: return status >= 400 && status < 500 ? "INVALID_ARGUMENT" : "INTERNAL";
	}
}

static void
put_model_version(struct buf *out, const struct speech *sp)
{
	buf_puts(out, ",\"modelVersion\":");
	buf_json(out, sp->model, sp->model_len);
	buf_printf(out, ",\"responseId\":\"%s\"}", sp->id);
}

/* A prompt that is refused is no error here: an answer without a candidate. */
static void
say_error(struct buf *out, const struct speech *sp, const struct wire_error *err)
{
	int code = err->status == 200 ? 500 : err->status;

	if (err->code != NULL && strcmp(err->code, "content_filter") == 0) {
		buf_puts(out, "{\"promptFeedback\":{\"blockReason\":\"SAFETY\"}");
		put_model_version(out, sp);
		return;
	}
	buf_printf(out, "{\"error\":{\"code\":%d,", code);
	speak_member(out, "message", err->message);
	buf_puts(out, ",");
	speak_member(out, "status", status_word(code));
	if (code == 429)
		buf_puts(out,
		    ",\"details\":[{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":\"1s\"}]");
	buf_puts(out, "}}");
}

static void
say_model(struct buf *out, const char *name)
{
	buf_printf(out,
	    "{\"name\":\"models/%s\",\"version\":\"001\",\"displayName\":\"%s\",\"inputTokenLimit\":8192,"
	    "\"outputTokenLimit\":8192,\"supportedGenerationMethods\":[\"generateContent\",\"countTokens\","
	    "\"embedContent\",\"batchEmbedContents\"]}",
	    name, name);
}

static void
say_models(struct buf *out)
{
	buf_puts(out, "{\"models\":[");
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
	(void)sp;
	buf_puts(out, "X-Content-Type-Options: nosniff\r\n");
}

void
gemini_count(struct buf *out, const struct ask *ask, const struct speech *sp)
{
	(void)ask;
	buf_printf(out, "{\"totalTokens\":%lld,\"promptTokensDetails\":[{\"modality\":\"TEXT\",\"tokenCount\":%lld}]}",
	    (long long)sp->counts.in, (long long)sp->counts.in);
}

static void
put_values(struct buf *out, const struct ask *ask, const json_t *request)
{
	const json_t *parts = json_object_get(json_object_get(request, "content"), "parts");
	const json_t *part = json_is_array(parts) ? json_array_get(parts, 0) : parts;
	const json_t *text = json_object_get(part, "text");

	buf_puts(out, "{\"values\":[");
	speak_vector(out, text, ask->dimensions, false);
	buf_puts(out, "]}");
}

void
gemini_embedding(struct buf *out, const struct ask *ask, const struct speech *sp)
{
	(void)sp;
	buf_puts(out, "{\"embedding\":");
	put_values(out, ask, ask->input);
	buf_puts(out, "}");
}

void
gemini_embeddings(struct buf *out, const struct ask *ask, const struct speech *sp)
{
	const json_t *request;
	size_t i;

	(void)sp;
	buf_puts(out, "{\"embeddings\":[");
	json_array_foreach(ask->input, i, request) {
		buf_puts(out, i > 0 ? "," : "");
		put_values(out, ask, request);
	}
	buf_puts(out, "]}");
}

/* ---- events -------------------------------------------------------------- */

/* Thoughts stand beside the candidates, what was cached in the prompt. */
static void
put_usage(struct buf *out, const struct counts *c, bool is_final)
{
	buf_printf(out, ",\"usageMetadata\":{\"promptTokenCount\":%s%lld%s", c->quote, (long long)c->in, c->quote);
	if (c->cached > 0)
		buf_printf(out, ",\"cachedContentTokenCount\":%lld", (long long)c->cached);
	if (is_final)
		buf_printf(out, ",\"candidatesTokenCount\":%s%lld%s", c->quote,
		    (long long)(c->out >= c->reasoning ? c->out - c->reasoning : c->out), c->quote);
	if (is_final && c->reasoning > 0)
		buf_printf(out, ",\"thoughtsTokenCount\":%lld", (long long)c->reasoning);
	buf_printf(out, ",\"totalTokenCount\":%s%lld%s}", c->quote, (long long)(is_final ? c->total : c->in), c->quote);
}

static void
say_begin(struct speech *sp)
{
	buf_puts(&sp->final, "],\"role\":\"model\"},\"index\":0}]");
	if (sp->has_usage)
		put_usage(&sp->final, &sp->counts, false);
	put_model_version(&sp->final, sp);
}

/* An event, or the next element of the array. */
static void
open_event(struct buf *out, struct speech *sp)
{
	buf_puts(out, !sp->is_array ? "data: " : sp->is_started ? "," : "[");
	sp->is_started = true;
}

static void
close_event(struct buf *out, const struct speech *sp)
{
	buf_puts(out, sp->is_array ? "\r\n" : "\r\n\r\n");
}

static void
begin(struct buf *out, struct speech *sp)
{
	open_event(out, sp);
	buf_puts(out, "{\"candidates\":[{\"content\":{\"parts\":[{");
}

static void
end(struct buf *out, const struct speech *sp)
{
	buf_puts(out, "}");
	buf_add(out, sp->final.data, sp->final.len);
	close_event(out, sp);
}

static void
say_open(struct buf *out, struct speech *sp)
{
	(void)out;
	(void)sp;
}

static void
say_text(struct buf *out, struct speech *sp, const char *text, size_t len)
{
	begin(out, sp);
	buf_puts(out, "\"text\":");
	buf_json(out, text, len);
	end(out, sp);
}

static void
say_think(struct buf *out, struct speech *sp, const char *text, size_t len)
{
	begin(out, sp);
	buf_puts(out, "\"text\":");
	buf_json(out, text, len);
	buf_puts(out, ",\"thought\":true");
	end(out, sp);
}

/* The first call of an answer alone is signed. */
static void
put_call(struct buf *out, const struct call *call, unsigned index)
{
	json_t *args = json_loadb(buf_str(&call->args), call->args.len, 0, NULL);
	char signature[32];

	buf_puts(out, "\"functionCall\":{");
	speak_member(out, "name", call->name);
	buf_puts(out, ",\"args\":");
	if (json_is_object(args))
		buf_add(out, call->args.data, call->args.len);
	else
		buf_puts(out, "{}");
	buf_puts(out, "}");
	json_decref(args);
	if (index > 0)
		return;
	speak_signature(signature, call->id, strlen(call->id));
	buf_printf(out, ",\"thoughtSignature\":\"%s\"", signature);
}

static void
say_call(struct buf *out, struct speech *sp, const struct call *call, unsigned index, struct span args)
{
	(void)args;
	begin(out, sp);
	put_call(out, call, index);
	end(out, sp);
}

static void
say_text_open(struct buf *out, struct speech *sp)
{
	begin(out, sp);
	buf_puts(out, "\"text\":\"");
}

static void
say_text_close(struct buf *out, struct speech *sp)
{
	buf_puts(out, "\"");
	end(out, sp);
}

static const char *
finish_word(enum demo_finish finish)
{
	switch (finish) {
	case FINISH_LENGTH: return "MAX_TOKENS";
	case FINISH_CONTENT_FILTER: return "SAFETY";
	case FINISH_SENSITIVE: return "PROHIBITED_CONTENT";
	case FINISH_EMPTY: return "";
	case FINISH_ERROR: return "MALFORMED_FUNCTION_CALL";
	case FINISH_NETWORK_ERROR: return "OTHER";
	case FINISH_UNKNOWN: return "NO_SUCH_REASON";
	case FINISH_TOOL_CALLS: /* calls are no reason of their own */
	case FINISH_STOP:
	case FINISH_AUTO: break;
	}
	return "STOP";
}

static void
say_tail(struct buf *out, struct speech *sp, unsigned marks)
{
	if (marks & (TAIL_FINISH | TAIL_USAGE)) {
		begin(out, sp);
		buf_puts(out, "\"text\":\"\"}],\"role\":\"model\"}");
		if (marks & TAIL_FINISH) {
			buf_puts(out, ",");
			speak_member(out, "finishReason", finish_word(sp->finish));
		}
		buf_puts(out, ",\"index\":0}]");
		if (marks & TAIL_USAGE)
			put_usage(out, &sp->counts, true);
		put_model_version(out, sp);
		close_event(out, sp);
	}
	if (sp->is_array && (marks & TAIL_DONE))
		buf_puts(out, sp->is_started ? "]" : "[]");
}

static void
say_error_event(struct buf *out, struct speech *sp, const struct wire_error *err, enum demo_fault fault)
{
	if (fault == FAULT_ERROR_FRAME && !sp->is_array)
		buf_puts(out, "event: error\r\n");
	open_event(out, sp);
	say_error(out, sp, err);
	close_event(out, sp);
	if (sp->is_array)
		buf_puts(out, "]");
}

/* ---- whole answers ------------------------------------------------------- */

static void
put_text(struct buf *out, const struct buf *text, const char *before, const char *after)
{
	if (text->len == 0)
		return;
	buf_puts(out, before);
	buf_puts(out, "{\"text\":");
	buf_json(out, buf_str(text), text->len);
	buf_puts(out, after);
}

static void
say_whole(struct buf *out, struct speech *sp, const struct whole *w)
{
	buf_puts(out, "{\"candidates\":[{\"content\":{\"parts\":[");
	put_text(out, &w->think, "", ",\"thought\":true}");
	put_text(out, &w->text, w->think.len > 0 ? "," : "", "}");
	for (unsigned i = 0; i < w->call_count; i++) {
		buf_puts(out, i > 0 || w->text.len + w->think.len > 0 ? ",{" : "{");
		put_call(out, &w->calls[i], i);
		buf_puts(out, "}");
	}
	buf_puts(out, "],\"role\":\"model\"},");
	speak_member(out, "finishReason", finish_word(sp->finish));
	buf_puts(out, ",\"index\":0}]");
	if (sp->has_usage)
		put_usage(out, &sp->counts, true);
	put_model_version(out, sp);
}

const struct speaker speaker_gemini = {
	.id_start = "weir-",
	.call_start = "fc_",
	.delta_end = "}\r\n\r\n",
	.array_end = "}\r\n",
	.event_end = "\r\n\r\n",
	.noise = "\r\n\r\ndata: {}\r\n\r\ndata: {\"candidates\":[]}\r\n\r\n",
	.has_whole_calls = true,
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
