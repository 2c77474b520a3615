/*
 * The parser of answers of OpenAI's Responses API; the table of endpoints.
 *
 * What an item says is told by its deltas; of one that had none, by the item when it is
 * done, and else by the response when it is complete.  An answer is whole when the
 * response is completed or incomplete.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "wire/failure.h"
#include "wire/frame.h"
#include "wire/openai/openai.h"
#include "wire/responses/responses.h"
#include "wire/text.h"
#include "wire/value.h"

#define ITEMS_MAX 1024 /* of one answer; what is beyond is not heard */
#define ID_BYTES_MAX 256

enum heard { HEARD_NOTHING, HEARD_DELTAS, HEARD_ALL };

struct parser {
	struct frame frame;
	unsigned char heard[ITEMS_MAX]; /* enum heard, by the item's place in the output */
	struct text_half half[2];	/* by kind: text, reasoning */
	struct openai_calls calls;
	size_t max_bytes;
	struct buf text; /* with its escapes decoded */
};

/* An event, as far as it is of interest; texts lie in its bytes, and so do values. */
struct event {
	struct scan_text type, delta, response, item, name;
	int64_t output_index, summary_index;
	bool has_error;
	bool is_whole; /* made of a response that came whole */
};

struct item {
	struct scan_text type, id, name, space, arguments, input, seal, content, summary;
};

struct response {
	struct scan_text id, status, output, reason;
	struct wire_usage usage;
	bool has_error;
};

/* ---- reading ------------------------------------------------------------------------ */

/* A value as it stands. */
static void
read_raw(struct scan *s, struct scan_text *out)
{
	const char *at = s->at;

	scan_skip(s);
	while (at < s->at && (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n' || *at == ':'))
		at++;
	*out = (struct scan_text){ at, (size_t)(s->at - at), false };
}

static void
read_integer(struct scan *s, int64_t *out)
{
	if (!scan_integer(s, out))
		scan_skip(s);
}

static bool
read_event(const struct scan_text *data, struct event *out)
{
	struct scan_text name;
	struct scan s;

	*out = (struct event){ .output_index = -1 };
	scan_init(&s, data->at, data->len);
	if (!scan_object(&s))
		return false;
	while (scan_member(&s, &name)) {
		if (scan_is(&name, "type"))
			value_string(&s, &out->type);
		else if (scan_is(&name, "delta"))
			value_string(&s, &out->delta);
		else if (scan_is(&name, "response"))
			read_raw(&s, &out->response);
		else if (scan_is(&name, "item"))
			read_raw(&s, &out->item);
		else if (scan_is(&name, "output_index"))
			read_integer(&s, &out->output_index);
		else if (scan_is(&name, "summary_index"))
			read_integer(&s, &out->summary_index);
		else if (scan_is(&name, "error"))
			out->has_error = value_says(&s);
		else
			scan_skip(&s);
	}
	return scan_end(&s);
}

static bool
read_item(const struct scan_text *raw, struct item *out)
{
	struct scan_text name;
	struct scan s;

	*out = (struct item){ .type = { NULL, 0, false } };
	scan_init(&s, raw->at == NULL ? "" : raw->at, raw->len);
	if (!scan_object(&s))
		return false;
	while (scan_member(&s, &name)) {
		if (scan_is(&name, "type"))
			value_string(&s, &out->type);
		else if (scan_is(&name, "call_id"))
			value_string(&s, &out->id);
		else if (scan_is(&name, "name"))
			value_string(&s, &out->name);
		else if (scan_is(&name, "arguments"))
			value_string(&s, &out->arguments);
		else if (scan_is(&name, "input"))
			value_string(&s, &out->input);
		else if (scan_is(&name, "encrypted_content"))
			value_string(&s, &out->seal);
		else if (scan_is(&name, "content"))
			read_raw(&s, &out->content);
		else if (scan_is(&name, "summary"))
			read_raw(&s, &out->summary);
		else
			scan_skip(&s);
	}
	return true;
}

static void
read_details(struct scan *s, const char *member, int64_t *out)
{
	struct scan_text name;

	if (!value_object(s))
		return;
	while (scan_member(s, &name))
		if (scan_is(&name, member))
			value_count(s, out);
		else
			scan_skip(s);
}

static void
read_usage(struct scan *s, struct wire_usage *out)
{
	struct scan_text name;

	if (!value_object(s))
		return;
	while (scan_member(s, &name)) {
		if (scan_is(&name, "input_tokens"))
			value_count(s, &out->input_tokens);
		else if (scan_is(&name, "output_tokens"))
			value_count(s, &out->output_tokens);
		else if (scan_is(&name, "input_tokens_details"))
			read_details(s, "cached_tokens", &out->cached_tokens);
		else if (scan_is(&name, "output_tokens_details"))
			read_details(s, "reasoning_tokens", &out->reasoning_tokens);
		else
			scan_skip(s);
	}
}

static void
read_incomplete(struct scan *s, struct scan_text *reason)
{
	struct scan_text name;

	if (!value_object(s))
		return;
	while (scan_member(s, &name))
		if (scan_is(&name, "reason"))
			value_string(s, reason);
		else
			scan_skip(s);
}

static bool
read_response(const struct scan_text *raw, struct response *out)
{
	struct scan_text name;
	struct scan s;

	*out = (struct response){ .usage = WIRE_USAGE_UNTOLD };
	scan_init(&s, raw->at == NULL ? "" : raw->at, raw->len);
	if (!scan_object(&s))
		return false;
	while (scan_member(&s, &name)) {
		if (scan_is(&name, "id"))
			value_string(&s, &out->id);
		else if (scan_is(&name, "status"))
			value_string(&s, &out->status);
		else if (scan_is(&name, "output"))
			read_raw(&s, &out->output);
		else if (scan_is(&name, "usage"))
			read_usage(&s, &out->usage);
		else if (scan_is(&name, "incomplete_details"))
			read_incomplete(&s, &out->reason);
		else if (scan_is(&name, "error"))
			out->has_error = value_says(&s);
		else
			scan_skip(&s);
	}
	return scan_end(&s);
}

/* ---- failing --------------------------------------------------------------------------- */

/* It is in a member "error", perhaps within the response; or all of it. */
static bool
take_error(struct frame *f, const struct scan_text *text)
{
	json_t *root = failure_read(text->at, text->len);
	const json_t *within = json_object_get(root, "response"), *error;
	struct wire_failure failure;

	error = json_object_get(within != NULL ? within : root, "error");
	openai_failure_inside(json_is_object(error) || json_is_string(error) ? error : root, &failure);
	json_decref(root);
	return frame_fail(f, &failure);
}

/* ---- telling ---------------------------------------------------------------------------- */

static void
hear(struct parser *p, int64_t index, enum heard heard)
{
	if (index >= 0 && index < ITEMS_MAX && p->heard[index] < heard)
		p->heard[index] = (unsigned char)heard;
}

/* What was heard of it; what has no place cannot be told twice, or not at all. */
static enum heard
heard_of(const struct parser *p, int64_t index)
{
	return index >= 0 && index < ITEMS_MAX ? (enum heard)p->heard[index] : HEARD_ALL;
}

static bool
tell_text(struct parser *p, enum wire_event_kind kind, const struct scan_text *raw)
{
	struct scan_text text;

	if (!text_decode(&p->half[kind], raw, &p->text, &text))
		return frame_fail_wire(&p->frame, "the answer has text that is not UTF-8");
	if (text.len > 0)
		frame_tell(&p->frame, &(struct wire_event){ .kind = kind, .text = text.at, .len = text.len });
	return true;
}

static bool
tell_call(struct parser *p, const struct openai_call *call)
{
	const char *problem = openai_calls_take(&p->calls, call, &p->text, p->max_bytes, frame_tell, &p->frame);

	return problem == NULL || frame_fail_wire(&p->frame, problem);
}

/* What only the end can make whole, and does not. */
static void
tell_halves(struct parser *p)
{
	for (int kind = WIRE_REASONING; kind >= WIRE_TEXT; kind--) {
		if (p->half[kind].len > 0)
			frame_tell(&p->frame,
			    &(struct wire_event){ .kind = (enum wire_event_kind)kind,
				.text = TEXT_REPLACEMENT,
				.len = strlen(TEXT_REPLACEMENT) });
		p->half[kind].len = 0;
	}
	openai_calls_end(&p->calls, frame_tell, &p->frame);
}

static bool
tell_delta(struct parser *p, const struct event *e, enum wire_event_kind kind)
{
	hear(p, e->output_index, HEARD_DELTAS);
	return tell_text(p, kind, &e->delta);
}

/* A thought has several parts, each with a title of its own. */
static bool
tell_part(struct parser *p, const struct event *e)
{
	static const struct scan_text blank = { "\\n\\n", 4, true };

	return e->summary_index <= 0 || tell_text(p, WIRE_REASONING, &blank);
}

static bool
tell_arguments(struct parser *p, const struct event *e)
{
	hear(p, e->output_index, HEARD_DELTAS);
	return tell_call(p, &(struct openai_call){ .index = e->output_index, .arguments = e->delta });
}

/* The texts of a list of parts. */
static bool
tell_list(struct parser *p, enum wire_event_kind kind, const struct scan_text *list)
{
	struct scan_text name, text;
	struct scan s;

	scan_init(&s, list->at == NULL ? "" : list->at, list->len);
	if (!scan_array(&s))
		return true;
	while (scan_element(&s)) {
		if (!value_object(&s))
			continue;
		while (scan_member(&s, &name)) {
			text = (struct scan_text){ NULL, 0, false };
			if (scan_is(&name, "text") || scan_is(&name, "refusal"))
				value_string(&s, &text);
			else
				scan_skip(&s);
			if (text.len > 0 && !tell_text(p, kind, &text))
				return false;
		}
	}
	return true;
}

/* What a seal of OpenAI's is behind, as long as it is with us (ask.c). */
static bool
tell_seal(struct parser *p, const struct scan_text *raw)
{
	struct buf seal = BUF_INIT(p->max_bytes);
	bool ok;

	if (raw->len == 0)
		return true;
	buf_puts(&seal, ASK_SEAL_OPENAI);
	ok = text_keep(&seal, raw);
	if (ok)
		frame_tell(
		    &p->frame, &(struct wire_event){ .kind = WIRE_SIGNATURE, .text = seal.data, .len = seal.len });
	buf_free(&seal);
	return ok || frame_fail_wire(&p->frame, "the answer has a seal that is not UTF-8");
}

/* What a custom tool is given, as arguments: "input" of an object, escaped as it stands. */
static bool
tell_input(struct parser *p, const struct item *item, int64_t index)
{
	struct buf input = BUF_INIT(p->max_bytes), arguments = BUF_INIT(0), quoted = BUF_INIT(0);
	bool ok = text_keep(&input, &item->input);

	buf_puts(&arguments, "{\"input\":");
	buf_json(&arguments, buf_str(&input), input.len);
	buf_puts(&arguments, "}");
	buf_json(&quoted, arguments.data, arguments.len);
	ok = ok &&
	    tell_call(p,
		&(struct openai_call){ .index = index,
		    .id = item->id,
		    .name = item->name,
		    .arguments = { quoted.data + 1, quoted.len - 2, true } });
	buf_free(&input);
	buf_free(&arguments);
	buf_free(&quoted);
	return ok || frame_fail_wire(&p->frame, "the answer has a call that is not UTF-8");
}

static bool
is_call(const struct item *item)
{
	return scan_is(&item->type, "function_call");
}

/* A call has its name from the beginning. */
static bool
begin_item(struct parser *p, const struct event *e)
{
	struct item item;

	if (!read_item(&e->item, &item) || !is_call(&item))
		return true;
	return tell_call(p, &(struct openai_call){ .index = e->output_index, .id = item.id, .name = item.name });
}

/* All of an item, or what its deltas have not said. */
static bool
tell_item(struct parser *p, const struct item *item, int64_t index)
{
	enum heard heard = heard_of(p, index);
	bool is_new = heard == HEARD_NOTHING;

	hear(p, index, HEARD_ALL);
	if (heard == HEARD_ALL)
		return true;
	if (scan_is(&item->type, "message"))
		return !is_new || tell_list(p, WIRE_TEXT, &item->content);
	if (scan_is(&item->type, "reasoning"))
		return (!is_new ||
			   (tell_list(p, WIRE_REASONING, &item->summary) &&
			       tell_list(p, WIRE_REASONING, &item->content))) &&
		    tell_seal(p, &item->seal);
	if (scan_is(&item->type, "custom_tool_call"))
		return tell_input(p, item, index);
	return !is_call(item) || !is_new ||
	    tell_call(p,
		&(struct openai_call){
		    .index = index, .id = item->id, .name = item->name, .arguments = item->arguments });
}

static bool
end_item(struct parser *p, const struct event *e)
{
	struct item item;

	return !read_item(&e->item, &item) || tell_item(p, &item, e->output_index);
}

static bool
tell_output(struct parser *p, const struct scan_text *output)
{
	struct scan_text raw;
	struct item item;
	int64_t index = 0;
	struct scan s;

	scan_init(&s, output->at == NULL ? "" : output->at, output->len);
	if (!scan_array(&s))
		return true;
	for (; scan_element(&s); index++) {
		read_raw(&s, &raw);
		if (read_item(&raw, &item) && !tell_item(p, &item, index))
			return false;
	}
	return true;
}

static const struct frame_finish reasons[] = {
	{ "content_filter", FINISH_FILTERED },
	{ "max_output_tokens", FINISH_LENGTH },
	{ "max_tokens", FINISH_LENGTH },
};

/* Why it stopped; false: it did not, but failed. */
static bool
tell_finish(struct parser *p, const struct response *response)
{
	const struct frame_finish *row = frame_find_finish(
	    reasons, sizeof(reasons) / sizeof(reasons[0]), &response->reason);
	enum wire_finish finish = row != NULL ? row->finish : p->calls.n_told > 0 ? FINISH_CALLS : FINISH_STOP;

	if (scan_is(&response->status, "incomplete") && row == NULL)
		return frame_fail_finish(&p->frame, "incomplete: ", &response->reason);
	frame_tell(&p->frame, &(struct wire_event){ .kind = WIRE_FINISH, .finish = finish });
	return true;
}

/* A response that is completed or incomplete. */
static bool
tell_response(struct parser *p, const struct response *response)
{
	if (!tell_output(p, &response->output))
		return false;
	tell_halves(p);
	if (!tell_finish(p, response))
		return false;
	if (response->usage.input_tokens >= 0 || response->usage.output_tokens >= 0)
		frame_tell(&p->frame, &(struct wire_event){ .kind = WIRE_USAGE, .usage = response->usage });
	return true;
}

/* ---- the parser ---------------------------------------------------------------------------- */

/* May it stand in a path as it is? */
static bool
is_plain(const struct scan_text *id)
{
	for (size_t i = 0; i < id->len; i++)
		if (!isalnum((unsigned char)id->at[i]) && id->at[i] != '_' && id->at[i] != '-')
			return false;
	return true;
}

/* Does a provider say so before it works? */
static bool
is_begun(const struct scan_text *type)
{
	return !scan_is(type, "response.created") && !scan_is(type, "response.in_progress") &&
	    !scan_is(type, "response.queued");
}

/* As it stands, with the name that the provider has for the answer, where the event says it. */
static void
tell_own(struct parser *p, const struct event *e, const struct scan_text *data)
{
	struct response response;
	char id[ID_BYTES_MAX + 1] = "";

	if ((scan_is(&e->type, "response.created") || e->is_whole) && read_response(&e->response, &response) &&
	    response.id.len > 0 && response.id.len <= ID_BYTES_MAX && is_plain(&response.id))
		memcpy(id, response.id.at, response.id.len);
	frame_tell(&p->frame,
	    &(struct wire_event){ .kind = WIRE_OWN,
		.text = data->at,
		.len = data->len,
		.id = *id == '\0' ? NULL : id,
		.is_begun = is_begun(&e->type) });
}

static bool
end_response(struct parser *p, const struct event *e)
{
	struct response response;

	if (!read_response(&e->response, &response))
		return frame_fail_event(&p->frame);
	if (!tell_response(p, &response))
		return false;
	frame_tell_done(&p->frame);
	return false;
}

static bool
take_known(struct parser *p, const struct event *e)
{
	if (scan_is(&e->type, "response.output_text.delta") || scan_is(&e->type, "response.refusal.delta"))
		return tell_delta(p, e, WIRE_TEXT);
	if (scan_is(&e->type, "response.reasoning_summary_text.delta") ||
	    scan_is(&e->type, "response.reasoning_text.delta"))
		return tell_delta(p, e, WIRE_REASONING);
	if (scan_is(&e->type, "response.reasoning_summary_part.added"))
		return tell_part(p, e);
	if (scan_is(&e->type, "response.function_call_arguments.delta"))
		return tell_arguments(p, e);
	if (scan_is(&e->type, "response.output_item.added"))
		return begin_item(p, e);
	if (scan_is(&e->type, "response.output_item.done"))
		return end_item(p, e);
	if (scan_is(&e->type, "response.completed") || scan_is(&e->type, "response.incomplete"))
		return end_response(p, e);
	return true;
}

static bool
take_event(struct frame *f, const struct scan_text *type, const struct scan_text *data)
{
	struct parser *p = (struct parser *)f;
	struct event e;

	(void)type;
	if (scan_is(data, "[DONE]"))
		return true;
	if (!read_event(data, &e))
		return frame_fail_event(f);
	if (e.has_error || scan_is(&e.type, "error") || scan_is(&e.type, "response.failed") ||
	    scan_is(&e.type, "response.cancelled"))
		return take_error(f, data);
	tell_own(p, &e, data);
	return take_known(p, &e);
}

/* A response that came whole, as the last event of a stream would have it. */
static void
tell_own_whole(struct parser *p, const struct scan_text *value)
{
	struct buf event = BUF_INIT(0);

	buf_puts(&event, "{\"type\":\"response.completed\",\"response\":");
	buf_add(&event, value->at, value->len);
	buf_puts(&event, "}");
	tell_own(p,
	    &(struct event){ .type = { "response.completed", 18, false }, .response = *value, .is_whole = true },
	    &(struct scan_text){ event.data, event.len, false });
	buf_free(&event);
}

/* A whole response, also where a stream was asked for, or an error. */
static bool
take_value(struct frame *f, const struct scan_text *value)
{
	struct response response;

	if (!read_response(value, &response))
		return frame_fail_value(f, value);
	if (response.has_error || scan_is(&response.status, "failed"))
		return take_error(f, value);
	if (response.output.at == NULL)
		return frame_fail_page(f, value);
	tell_own_whole((struct parser *)f, value);
	return tell_response((struct parser *)f, &response);
}

static void
close_stream(struct frame *f)
{
	tell_halves((struct parser *)f);
}

static const struct frame_ops ops = {
	.event = take_event,
	.value = take_value,
	.error = take_error,
	.close = close_stream,
};

static void *
parser_start(bool stream, size_t max_bytes)
{
	struct parser *p = xcalloc(1, sizeof(*p));

	/* the last event says all of it again */
	frame_init(&p->frame, &ops, !stream, 3 * max_bytes);
	p->max_bytes = max_bytes;
	return p;
}

static void
parser_free(void *parser)
{
	struct parser *p = parser;

	if (p == NULL)
		return;
	frame_free(&p->frame);
	buf_free(&p->text);
	openai_calls_free(&p->calls);
	free(p);
}

const struct parser_ops responses_parser = {
	.start = parser_start,
	.free = parser_free,
	.feed = frame_feed,
	.end = frame_end,
};

static const struct endpoint endpoints[] = {
	{ OP_CHAT, responses_body, responses_head, &responses_parser },
};

const struct wire wire_responses = {
	.name = "responses",
	.endpoints = endpoints,
	.n_endpoints = sizeof(endpoints) / sizeof(endpoints[0]),
	.failure = openai_failure,
};
