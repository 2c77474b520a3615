/*
 * Reading a request and planning its answer: the first half of run.h, up to
 * the first byte. Everything a script says is decided here, except when.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "demo/answer.h"
#include "demo/call.h"
#include "demo/fal.h"
#include "demo/kie.h"
#include "demo/mcp.h"
#include "demo/route.h"
#include "demo/run.h"

#define JSON_TYPE "application/json"

/* ---- answers that are not a completion ----------------------------------- */

static void
plan_error(struct run *run, const struct wire_error *err)
{
	run->is_stream = false;
	run->log.status = err->status;
	run->body_type = JSON_TYPE;
	run->speech.speaker->error(&run->body, &run->speech, err);
}

static void
plan_refusal(struct run *run, int status, const char *code, const char *message)
{
	struct wire_error err = { status, "invalid_request_error", NULL, code, "" };

	snprintf(err.message, sizeof err.message, "%s", message);
	plan_error(run, &err);
}

static void
plan_stats(struct run *run, struct server_stats *stats)
{
	run->log.is_silent = true;
	buf_printf(&run->body,
	    "{\"requests\":%llu,\"streams\":%llu,\"client_closed\":%llu,\"streams_open\":%lld,"
	    "\"streams_open_max\":%lld,\"connections_open\":%lld}",
	    (unsigned long long)atomic_load(&stats->requests), (unsigned long long)atomic_load(&stats->streams),
	    (unsigned long long)atomic_load(&stats->client_closed), (long long)atomic_load(&stats->streams_open),
	    (long long)atomic_load(&stats->streams_open_max), (long long)atomic_load(&stats->connections_open));
}

static void
plan_not_found(struct run *run)
{
	char message[200];

	snprintf(message, sizeof message, "Invalid URL (%s %s)", run->log.method, run->log.path);
	plan_refusal(run, 404, "unknown_url", message);
}

static void
plan_model(struct run *run, struct span name)
{
	struct wire_error err;
	struct script unused;

	script_init(&unused);
	snprintf(run->log.model, sizeof run->log.model, "%.*s", (int)name.len, name.at);
	if (script_base(&unused, name.at, name.len)) {
		run->speech.speaker->model(&run->body, run->log.model);
		return;
	}
	speak_fault(&err, run->speech.speaker, FAULT_STATUS, 404, run->log.model);
	plan_error(run, &err);
}

/* ---- the script ---------------------------------------------------------- */

/* X-Demo-Script holds words; X-Demo-Anything-Else is the key anything-else. */
static bool
apply_headers(struct script *s, const struct h1_request *rq, char err[SCRIPT_ERROR_BYTES])
{
	for (size_t i = 0; i < rq->header_count; i++) {
		const struct h1_header *h = &rq->headers[i];
		char key[32];
		size_t len = h->name.len;

		if (len <= 7 || len - 7 >= sizeof key || strncasecmp(h->name.at, "x-demo-", 7) != 0)
			continue;
		for (size_t j = 0; j < len - 7; j++)
			key[j] = (char)tolower((unsigned char)h->name.at[7 + j]);
		key[len - 7] = '\0';
		if (strcmp(key, "script") == 0) {
			if (!script_apply(s, h->value.at, h->value.len, err))
				return false;
		} else if (!script_set(s, key, len - 7, h->value.at, h->value.len, err)) {
			return false;
		}
	}
	return true;
}

/* Collect the script from all its places; the base model is known. */
static bool
read_script(struct script *s, const struct ask *ask, const char *words, const struct h1_request *rq,
    char err[SCRIPT_ERROR_BYTES])
{
	const char *prompt = buf_str(&ask->prompt);

	s->reasoning = ask->reasoning;
	return script_apply(s, words, strlen(words), err) &&
	    script_apply(s, ask->model + ask->base_len, ask->model_len - ask->base_len, err) &&
	    apply_headers(s, rq, err) && script_directives(s, prompt, ask->prompt.len, ask->model, ask->base_len, err);
}

/* fail=N: decide whether this attempt is one of the first N. */
static void
count_attempt(struct script *s, const struct ask *ask)
{
	uint64_t key = s->key;

	if (s->fail == 0)
		return;
	if (key == 0)
		key = script_hash(script_hash(0, ask->model, ask->model_len), buf_str(&ask->prompt), ask->prompt.len);
	if (!attempts_must_fail(key, s->fail)) {
		s->fault = FAULT_NONE;
	} else if (s->fault == FAULT_NONE) {
		s->fault = FAULT_STATUS;
		s->status = 500;
	}
}

/* ---- the completion ------------------------------------------------------ */

/* The prompt without its directives, trimmed, into out. */
static void
strip_directives(struct buf *out, const struct buf *prompt)
{
	const char *text = buf_str(prompt);
	size_t from = 0, start, end;

	while (script_find_directive(text, prompt->len, from, &start, &end)) {
		buf_add(out, text + from, start - from);
		from = end;
	}
	buf_add(out, text + from, prompt->len - from);
	while (out->len > 0 && isspace((unsigned char)out->data[out->len - 1]))
		out->len--;
	for (from = 0; from < out->len && isspace((unsigned char)out->data[from]);)
		from++;
	if (from > 0)
		buf_consume(out, from);
}

/* Are there passages that answer it? */
static bool
cites(struct run *run, const struct ask *ask, const struct question *q)
{
	bool is_chinese = false;

	if (ask->passages == NULL || run->script.deltas > 0)
		return false;
	for (size_t i = 0; i < q->prompt.len; i++)
		is_chinese = is_chinese ||
		    ((unsigned char)q->prompt.at[i] >= 0xe4 && (unsigned char)q->prompt.at[i] <= 0xe9);
	return answer_cite(&run->text, ask->passages, q->prompt.at, is_chinese);
}

/* What is said: what a tool said before, an example, the question, or an answer. */
static void
write_words(struct run *run, const struct ask *ask, const struct question *q)
{
	if (ask->result.len > 0)
		buf_add(&run->text, ask->result.data, ask->result.len);
	else if (ask->wants_json && json_object_size(ask->schema) > 0)
		example_json(&run->text, ask->schema);
	else if (ask->wants_json)
		buf_puts(&run->text, "{\"answer\":\"example\"}");
	else if (answer_rewrite(&run->text, q->prompt))
		return;
	else if (run->script.echo)
		buf_add(&run->text, q->prompt.at, q->prompt.len);
	else if (!cites(run, ask, q))
		answer_write(&run->text, q);
	if (run->text.len == 0)
		buf_puts(&run->text, "(nothing to echo)");
}

static void
write_text(struct run *run, const struct ask *ask)
{
	struct buf prompt = BUF_INIT(0);
	struct question q = { { ask->model, ask->base_len }, { 0 }, ask->messages, ask->images,
		{ ask->image, strlen(ask->image) } };

	strip_directives(&prompt, &ask->prompt);
	q.prompt = (struct span){ buf_str(&prompt), prompt.len };
	run->call_count = calls_write(run->calls, &run->script, ask, run->speech.speaker);
	write_words(run, ask, &q);
	if (run->script.reasoning > 0)
		answer_think(&run->think, &q);
	buf_free(&prompt);
}

/* How many deltas there are: words, or those that the script wants, and the
 * pieces of calls, which come alone unless the script says otherwise. */
static void
count_deltas(struct run *run, uint32_t max)
{
	const struct script *s = &run->script;
	bool is_whole = run->speech.speaker->has_whole_calls;

	run->thoughts = s->reasoning;
	run->texts = s->deltas || run->call_count > 0 ? s->deltas : answer_count(run->text.data, run->text.len);
	run->deltas = run->texts + calls_count(run->calls, run->call_count, is_whole);
	if (s->fault == FAULT_EMPTY)
		run->thoughts = run->texts = run->deltas = run->call_count = 0;
	if (run->thoughts > max)
		run->thoughts = max;
	if (run->deltas > max - run->thoughts) {
		run->deltas = max - run->thoughts;
		run->is_cut_short = true;
	}
}

static bool
tells_usage(const struct run *run, const struct ask *ask)
{
	enum demo_usage usage = run->script.usage;

	return usage != USAGE_NONE &&
	    (usage != USAGE_OK || ask->include_usage || !ask->stream || run->speech.speaker->has_always_usage);
}

static void
plan_counts(struct run *run, const struct ask *ask)
{
	const struct script *s = &run->script;
	uint32_t total;

	count_deltas(run, ask->max_tokens ? ask->max_tokens : UINT32_MAX);
	total = run->deltas + run->thoughts;
	run->interval_us = s->interval_us;
	if (s->duration_ms > 0 && total > 0)
		run->interval_us = (int64_t)s->duration_ms * 1000 / total;
	run->fault_at = s->at == SCRIPT_AT_HALF ? (run->deltas + 1) / 2 : s->at;
	if (run->fault_at > run->deltas)
		run->fault_at = run->deltas;
	run->prompt_tokens = run->log.prompt_tokens = ask->prompt_tokens;
	run->speech.has_usage = tells_usage(run, ask);
	run->speech.include_usage = ask->include_usage;
	speak_counts(&run->speech.counts, s, run->prompt_tokens, run->deltas, run->thoughts);
}

/* Say all pieces into *w. */
static void
say_all(struct run *run, struct whole *w)
{
	unsigned index;

	for (; run->thoughts_sent < run->thoughts; run->thoughts_sent++) {
		struct span thought = run_next_thought(run);

		buf_add(&w->think, thought.at, thought.len);
	}
	for (; run->deltas_sent < run->deltas; run->deltas_sent++) {
		if (run->deltas_sent < run->texts) {
			run_next_piece(run);
			buf_add(&w->text, run->piece.data, run->piece.len);
		} else {
			run_next_call(run, &index);
			w->call_count = index + 1;
		}
	}
}

/* The whole answer at once. Some faults of streams have a likeness here. */
static void
plan_completion(struct run *run)
{
	struct whole w = { .text = BUF_INIT(0), .think = BUF_INIT(0), .calls = run->calls };
	const struct script *s = &run->script;

	say_all(run, &w);
	if (s->fault == FAULT_LONG_LINE)
		run_write_filler(&w.text, run->long_left);
	if (s->fault == FAULT_BAD_UTF8)
		buf_puts(&w.text, "\xff\xfe");
	run->speech.finish = run_finish(run);
	run->speech.speaker->whole(&run->body, &run->speech, &w);
	if (s->fault == FAULT_BAD_JSON)
		run->body.len /= 2;
	buf_free(&w.text);
	buf_free(&w.think);
}

/* Faults that replace the answer by another one. */
static bool
plan_fault(struct run *run)
{
	const struct script *s = &run->script;
	struct wire_error err;
	char base[ASK_MODEL_BYTES];

	snprintf(base, sizeof base, "%.*s", (int)run->model_len, run->log.model);
	switch (s->fault) {
	case FAULT_STATUS:
	case FAULT_QUOTA:
	case FAULT_CONTEXT:
	case FAULT_FILTER:
		speak_fault(&err, run->speech.speaker, s->fault, (int)s->status, base);
		if (s->fault == FAULT_STATUS && (err.status == 429 || err.status == 503))
			snprintf(run->header, sizeof run->header, "Retry-After: %u\r\n", s->retry_s);
		plan_error(run, &err);
		return true;
	case FAULT_ERROR_200:
	case FAULT_FILTER_200:
		speak_fault(&err, run->speech.speaker, s->fault == FAULT_FILTER_200 ? FAULT_FILTER : FAULT_ERROR_MID,
		    500, base);
		err.status = 200;
		plan_error(run, &err);
		return true;
	case FAULT_HTML:
	case FAULT_HTML_200:
		run->log.status = s->fault == FAULT_HTML ? 502 : 200;
		run->body_type = "text/html";
		buf_puts(&run->body,
		    "<html><head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
		    "<center><h1>502 Bad Gateway</h1></center>\r\n</body></html>\r\n");
		return true;
	case FAULT_REDIRECT:
		run->log.status = 302;
		snprintf(run->header, sizeof run->header, "Location: http://169.254.169.254/latest/meta-data/\r\n");
		return true;
	default: return false;
	}
}

static void
count_stream(struct server_stats *stats)
{
	int_fast64_t open = atomic_fetch_add(&stats->streams_open, 1) + 1;
	int_fast64_t max = atomic_load(&stats->streams_open_max);

	atomic_fetch_add(&stats->streams, 1);
	while (open > max && !atomic_compare_exchange_weak(&stats->streams_open_max, &max, open))
		;
}

/* The coding of a stream, that the client must have said it takes. */
static bool
plan_encoding(struct run *run, const struct h1_request *rq)
{
	struct span accepted = h1_header(rq, "accept-encoding");
	enum demo_encoding encoding = run->script.fault == FAULT_BOMB ? ENCODING_GZIP : run->script.encoding;
	const char *name = encoding == ENCODING_GZIP ? "gzip" : "deflate";

	if (!run->is_stream || encoding == ENCODING_NONE)
		return true;
	run->squeeze.encoding = encoding;
	return accepted.len > 0 && memmem(accepted.at, accepted.len, name, strlen(name)) != NULL;
}

/* The script of a request to a model we have; false when it is answered. */
static bool
plan_script(struct run *run, struct loop *loop, const struct h1_request *rq, const struct ask *ask)
{
	char err[SCRIPT_ERROR_BYTES];
	struct wire_error error;

	if (!script_base(&run->script, ask->model, ask->base_len)) {
		speak_fault(&error, run->speech.speaker, FAULT_STATUS, 404, ask->model);
		plan_error(run, &error);
		return false;
	}
	if (!read_script(&run->script, ask, loop->server->options->words, rq, err)) {
		plan_refusal(run, 400, "invalid_demo_script", err);
		return false;
	}
	if (run->script.strict && ask->flaw != NULL) {
		plan_refusal(run, 400, NULL, ask->flaw);
		return false;
	}
	count_attempt(&run->script, ask);
	run->log.fault = run->script.fault == FAULT_STATUS ? "status" : script_fault_word(run->script.fault);
	return !plan_fault(run);
}

static void
plan_stream(struct run *run, struct loop *loop, const struct h1_request *rq)
{
	struct span alt = h1_query(rq, "alt");

	if (!plan_encoding(run, rq)) {
		run->squeeze.encoding = ENCODING_NONE;
		run->is_scripted = run->log.is_stream = false;
		plan_refusal(run, 406, "encoding_not_accepted", "The request does not accept this encoding.");
		return;
	}
	run->speech.is_array = run->speech.speaker->array_end != NULL && !span_is(alt, "sse");
	run->speech.speaker->begin(&run->speech);
	count_stream(&loop->server->stats);
}

/* Everything that a model is asked. */
static void
plan_ask(
    struct run *run, struct loop *loop, const struct h1_request *rq, const struct route *route, const struct ask *ask)
{
	memcpy(run->log.model, ask->model, ask->model_len + 1);
	run->speech.model = run->log.model;
	run->speech.model_len = run->model_len = ask->base_len;
	if (!plan_script(run, loop, rq, ask))
		return;
	run->is_scripted = true;
	run->is_slices = run->script.fault == FAULT_SLICES;
	run->long_left = run->script.size_bytes ? run->script.size_bytes : 10u << 20;
	if (route->answer != NULL) {
		run->prompt_tokens = run->log.prompt_tokens = ask->prompt_tokens;
		run->speech.has_usage = run->script.usage != USAGE_NONE;
		speak_counts(&run->speech.counts, &run->script, ask->prompt_tokens, 0, 0);
		route->answer(&run->body, ask, &run->speech);
		if (ask->type != NULL)
			run->body_type = ask->type;
		return;
	}
	run->is_stream = run->log.is_stream = ask->stream && run->script.fault != FAULT_WHOLE;
	write_text(run, ask);
	plan_counts(run, ask);
	if (run->is_stream)
		plan_stream(run, loop, rq);
	else
		plan_completion(run);
}

/* ---- the request --------------------------------------------------------- */

static void
copy_header(char out[REQLOG_HEADER_BYTES], const struct h1_request *rq, const char *name)
{
	struct span value = h1_header(rq, name);

	snprintf(out, REQLOG_HEADER_BYTES, "%.*s", (int)value.len, value.len ? value.at : "");
}

/* Answer on this wire, with an id as it has them. */
static void
speak_as(struct run *run, const struct speaker *speaker)
{
	run->speech.speaker = speaker;
	snprintf(run->speech.id, sizeof run->speech.id, "%s%s", speaker->id_start, run->speech.serial);
}

/* Is the key in any of the places where the wires have it? */
static bool
is_authorized(const struct server_options *options, const struct h1_request *rq)
{
	struct span bearer = h1_header(rq, "authorization");
	struct span keys[] = { h1_header(rq, "x-api-key"), h1_header(rq, "x-goog-api-key"), h1_query(rq, "key"),
		{ NULL, 0 } };

	if (options->api_key == NULL)
		return true;
	if (bearer.len >= 7 && strncasecmp(bearer.at, "bearer ", 7) == 0)
		keys[3] = (struct span){ bearer.at + 7, bearer.len - 7 };
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		if (keys[i].at != NULL && span_is(keys[i], options->api_key))
			return true;
	return false;
}

static void
plan_models(struct run *run, struct span name)
{
	if (name.len > 0)
		plan_model(run, name);
	else
		run->speech.speaker->models(&run->body);
}

/* Read the body of a request to a route, and answer it. */
static void
plan_route(struct run *run, struct loop *loop, const struct h1_request *rq, const struct route *route,
    struct span model, struct span body)
{
	struct span told = h1_header(rq, "content-type");
	struct buf name = BUF_INIT(0);
	struct wire_error err;
	char type[256];
	struct ask ask;

	snprintf(type, sizeof type, "%.*s", (int)told.len, told.len > 0 ? told.at : "");

	speak_as(run, route->speaker);
	if (!span_is(rq->method, "POST")) {
		plan_refusal(run, 405, "method_not_supported", "Not allowed here: use POST.");
		return;
	}
	h1_decode(&name, model); /* clients differ in what they leave as it is */
	model = (struct span){ buf_str(&name), name.len };
	if (ask_parse(route, model, type, body.at, body.len, &ask, &err))
		plan_ask(run, loop, rq, route, &ask);
	else
		plan_error(run, &err);
	ask_free(&ask);
	buf_free(&name);
}

static void
plan_api(struct run *run, struct loop *loop, const struct h1_request *rq, struct span body)
{
	struct wire_error err;
	struct span model;
	const struct route *route = route_find(rq->path, &model);

	speak_as(run, route_speaker(rq));
	if (!is_authorized(loop->server->options, rq)) {
		speak_fault(&err, run->speech.speaker, FAULT_STATUS, 401, "weir-demo");
		plan_error(run, &err);
	} else if (route != NULL) {
		plan_route(run, loop, rq, route, model, body);
	} else if (route_is_models(rq, &model)) {
		plan_models(run, model);
	} else if (!route_is_kept(rq, &model) || !responses_kept(&run->body, rq->method, model)) {
		plan_not_found(run);
	}
}

static struct run *
new_run(struct loop *loop)
{
	struct run *run = calloc(1, sizeof *run);
	uint64_t n = atomic_fetch_add(&loop->server->stats.requests, 1) + 1;

	if (run == NULL)
		abort();
	script_init(&run->script);
	run->body_type = JSON_TYPE;
	run->log.status = 200;
	run->log.fault = "none";
	run->log.started_us = clock_mono_us();
	run->log.started_wall_ms = clock_wall_ms();
	run->speech.created_s = run->log.started_wall_ms / 1000;
	snprintf(run->speech.serial, sizeof run->speech.serial, "%012llx%012llx",
	    (unsigned long long)run->log.started_us & 0xffffffffffff, (unsigned long long)n);
	speak_as(run, &speaker_openai);
	run->speech.model = "";
	run->log.id = run->speech.id;
	return run;
}

struct run *
run_start(struct loop *loop, const struct h1_request *rq, const char *body, size_t body_len)
{
	struct run *run = new_run(loop);
	struct reqlog *log = &run->log;

	run->keep_alive = rq->keep_alive;
	run->is_http10 = rq->is_http10;
	snprintf(log->method, sizeof log->method, "%.*s", (int)rq->method.len, rq->method.at);
	snprintf(log->path, sizeof log->path, "%.*s", (int)rq->path.len, rq->path.at);
	copy_header(log->request_id, rq, "x-request-id");
	copy_header(log->traceparent, rq, "traceparent");
	copy_header(log->task, rq, "x-weir-task");
	if (span_is(rq->path, "/healthz")) {
		log->is_silent = true;
		buf_puts(&run->body, "{\"status\":\"ok\"}");
	} else if (span_is(rq->path, "/demo/stats")) {
		plan_stats(run, &loop->server->stats);
	} else if (kie_is_path(rq->path)) {
		kie_plan(run, loop, rq, (struct span){ body, body_len }, is_authorized(loop->server->options, rq));
	} else if (fal_is_path(rq->path)) {
		fal_plan(run, loop, rq, (struct span){ body, body_len });
	} else if (mcp_is_path(rq->path)) {
		mcp_plan(run, rq, (struct span){ body, body_len }, is_authorized(loop->server->options, rq));
	} else if (rq->path.len > 4 && (memcmp(rq->path.at, "/v1", 3) == 0 || memcmp(rq->path.at, "/v2", 3) == 0)) {
		plan_api(run, loop, rq, (struct span){ body, body_len });
	} else {
		plan_not_found(run);
	}
	return run;
}

struct run *
run_refuse(struct loop *loop, int status)
{
	struct run *run = new_run(loop);

	plan_refusal(run, status, NULL, status == 413 ? "The request is too large." : "This is not an HTTP request.");
	return run;
}
