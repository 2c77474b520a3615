/*
 * KIE's jobs.  The status of an answer stands in its body, under HTTP 200 as a rule;
 * the result is JSON in a string.
 *
 * Source: docs.kie.ai/market/quickstart, /common-api (query, credits, webhook), read 2026-11.
 */
#include "wire/kie/kie.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/failure.h"
#include "wire/headers.h"
#include "wire/url.h"

#define URL_BYTES_MAX 2048
#define RATE_WAIT_MS 10000 /* its limit is counted by 10 s, and what exceeds it is not queued */

/* ---- asking ---------------------------------------------------------------------- */

static enum status
address(struct arena *a, const struct wire_target *to, const char *method, const char *behind, struct wire_request *out)
{
	static const char *const lines[] = { NULL };
	struct url url;

	if (!url_read(to->base_url, &url))
		return E_INVALID_REQUEST;
	*out = (struct wire_request){ .method = method, .url = url_join(a, &url, behind) };
	out->headers = headers_make(a, to, "Authorization: Bearer ", lines);
	return out->headers == NULL ? E_INVALID_REQUEST : OK;
}

static enum status
submit(const struct media_wire *self, struct arena *a, const struct wire_target *to, const struct media_ask *ask,
    struct wire_request *out)
{
	json_t *body = json_pack(
	    "{s:s, s:s?, s:O}", "model", to->model, "callBackUrl", ask->callback, "input", (json_t *)ask->input);
	char *text;

	(void)self;
	if (ask->callback == NULL)
		json_object_del(body, "callBackUrl");
	text = json_dumps(body, JSON_COMPACT);
	json_decref(body);
	if (text == NULL || address(a, to, "POST", "/api/v1/jobs/createTask", out) != OK) {
		free(text);
		return E_INVALID_REQUEST;
	}
	out->body = arena_strdup(a, text);
	out->body_len = strlen(text);
	free(text);
	return OK;
}

static enum status
query(const struct media_wire *self, struct arena *a, const struct wire_target *to, const char *id,
    struct wire_request *out)
{
	(void)self;
	if (!media_is_id(id))
		return E_INVALID_REQUEST;
	return address(a, to, "GET", arena_printf(a, "/api/v1/jobs/recordInfo?taskId=%s", id), out);
}

/* ---- understanding ----------------------------------------------------------------- */

/* The answer, and the status it says of itself; 0: it is none. */
static json_t *
read_answer(int http_status, const char *body, size_t len, int *code)
{
	json_t *root = http_status == 0 ? NULL : json_loadb(body, len, 0, NULL);
	const json_t *said = json_object_get(root, "code");

	*code = json_is_integer(said) ? (int)json_integer_value(said) : 0;
	if (*code == 0 && http_status / 100 != 2)
		*code = http_status;
	return root;
}

static void
describe(char detail[256], int code, const json_t *root)
{
	struct wire_failure f = { .status = OK };
	const char *said = failure_text(json_object_get(root, "msg"));

	if (*said == '\0')
		said = failure_text(json_object_get(root, "message"));
	failure_describe(code, "", said, &f);
	snprintf(detail, 256, "%s", f.detail);
}

/* What each status means for a task that was to be made.  What is not here is unclear. */
static const struct refusal {
	int code;
	enum media_submit what;
	enum status status;
	bool next_channel;
} refusals[] = {
	{ 400, MEDIA_REFUSED, E_INVALID_REQUEST, false },
	{ 401, MEDIA_REFUSED, E_UPSTREAM_FAILED, true },
	{ 402, MEDIA_REFUSED, E_UPSTREAM_FAILED, true },
	{ 404, MEDIA_REFUSED, E_UPSTREAM_FAILED, true },
	{ 422, MEDIA_REFUSED, E_UPSTREAM_FAILED, true }, /* also: no such model there */
	{ 429, MEDIA_LATER, E_UPSTREAM_FAILED, true },
	{ 433, MEDIA_REFUSED, E_UPSTREAM_FAILED, true },
	{ 451, MEDIA_REFUSED, E_INVALID_REQUEST, false },
	{ 455, MEDIA_REFUSED, E_UPSTREAM_FAILED, true },
	{ 501, MEDIA_REFUSED, E_UPSTREAM_FAILED, false },
	{ 505, MEDIA_REFUSED, E_UPSTREAM_FAILED, true },
};

static void
submitted(const struct media_wire *self, struct arena *a, int http_status, const char *body, size_t len,
    struct media_submitted *out)
{
	int code;
	json_t *root = read_answer(http_status, body, len, &code);
	const char *id = json_string_value(json_object_get(json_object_get(root, "data"), "taskId"));

	(void)self;
	*out = (struct media_submitted){ .what = MEDIA_UNKNOWN, .status = E_UPSTREAM_FAILED };
	describe(out->detail, code, root);
	if (http_status / 100 == 2 && code == 200 && media_is_id(id)) {
		out->what = MEDIA_ACCEPTED;
		out->id = arena_strdup(a, id);
	}
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		if (refusals[i].code == code) {
			out->what = refusals[i].what;
			out->status = refusals[i].status;
			out->next_channel = refusals[i].next_channel;
			out->wait_ms = RATE_WAIT_MS;
		}
	json_decref(root);
}

static enum media_state
state_of(const char *word)
{
	if (word == NULL)
		return MEDIA_UNTOLD;
	if (strcmp(word, "waiting") == 0 || strcmp(word, "queuing") == 0)
		return MEDIA_WAITING;
	if (strcmp(word, "success") == 0)
		return MEDIA_DONE;
	return strcmp(word, "fail") == 0 ? MEDIA_FAILED : MEDIA_RUNNING;
}

/* {"resultUrls":[…]} in a string. */
static void
take_urls(struct arena *a, const char *text, struct media_told *out)
{
	json_t *result = text == NULL ? NULL : json_loads(text, 0, NULL), *url;
	size_t i;

	json_array_foreach(json_object_get(result, "resultUrls"), i, url) {
		const char *said = json_string_value(url);

		if (said != NULL && strlen(said) <= URL_BYTES_MAX && out->n_urls < MEDIA_URLS_MAX)
			out->urls[out->n_urls++] = arena_strdup(a, said);
	}
	json_decref(result);
}

static void
take_failure(const json_t *data, struct media_told *out)
{
	const char *code = failure_text(json_object_get(data, "failCode"));
	struct wire_failure f = { .status = OK };
	int n = (int)strtol(code, NULL, 10);

	out->status = n == 400 || n == 451 ? E_INVALID_REQUEST : E_UPSTREAM_FAILED;
	failure_describe(n, "", failure_text(json_object_get(data, "failMsg")), &f);
	snprintf(out->detail, sizeof(out->detail), "%s", f.detail);
}

static void
told(const struct media_wire *self, struct arena *a, int http_status, const char *body, size_t len,
    struct media_told *out)
{
	int code;
	json_t *root = read_answer(http_status, body, len, &code);
	const json_t *data = json_object_get(root, "data"), *progress = json_object_get(data, "progress"),
		     *cost = json_object_get(data, "creditsConsumed");

	(void)self;
	*out = (struct media_told){ .state = MEDIA_UNTOLD, .progress = -1, .cost = -1, .status = E_UPSTREAM_FAILED };
	describe(out->detail, code, root);
	out->is_missing = code == 404 || code == 422;
	if (http_status / 100 == 2 && code == 200)
		out->state = state_of(json_string_value(json_object_get(data, "state")));
	if (json_is_number(progress) && json_number_value(progress) >= 0 && json_number_value(progress) <= 100)
		out->progress = (int)json_number_value(progress);
	if (json_is_number(cost) && json_number_value(cost) >= 0 && json_number_value(cost) <= 1e9)
		out->cost = json_number_value(cost);
	if (out->state == MEDIA_DONE)
		take_urls(a, json_string_value(json_object_get(data, "resultJson")), out);
	if (out->state == MEDIA_FAILED)
		take_failure(data, out);
	json_decref(root);
}

static const char *
called(const struct media_wire *self, struct arena *a, const char *body, size_t len)
{
	json_t *root = json_loadb(body, len, 0, NULL);
	const json_t *data = json_object_get(root, "data");
	const char *id = json_string_value(json_object_get(data, "taskId"));

	(void)self;
	if (id == NULL)
		id = json_string_value(json_object_get(data, "task_id"));
	if (id == NULL)
		id = json_string_value(json_object_get(root, "taskId"));
	id = media_is_id(id) ? arena_strdup(a, id) : NULL;
	json_decref(root);
	return id;
}

const struct media_wire media_kie = {
	.provider = "kie", .submit = submit, .submitted = submitted, .query = query, .told = told, .called = called
};

/* ---- as a wire -------------------------------------------------------------------------- */

/* Nothing is asked of it that is answered at once. */
static void
failure(int http_status, const char *retry_after, const char *body, size_t len, struct wire_failure *out)
{
	int code;
	json_t *root = read_answer(http_status, body == NULL ? "" : body, body == NULL ? 0 : len, &code);

	failure_by_http(code, out);
	describe(out->detail, code, root);
	out->retry_after_ms = failure_wait_ms(retry_after, "s");
	json_decref(root);
}

extern const struct wire wire_kie;
const struct wire wire_kie = { .name = "kie", .endpoints = NULL, .n_endpoints = 0, .failure = failure };
