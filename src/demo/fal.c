/* fal's queue. The contract is in fal.h. */
#include "demo/fal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "demo/kie.h"

#define START "/fal-ai/"
#define REQUESTS "/requests/"
#define STATUS "/status"

bool
fal_is_path(struct span path)
{
	return path.len > sizeof START && memcmp(path.at, START, sizeof START - 1) == 0;
}

static void
put(struct run *run, int status, json_t *j)
{
	char *text = json_dumps(j, JSON_COMPACT);

	run->log.status = status;
	buf_puts(&run->body, text);
	free(text);
	json_decref(j);
}

static bool
is_authorized(const struct server_options *options, const struct h1_request *rq)
{
	struct span said = h1_header(rq, "authorization");

	return options->api_key == NULL ||
	    (said.len > 4 && memcmp(said.at, "Key ", 4) == 0 &&
		span_is((struct span){ said.at + 4, said.len - 4 }, options->api_key));
}

static void
make(struct run *run, struct loop *loop, const struct h1_request *rq, struct span body)
{
	struct buf model = BUF_INIT(0), callback = BUF_INIT(0);
	struct span webhook = h1_query(rq, "fal_webhook");
	json_t *input = json_loadb(body.at, body.len, 0, NULL);
	struct kie_ask ask = { .input = input, .is_fal = true };
	struct kie_made made;

	buf_add(&model, rq->path.at + 1, rq->path.len - 1);
	if (webhook.at != NULL)
		h1_decode(&callback, webhook);
	ask.model = buf_str(&model);
	ask.callback = callback.len > 0 ? buf_str(&callback) : NULL;
	kie_make(run, loop, &ask, &made);
	if (made.code != 200)
		put(run, made.code, json_pack("{s:s}", "detail", made.why));
	else
		put(run, 200,
		    json_pack("{s:s, s:s, s:i}", "request_id", made.id, "status", "IN_QUEUE", "queue_position", 0));
	json_decref(input);
	buf_free(&model);
	buf_free(&callback);
}

static void
tell(struct run *run, const char *state)
{
	bool is_done = strcmp(state, "success") == 0, is_failed = strcmp(state, "fail") == 0;
	const char *word = is_done || is_failed ? "COMPLETED"
	    : strcmp(state, "waiting") == 0	? "IN_QUEUE"
						: "IN_PROGRESS";
	json_t *j = json_pack("{s:s}", "status", word);

	if (is_failed)
		json_object_set_new(j, "error", json_string("the demo was told to fail"));
	put(run, is_done || is_failed ? 200 : 202, j);
}

static void
give(struct run *run, const char *state, const char *url)
{
	if (strcmp(state, "success") == 0)
		put(run, 200, json_pack("{s:[{s:s, s:s}]}", "images", "url", url, "content_type", "image/png"));
	else if (strcmp(state, "fail") == 0)
		put(run, 500, json_pack("{s:s}", "detail", "the demo was told to fail"));
	else
		put(run, 400, json_pack("{s:s}", "detail", "Request is still in progress"));
}

/* Behind /requests/ of its app, which has two words. */
static void
look(struct run *run, const struct h1_request *rq, const char *at)
{
	struct span id = { at + sizeof REQUESTS - 1,
		(size_t)(rq->path.at + rq->path.len - at) - (sizeof REQUESTS - 1) };
	bool is_status = id.len > sizeof STATUS - 1 &&
	    memcmp(id.at + id.len - (sizeof STATUS - 1), STATUS, sizeof STATUS - 1) == 0;
	const char *state;
	char url[512];

	id.len -= is_status ? sizeof STATUS - 1 : 0;
	if ((state = kie_look(rq, id, url, sizeof url)) == NULL)
		put(run, 404, json_pack("{s:s}", "detail", "Request not found"));
	else if (is_status)
		tell(run, state);
	else
		give(run, state, url);
}

void
fal_plan(struct run *run, struct loop *loop, const struct h1_request *rq, struct span body)
{
	const char *at = memmem(rq->path.at, rq->path.len, REQUESTS, sizeof REQUESTS - 1);

	if (!is_authorized(loop->server->options, rq))
		put(run, 401, json_pack("{s:s}", "detail", "Cannot access application"));
	else if (span_is(rq->method, "POST"))
		make(run, loop, rq, body);
	else if (at != NULL && memchr(rq->path.at + sizeof START - 1, '/', rq->path.len - (sizeof START - 1)) == at)
		look(run, rq, at);
	else
		put(run, 404, json_pack("{s:s}", "detail", "Not found"));
}
