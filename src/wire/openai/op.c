/*
 * What OpenAI's wire has besides chats: vectors, rankings, judgements, pictures, speech and its
 * words.  What a client of this wire says passes as it stands, but for the model's name;
 * vectors can be asked for in other words, too.
 *
 * Sources: platform.openai.com/docs/api-reference/embeddings, /moderations, /images, /audio;
 * of rankings docs.cohere.com/reference/rerank and jina.ai/reranker.
 */
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/multipart.h"
#include "base/sse.h"
#include "base/memory.h"
#include "wire/failure.h"
#include "wire/headers.h"
#include "wire/openai/openai.h"
#include "wire/own.h"
#include "wire/url.h"
#include "wire/value.h"

#define BOUNDARY_BYTES 16 /* of chance */

/* What head() must know: wire_body.own. */
struct own {
	const char *path;     /* behind the version */
	const char *type;     /* Content-Type; NULL: JSON */
	const char *boundary; /* of a form; NULL: JSON */
};

/* ---- where to --------------------------------------------------------------- */

static const char *const paths[] = {
	[OP_EMBED] = "/embeddings",
	[OP_RERANK] = "/rerank",
	[OP_MODERATE] = "/moderations",
	[OP_IMAGE] = "/images/generations",
	[OP_IMAGE_EDIT] = "/images/edits",
	[OP_IMAGE_VARY] = "/images/variations",
	[OP_SPEECH] = "/audio/speech",
	[OP_TRANSCRIBE] = "/audio/transcriptions",
	[OP_TRANSLATE] = "/audio/translations",
};

/* A base URL with or without /v1, or of the endpoint of chats.  Rankings have a second
 * version, which is asked where the client asks for it and the base names none. */
static const char *
endpoint(struct arena *a, const char *base, const char *path, bool is_second)
{
	static const char chat[] = "/chat/completions";
	struct url url;

	if (!url_read(base, &url))
		return NULL;
	if (url_ends(url.path, url.path_len, chat)) {
		url.len -= sizeof(chat) - 1;
		url.path_len -= sizeof(chat) - 1;
	}
	return url_join(a, &url, arena_printf(a, "%s%s", url_has_version(&url) ? "" : is_second ? "/v2" : "/v1", path));
}

const char *
openai_op_url(struct arena *a, const char *base, enum op op)
{
	return endpoint(a, base, paths[op], false);
}

/* ---- what ------------------------------------------------------------------- */

/* The client's JSON, but for what head() says, and what would reach another model. */
static bool
put_members(struct buf *out, const struct ask *ask)
{
	static const char *const ours[] = { "model", "models", "fallbacks", "service_tier", NULL };

	return own_members(out, ask->own_words, ask->own_words_len, ours);
}

/* The client's form, but for the model, behind a mark that its author cannot know. */
static bool
put_parts(struct buf *out, const struct ask *ask, const char *boundary)
{
	struct multipart_part part;
	struct multipart form;

	if (!multipart_init(&form, ask->own_type, ask->own_words, ask->own_words_len))
		return false;
	while (multipart_next(&form, &part))
		if (!multipart_is(&part, "model"))
			multipart_put(out, boundary, &part);
	multipart_put_end(out, boundary);
	return form.is_whole;
}

static bool
put_embed(struct buf *out, const struct ask_embed *embed)
{
	if (embed->texts == NULL)
		return false;
	buf_puts(out, "\"input\":[");
	for (size_t i = 0; i < embed->n; i++) {
		buf_puts(out, i > 0 ? "," : "");
		buf_json(out, embed->texts[i], strlen(embed->texts[i]));
	}
	buf_puts(out, "]");
	if (embed->dimensions > 0)
		buf_printf(out, ",\"dimensions\":%lld", (long long)embed->dimensions);
	return true;
}

const char *
openai_op_boundary(struct arena *a)
{
	unsigned char chance[BOUNDARY_BYTES];
	char hex[2 * BOUNDARY_BYTES + 1];

	crypto_random(chance, sizeof(chance));
	crypto_hex(chance, sizeof(chance), hex);
	return arena_printf(a, "weir-%s", hex);
}

enum status
openai_op_body(struct arena *a, const struct ask *ask, bool stream, struct wire_body *out)
{
	struct own *own = ARENA_NEW(a, struct own);
	struct buf b = BUF_INIT(0);
	bool ok;

	(void)stream; /* its own words say it */
	own->path = paths[ask->op];
	wire_body_begin(&b, NULL, 0);
	if (!own_words(ask, "openai")) {
		ok = ask->op == OP_EMBED && put_embed(&b, &ask->embed);
	} else if (ask->own_type != NULL) {
		own->boundary = openai_op_boundary(a);
		own->type = arena_printf(a, "multipart/form-data; boundary=%s", own->boundary);
		ok = put_parts(&b, ask, own->boundary);
	} else {
		ok = put_members(&b, ask);
	}
	if (ok && own->boundary == NULL)
		buf_puts(&b, "}");
	if (ok && ask->own_path != NULL && strncmp(ask->own_path, "/v2/", 4) == 0)
		own->path = "/v2";
	if (!ok) {
		buf_free(&b);
		return E_INVALID_REQUEST;
	}
	wire_body_make(a, &b, out);
	out->own = own;
	return OK;
}

/* ---- how -------------------------------------------------------------------- */

/* The model, before the rest. */
static void
put_head(struct buf *out, const struct wire_target *to, const struct own *own)
{
	struct multipart_part model = { .name = "model", .data = to->model, .len = strlen(to->model) };

	if (own->boundary != NULL) {
		multipart_put(out, own->boundary, &model);
		return;
	}
	buf_puts(out, "{\"model\":");
	buf_json(out, to->model, strlen(to->model));
	buf_puts(out, ",");
}

enum status
openai_op_head(struct arena *a, const struct wire_target *to, struct wire_body *body, struct wire_request *out)
{
	const struct own *own = body->own;
	bool is_second = strcmp(own->path, "/v2") == 0;
	const char *url = endpoint(a, to->base_url, is_second ? paths[OP_RERANK] : own->path, is_second);
	const char *const *headers = headers_make_as(
	    a, to, own->type == NULL ? "application/json" : own->type, "*/*", "Authorization: Bearer ", NULL);
	struct buf head = BUF_INIT(0);
	bool fits;

	if (url == NULL || to->model == NULL || headers == NULL)
		return E_INVALID_REQUEST;
	*out = (struct wire_request){ .method = "POST", .url = url, .headers = headers };
	put_head(&head, to, own);
	fits = wire_body_head(body, &head, &out->body, &out->body_len);
	buf_free(&head);
	return fits ? OK : E_INVALID_REQUEST;
}

/* ---- what it took ------------------------------------------------------------- */

static void
take_usage(struct scan *s, struct wire_units *out)
{
	int64_t total = -1;
	struct scan_text name;

	if (!value_object(s))
		return;
	while (scan_member(s, &name))
		if (scan_is(&name, "prompt_tokens") || scan_is(&name, "input_tokens"))
			value_units(s, &out->input_tokens);
		else if (scan_is(&name, "completion_tokens") || scan_is(&name, "output_tokens"))
			value_units(s, &out->output_tokens);
		else if (scan_is(&name, "total_tokens"))
			value_units(s, &total);
		else if (scan_is(&name, "seconds"))
			value_units(s, &out->seconds);
		else
			scan_skip(s);
	if (out->input_tokens < 0 && total >= 0)
		out->input_tokens = total -
		    (out->output_tokens > 0 && out->output_tokens <= total ? out->output_tokens : 0);
}

/* Cohere's billed_units. */
static void
take_billed(struct scan *s, struct wire_units *out)
{
	struct scan_text name;

	if (!value_object(s))
		return;
	while (scan_member(s, &name))
		if (scan_is(&name, "search_units"))
			value_units(s, &out->queries);
		else if (scan_is(&name, "input_tokens"))
			value_units(s, &out->input_tokens);
		else if (scan_is(&name, "output_tokens"))
			value_units(s, &out->output_tokens);
		else
			scan_skip(s);
}

static void
take_meta(struct scan *s, struct wire_units *out)
{
	struct scan_text name;

	if (!value_object(s))
		return;
	while (scan_member(s, &name))
		if (scan_is(&name, "billed_units"))
			take_billed(s, out);
		else
			scan_skip(s);
}

static void
count_images(struct scan *s, int64_t *n)
{
	if (!scan_array(s)) {
		scan_skip(s);
		return;
	}
	*n = 0;
	while (scan_element(s)) {
		scan_skip(s);
		++*n;
	}
}

bool
openai_op_meter(const char *json, size_t len, struct wire_units *out)
{
	struct scan_text name;
	bool is_error = false;
	struct scan s;

	*out = WIRE_UNITS_UNTOLD;
	scan_init(&s, json, len);
	if (!scan_object(&s))
		return false;
	while (scan_member(&s, &name))
		if (scan_is(&name, "usage"))
			take_usage(&s, out);
		else if (scan_is(&name, "meta"))
			take_meta(&s, out);
		else if (scan_is(&name, "data"))
			count_images(&s, &out->images);
		else if (scan_is(&name, "duration"))
			value_units(&s, &out->seconds);
		else if (scan_is(&name, "error"))
			is_error |= value_says(&s);
		else
			scan_skip(&s);
	return scan_end(&s) && !is_error;
}

/* ---- what a stream of events says of itself --------------------------------------- */

struct parser {
	struct sse sse;
	wire_emit_fn *emit;
	void *arg;
	bool has_failed;
};

static void *
parser_start(bool stream, size_t max_bytes)
{
	struct parser *p = xcalloc(1, sizeof(*p));

	(void)stream;
	sse_init(&p->sse, max_bytes);
	return p;
}

static void
parser_free(void *parser)
{
	struct parser *p = parser;

	if (p == NULL)
		return;
	sse_free(&p->sse);
	free(p);
}

static void
tell_failure(struct parser *p, const char *json, size_t len)
{
	struct wire_event e = { .kind = WIRE_FAILURE };
	struct scan_text found;
	json_t *error;

	if (!own_find(json, len, (const char *const[]){ "error", NULL }, &found))
		found = (struct scan_text){ json, len, false };
	error = failure_read(found.at, found.len);
	openai_failure_inside(error, &e.failure);
	json_decref(error);
	p->has_failed = true;
	p->emit(p->arg, &e);
}

static bool
take_event(void *arg, const struct sse_event *event)
{
	struct parser *p = arg;
	struct wire_event e = { .kind = WIRE_USAGE, .usage = WIRE_USAGE_UNTOLD };
	struct wire_units units;

	if (!value_is_object(event->data, event->data_len))
		return true;
	if (!openai_op_meter(event->data, event->data_len, &units) || strcmp(event->type, "error") == 0) {
		tell_failure(p, event->data, event->data_len);
		return false;
	}
	if (units.input_tokens < 0 && units.output_tokens < 0)
		return true;
	e.usage.input_tokens = units.input_tokens;
	e.usage.output_tokens = units.output_tokens;
	p->emit(p->arg, &e);
	return true;
}

static bool
parser_feed(void *parser, const char *data, size_t len, wire_emit_fn *emit, void *arg)
{
	struct parser *p = parser;

	p->emit = emit;
	p->arg = arg;
	if (p->has_failed)
		return false;
	return sse_feed(&p->sse, data, len, take_event, p) != SSE_STOPPED; /* too long: nothing more is learnt */
}

static bool
parser_end(void *parser, wire_emit_fn *emit, void *arg)
{
	struct parser *p = parser;

	p->emit = emit;
	p->arg = arg;
	return !p->has_failed && sse_end(&p->sse, take_event, p) != SSE_STOPPED;
}

const struct parser_ops openai_op_parser = {
	.start = parser_start,
	.free = parser_free,
	.feed = parser_feed,
	.end = parser_end,
};
