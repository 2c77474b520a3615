/* Which path is which wire. The contract is in route.h. */
#include "demo/route.h"

#include <string.h>

const struct route routes[ROUTES] = {
	{ "/v1/chat/completions", &speaker_openai, openai_read_chat, NULL, false, false, false },
	{ "/v1/completions", &speaker_completions, openai_read_completion, NULL, false, false, false },
	{ "/v1/embeddings", &speaker_openai, openai_read_embed, openai_embeddings, false, false, false },
	{ "/v1/moderations", &speaker_openai, openai_read_moderation, openai_moderation, false, false, false },
	{ "/v1/rerank", &speaker_openai, rerank_read, rerank_jina, false, false, false },
	{ "/v2/rerank", &speaker_openai, rerank_read, rerank_cohere, false, false, false },
	{ "/v1/images/generations", &speaker_openai, image_read, image_answer, false, false, false },
	{ "/v1/images/edits", &speaker_openai, image_read, image_answer, false, false, true },
	{ "/v1/images/variations", &speaker_openai, image_read, image_answer, false, false, true },
	{ "/v1/audio/speech", &speaker_openai, speech_read, speech_answer, false, false, false },
	{ "/v1/audio/transcriptions", &speaker_openai, sound_read, sound_answer, false, false, true },
	{ "/v1/audio/translations", &speaker_openai, sound_read, sound_answer, false, false, true },
	{ "/v1/responses", &speaker_responses, responses_read, NULL, false, false, false },
	{ "/v1/responses/input_tokens", &speaker_responses, responses_read, responses_count, false, false, false },
	{ "/v1/responses/compact", &speaker_responses, responses_read, responses_compact, false, false, false },
	{ "/v1/messages", &speaker_anthropic, anthropic_read, NULL, false, false, false },
	{ "/v1/messages/count_tokens", &speaker_anthropic, anthropic_read, anthropic_count, false, false, false },
	{ "generateContent", &speaker_gemini, gemini_read, NULL, true, false, false },
	{ "streamGenerateContent", &speaker_gemini, gemini_read, NULL, true, true, false },
	{ "countTokens", &speaker_gemini, gemini_read_count, gemini_count, true, false, false },
	{ "embedContent", &speaker_gemini, gemini_read_embed, gemini_embedding, true, false, false },
	{ "batchEmbedContents", &speaker_gemini, gemini_read_embed, gemini_embeddings, true, false, false },
};

/* Cut a beginning off a path. */
static bool
skip(struct span *path, const char *start)
{
	size_t len = strlen(start);

	if (path->len < len || memcmp(path->at, start, len) != 0)
		return false;
	path->at += len;
	path->len -= len;
	return true;
}

static bool
skip_models(struct span *path)
{
	return skip(path, "/v1beta/models") || skip(path, "/v1/models");
}

const struct route *
route_find(struct span path, struct span *model)
{
	struct span rest = path, verb = path;
	const char *colon = NULL;

	*model = (struct span){ "", 0 };
	if (skip_models(&rest) && skip(&rest, "/"))
		colon = memrchr(rest.at, ':', rest.len);
	if (colon != NULL) {
		*model = (struct span){ rest.at, (size_t)(colon - rest.at) };
		verb = (struct span){ colon + 1, rest.len - model->len - 1 };
	}
	for (size_t i = 0; i < ROUTES; i++)
		if (routes[i].is_verb == (colon != NULL) && span_is(verb, routes[i].path))
			return &routes[i];
	return NULL;
}

const struct speaker *
route_speaker(const struct h1_request *rq)
{
	struct span path = rq->path, rest = rq->path;

	if (skip(&path, "/v1beta/") || h1_header(rq, "x-goog-api-key").at != NULL || h1_query(rq, "key").at != NULL ||
	    (skip_models(&rest) && memchr(rest.at, ':', rest.len) != NULL))
		return &speaker_gemini;
	path = rq->path;
	if (h1_header(rq, "anthropic-version").at != NULL || skip(&path, "/v1/messages"))
		return &speaker_anthropic;
	return &speaker_openai;
}

bool
route_is_models(const struct h1_request *rq, struct span *model)
{
	struct span path = rq->path;

	*model = (struct span){ "", 0 };
	if (!span_is(rq->method, "GET") || !skip_models(&path))
		return false;
	if (path.len > 0 && !skip(&path, "/"))
		return false;
	*model = path;
	return true;
}

bool
route_is_kept(const struct h1_request *rq, struct span *behind)
{
	*behind = rq->path;
	return skip(behind, "/v1/responses/");
}
